"""Status statements: signed, good for a minute, about a handle or a file (as OCSP, RFC 6960).

A JWS (RFC 7515, RFC 8037) by the countersigning key, which /v1/trust hands out: `sub` is what was asked,
`status` one word, `iat` this update and `exp` the next. Whoever keeps one longer is wrong by at most that.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session

from audit import keyhistory
from audit.canonical import Json, canonical
from consent import handles
from consent.standing import Standing
from consent.words import Status as Word
from service.wiring import Record
from swap import outputs

GOOD_FOR = timedelta(seconds=60)
TYPE = "consentry-status+jwt"


class Status(StrEnum):
    """How it stands. What can't be told apart from nothing is unknown."""

    GOOD = "good"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    DISPUTED = "disputed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Statement:
    """One answer."""

    subject: str
    status: Status
    this_update: datetime
    next_update: datetime
    token: str
    """The JWS in compact form."""


def state(record: Record, subject: str) -> Statement:
    """What is so now of a handle (32 hex digits) or a released file (its SHA-256). Raises `DutyKeyEnded`."""
    now, key = record.clock(), record.registry.countersign
    with record.database.read() as session:
        keyhistory.expect(session, record.settings.tenant, key.kid)
        last = record.ledger.last_instant(session)
        now = now if last is None else max(now, last)
        status = (_file if len(subject) == 64 else _handle)(record, session, subject, now)
    begin = now.replace(microsecond=0)
    end = begin + GOOD_FOR
    header = _part({"alg": "EdDSA", "kid": key.kid, "typ": TYPE})
    said: dict[str, Json] = {
        "exp": int(end.timestamp()),
        "iat": int(begin.timestamp()),
        "status": str(status),
        "sub": subject,
    }
    signed = f"{header}.{_part(said)}"
    return Statement(subject, status, begin, end, f"{signed}.{_url(key.sign_text(signed.encode()))}")


def _handle(record: Record, session: Session, handle: str, now: datetime) -> Status:
    tenant = record.settings.tenant
    authorization = handles.authorization(session, tenant, handle)
    if authorization is None:
        return Status.UNKNOWN
    found = record.registry.standings(session, tenant, [authorization], now=now, lock=None)
    return _worst([of(each) for each in found.values()])


def _file(record: Record, session: Session, digest: str, now: datetime) -> Status:
    tenant = record.settings.tenant
    said = []
    for name in outputs.every_of_digest(session, tenant, digest):
        output = outputs.get(session, tenant, name)
        until = output.delete_after
        if output.withdrawn_at is not None and (until is None or output.withdrawn_at < until):
            said.append(Status.WITHDRAWN)
        elif until is not None and until <= now:
            said.append(Status.EXPIRED)
        elif output.frozen:
            said.append(Status.DISPUTED)
        else:
            needed = outputs.foundations(session, tenant, name)
            found = record.registry.standings(session, tenant, sorted(needed), now=now, lock=None)
            if not needed or len(found) < len(needed):
                said.append(Status.UNKNOWN)
            said += [of(found[each], needed[each]) for each in found]
    return _worst(said)


def of(standing: Standing, purposes: Sequence[str] | None = None) -> Status:
    """One word for an authorization: `purposes` must all be in force; without, one of hers must."""
    if standing.disputed:
        return Status.DISPUTED
    named = [p for p in standing.status if purposes is None or str(p) in purposes]
    if not named or (purposes is not None and len(named) < len(purposes)):
        return Status.UNKNOWN
    ended = {standing.status[purpose] for purpose in named if not standing.in_force(purpose)}
    if not ended or (purposes is None and any(map(standing.in_force, named))):
        return Status.GOOD
    if ended & {Word.WITHDRAWN, Word.REVOKED, Word.INVALIDATED}:
        return Status.WITHDRAWN
    return Status.EXPIRED if ended == {Word.EXPIRED} else Status.UNKNOWN


def _worst(said: list[Status]) -> Status:
    order = (Status.WITHDRAWN, Status.DISPUTED, Status.EXPIRED, Status.UNKNOWN, Status.GOOD)
    return next((word for word in order if word in said), Status.UNKNOWN)


def _part(value: Mapping[str, Json]) -> str:
    return _url(canonical(value))


def _url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
