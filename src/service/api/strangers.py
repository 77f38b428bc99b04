"""Who comes without a key, with a token or a code instead: whether there is any such thing, and the limit.

Looked at in a read session, before any lock: who guesses must not hold up those who write.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fastapi import Request

from audit.errors import BadInput
from consent import pausing
from consent.errors import AuthorizationUnknown, RecoveryCodeWrong
from consent.links import LinkSpent, LinkUnknown
from service.api.house import House
from service.api.limits import Limits


@contextmanager
def counted(request: Request, *errors: type[BadInput]) -> Iterator[None]:
    """Who is told one of `errors` is a stranger, and held to their limit. Raises `RateLimited`."""
    try:
        yield
    except errors:
        limits: Limits = request.app.state.limits
        limits.strangers.take(request.client.host if request.client else "")
        raise


def expect_link(house: House, request: Request, token: str) -> None:
    """Raise `LinkUnknown` for a token that is none. One that is spent may be told its answer again."""
    with counted(request, LinkUnknown), suppress(LinkSpent), house.database.read() as session:
        house.links.open(session, token, now=house.clock())


def expect_code(house: House, request: Request, authorization: str, code: str) -> None:
    """Raise `AuthorizationUnknown` or `RecoveryCodeWrong` for a code that is none."""
    with counted(request, AuthorizationUnknown, RecoveryCodeWrong), house.database.read() as session:
        pausing.by_code(session, house.tenant, authorization, code)
