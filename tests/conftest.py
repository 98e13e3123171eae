"""One Hypothesis profile: no deadline, as machines are shared and a test bounds no time."""

from hypothesis import settings

settings.register_profile("deepsentry", deadline=None)
settings.load_profile("deepsentry")
