"""A table of deepsentry.toml."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings that belong together; frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
