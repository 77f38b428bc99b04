"""Keys for the API. A token is shown once, when it is made."""

from pydantic import Field

from service.apikeys import KeyRole
from service.shapes.shape import Digest, Id, Instant, Label, Shape


class IssueKey(Shape):
    """A key for one role. A creator's key names its person."""

    role: KeyRole
    name: Label = Field(description="Whose key it is; it stands as the requester in decisions.")
    person: Id | None = None
    days: int = Field(90, ge=1, le=366)


class Key(Shape):
    """A key, without its secret."""

    id: Id
    role: KeyRole
    name: str
    person: str | None
    issued_at: Instant
    expires_at: Instant
    revoked_at: Instant | None
    used_at: Instant | None
    follows: str | None


class NewKey(Shape):
    """A key with its token."""

    key: Key
    token: str
    entry: Digest
