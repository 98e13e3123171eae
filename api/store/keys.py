"""Keys with which programs ask: of one project, with a role, for a time."""

from datetime import datetime

from api.roles import Role
from api.store.collection import Store, Stored


class ApiKey(Stored, frozen=True, kw_only=True):
    """A key; its secret is kept as SHA-256 only, which 256 random bits allow."""

    project: str
    name: str
    role: Role
    digest: bytes
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None = None


class ApiKeys:
    """The collection of keys."""

    def __init__(self, store: Store) -> None:
        self.all = store.collection("keys", ApiKey)
