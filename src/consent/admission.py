"""What must hold before a document is registered, in the order in which a mistake is cheapest to explain."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import cast

import sqlalchemy as core
from sqlmodel import Session

from consent.authorization import Authorization
from consent.errors import AuthorizationRefused, KeyNotEnrolled, NoticeUnknown, ScopeTerm
from consent.notice import Notice
from consent.noticeboard import Noticeboard
from consent.people import People
from consent.person import PersonKey
from consent.signature import Evidence, check_evidence
from consent.tables import AuthorizationRow, PersonKeyRow

_KEY = cast(core.Table, PersonKeyRow.__table__)  # type: ignore[attr-defined]
_ENROLLED = core.select(
    _KEY.c.person_id, _KEY.c.key, _KEY.c.method, _KEY.c.valid_from, _KEY.c.valid_until
).where(_KEY.c.tenant_id == core.bindparam("tenant"), _KEY.c.key.in_(core.bindparam("keys", expanding=True)))

SKEW = timedelta(seconds=60)
"""How far a document's `issued_at` may be ahead of the clock."""

SIGNING_WINDOW = timedelta(days=30)
"""How long a drawn-up document may wait for a signature. The world it describes grows old."""

LONGEST_TERM = timedelta(days=1096)
"""Three years: what a tenant accepts unless it says otherwise."""


def check_admissible(
    session: Session,
    wanted: Authorization,
    people: People,
    noticeboard: Noticeboard,
    *,
    longest: timedelta,
    now: datetime,
) -> None:
    """All but the signature. Raises `AuthorizationRefused`, `PersonUnknown`, `ScopeTerm`, `NoticeUnknown`."""
    tenant = people.ledger.tenant
    if wanted.tenant != tenant:
        raise AuthorizationRefused("the document is for another tenant")
    if wanted.capacity.age is not people.get(session, wanted.person).age:
        raise AuthorizationRefused("the document's age band is not the one enrolled")
    if not wanted.scope.purposes:
        raise AuthorizationRefused("the document gives no purpose")
    if wanted.issued_at > now + SKEW:
        raise AuthorizationRefused("the document was issued in the future")
    if now - wanted.issued_at > SIGNING_WINDOW:
        raise AuthorizationRefused(f"the document waited more than {SIGNING_WINDOW.days} days")
    if now >= wanted.scope.term.end:
        raise AuthorizationRefused("the document's term has ended")
    if wanted.scope.term.end - wanted.scope.term.start > longest:
        raise ScopeTerm(f"scope.term: this tenant accepts at most {longest.days} days")
    if session.get(AuthorizationRow, (tenant, wanted.id)) is not None:
        raise AuthorizationRefused("an authorization with this id is registered already")
    if not told_by(wanted, noticeboard.published(session, [wanted.notice.sha256])):
        raise NoticeUnknown(
            "the published notice is not the one named, or does not tell of all that is asked"
        )


def told_by(document: Authorization, published: Mapping[str, Notice]) -> bool:
    """Whether the notice the document names is `published`, is the one it says, tells of all of it."""
    notice, ref = published.get(document.notice.sha256), document.notice
    return (
        notice is not None
        and (notice.id, notice.version, notice.language) == (ref.id, ref.version, ref.language)
        and (notice.controller, notice.withdrawal) == (document.controller, document.withdrawal)
        and notice.tells_of(document.scope.purposes, document.scope.modalities)
    )


def check_signed(
    session: Session, tenant: str, signer: str, evidence: bytes, message: bytes, *, now: datetime
) -> None:
    """`evidence` signs `message` by a key of `signer`'s. Raises `SignatureWrong`, `KeyNotEnrolled`."""
    shown = Evidence.parse(evidence)
    check_evidence(shown, message)
    if not key_held(enrolled(session, tenant, [shown.key]), signer, shown, now):
        raise KeyNotEnrolled("the key is not enrolled for the signer, or no longer valid")


def enrolled(session: Session, tenant: str, keys: Collection[str]) -> dict[str, PersonKey]:
    """The enrolments of these public keys, as they are in the database now. Nobody's key is absent."""
    rows = session.connection().execute(_ENROLLED, {"tenant": tenant, "keys": list(keys)})
    return {row.key: PersonKey(*row) for row in rows}


def key_held(keys: Mapping[str, PersonKey], person: str, evidence: Evidence, at: datetime) -> bool:
    """Whether the evidence's key is, in `keys`, enrolled for `person` and this method at that instant."""
    key = keys.get(evidence.key)
    return (
        key is not None
        and (key.person, key.method) == (person, evidence.method)
        and key.since <= at
        and (key.until is None or at < key.until)
    )
