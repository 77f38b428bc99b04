"""Who calls, and whether the route is for them. A route without `allow` does not start (`app.build`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from audit.errors import BadInput
from service.api.house import House, TheHouse, not_found
from service.api.limits import Limits
from service.api.problem import NotAllowed
from service.apikeys import USED_EVERY, ApiKey, KeyMissing, KeyRole

OPEN = frozenset(
    {
        "/healthz",  # a supervisor has no key, and is told codes alone
        "/readyz",
        "/v1/notices",  # texts of record, to be read before there is any key
        "/v1/trust",  # what verifiers need, and no secret: they trust what they got from elsewhere too
        "/log/checkpoint",  # the log is public: a log that only its keeper can read proves nothing
        "/log/tile/{path:path}",  # hashes and sealed entries, as above
        "/log/pruned",  # and from which on it is kept
        "/v1/takedowns",  # who sees herself in a file may have no key; what is asked is looked at
        "/v1/status/{subject}",  # for those who rely on a consent elsewhere: a word about a handle, no secret
        "/v1/withdrawals",  # withdrawing is as easy as granting: the code of her receipt is enough
        "/sign",  # the page a link leads to: static, and without the link's token it shows nothing
        "/sign/{name}",  # its script and style
        "/v1/links",  # what a link is for: its token is the authority, 256 bits, once and for a while.
        "/v1/passkeys/options",  # as above. An operator can open a link himself: her inbox tells of each key
        "/v1/passkeys",  # as above
        "/v1/signatures",  # as above, and her signature, which nobody else can make
        "/v1/confirmations",  # as above
        "/v1/pauses",  # pausing too
        "/v1/resumptions",  # and going on: she has no more to show than the code by which she paused
        "/v1/links/openings",  # whom we ask need have no key here: her link, of 256 bits, is enough to read,
        "/v1/links/drafts",  # to see what a smaller yes would say,
        "/v1/links/answers",  # to bring her signature, without which nothing is given,
        "/v1/links/refusals",  # and to say no: whoever forges that has only kept something from happening
    }
)
"""Routes that anybody may call. Each needs its reason here."""

BEARER = HTTPBearer(auto_error=False, description="`ck_<id>_<secret>`, as `consentry key issue` prints it.")
_Given = Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a key. `requester` is what stands in decisions: the caller can't choose it.

    `line` is the first of the keys that this one was rotated from: its uploads and requests are his.
    """

    key: str
    line: str
    role: KeyRole
    requester: str
    person: str | None

    def may_see(self, person: str) -> bool:
        """Whether what is about this person may be shown. Creators see themselves."""
        return self.role is not KeyRole.CREATOR or self.person == person

    def expect(self, person: str, what: str) -> None:
        """Raise `NoSuchThing` where `may_see` says no: that it exists is not told either."""
        if not self.may_see(person):
            raise not_found(what)


async def authenticate(request: Request, house: TheHouse, given: _Given) -> Caller:
    """The caller of this request.

    Raises `KeyMissing`, `KeyInvalid`, `KeyExpired`, `KeyRevoked`, `RateLimited`.
    """
    if isinstance(known := getattr(request.state, "caller", None), Caller):
        # Asked for its Idempotency-Key's sake already: one request counts once.
        return known
    client = request.client.host if request.client else ""
    limits: Limits = request.app.state.limits
    try:
        if given is None or given.scheme.lower() != "bearer":
            raise KeyMissing("expected the header Authorization: Bearer ck_...")
        key, line = await run_in_threadpool(_find, house, given.credentials)
    except BadInput:
        # Not before the key was looked at: behind a proxy a stranger may have everybody's address, and
        # would shut them all out.
        limits.strangers.take(client)
        raise
    limits.callers.take(key.id)
    request.state.token = given.credentials
    request.state.caller = caller = Caller(key.id, line, key.role, key.name, key.person)
    return caller


def allow(*roles: KeyRole) -> Any:
    """The caller of a route, if his key has one of these roles. Raises `NotAllowed`."""

    async def allowed(caller: Annotated[Caller, Depends(authenticate)]) -> Caller:
        if caller.role not in roles:
            raise NotAllowed(f"this route is for {', '.join(roles)}")
        return caller

    allowed.roles = frozenset(roles)  # type: ignore[attr-defined]
    return Depends(allowed)


def roles_of(call: Callable[..., object] | None) -> frozenset[KeyRole] | None:
    """The roles that a dependency made by `allow` lets in; None for any other dependency."""
    found: frozenset[KeyRole] | None = getattr(call, "roles", None)
    return found


Operator = Annotated[Caller, allow(KeyRole.OPERATOR)]
Creator = Annotated[Caller, allow(KeyRole.CREATOR)]
Auditor = Annotated[Caller, allow(KeyRole.AUDITOR)]
OperatorOrAuditor = Annotated[Caller, allow(KeyRole.OPERATOR, KeyRole.AUDITOR)]
OperatorOrCreator = Annotated[Caller, allow(KeyRole.OPERATOR, KeyRole.CREATOR)]
AnyButEngine = Annotated[Caller, allow(KeyRole.OPERATOR, KeyRole.CREATOR, KeyRole.AUDITOR)]
AnyButCreator = Annotated[Caller, allow(KeyRole.OPERATOR, KeyRole.AUDITOR, KeyRole.ENGINE)]
Anybody = Annotated[Caller, allow(*KeyRole)]


def _find(house: House, token: str) -> tuple[ApiKey, str]:
    now = house.clock()
    with house.database.read() as session:
        key = house.keys.find(session, token, now=now)
        line = house.keys.first(session, key)
    if key.used_at is None or now - key.used_at >= USED_EVERY:
        with house.database.write() as session:
            house.keys.used(session, key.id, now=now)
    return key, line
