"""Status statements: signed, short-lived, about nobody."""

from pydantic import Field

from service.shapes.shape import Id, Instant, Shape
from service.statuses import Status


class Statement(Shape):
    """How something stands, in clear and signed. Only `token` proves it."""

    subject: str
    status: Status
    this_update: Instant
    next_update: Instant
    token: str = Field(description="A JWS (EdDSA) by the countersigning key of /v1/trust.")


class Handle(Shape):
    """Under which name others may ask how an authorization stands."""

    authorization: Id
    status_handle: Id
