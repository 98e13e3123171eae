"""One Hypothesis profile, without a deadline: machines are shared. `make fuzz` repeats properties."""

import os
import time

import pytest
from hypothesis import is_hypothesis_test, settings

settings.register_profile("deepsentry", deadline=None)
settings.load_profile("deepsentry")


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Where FUZZ_SECONDS is set, try a property with new examples for so long."""
    seconds = float(os.environ.get("FUZZ_SECONDS", "0"))
    if not seconds or not is_hypothesis_test(pyfuncitem.obj):
        return None
    until = time.monotonic() + seconds
    parameters = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    while time.monotonic() < until:
        pyfuncitem.obj(**parameters)
    return True
