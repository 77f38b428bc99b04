"""What must hold before a document is registered, in the order in which a mistake is cheapest to explain."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import cast

import sqlalchemy as core
from sqlmodel import Session

from audit.several import Several
from consent import kinship
from consent.authorization import Authorization
from consent.errors import AuthorizationRefused, KeyNotEnrolled, NoticeUnknown, ScopeTerm
from consent.kinship import NotHerRepresentative
from consent.notice import Notice
from consent.noticeboard import Noticeboard
from consent.passkey import RelyingParty
from consent.passkeys import check_authenticator
from consent.people import People
from consent.person import PersonKey
from consent.signature import PASSKEY, Evidence, check_evidence
from consent.tables import AuthorizationRow, PersonKeyRow
from consent.voidterms import check_terms

_KEY = cast(core.Table, PersonKeyRow.__table__)  # type: ignore[attr-defined]
_KEYS = core.select(_KEY.c.person_id, _KEY.c.key, _KEY.c.method, _KEY.c.valid_from, _KEY.c.valid_until).where(
    _KEY.c.tenant_id == core.bindparam("tenant")
)
_ENROLLED = Several(lambda keys: _KEYS.where(_KEY.c.key.in_(keys)), "keys")
_HISTORY = Several(lambda people: _KEYS.where(_KEY.c.person_id.in_(people)), "people")

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
    """All but the signature.

    Raises `AuthorizationRefused`, `NotHerRepresentative`, `PersonUnknown`, `ScopeTerm`, `ScopeBundled`,
    `ScopeOpenList`, `NoticeUnknown`.
    """
    tenant = people.ledger.tenant
    if wanted.tenant != tenant:
        raise AuthorizationRefused("the document is for another tenant")
    check_capacity(session, wanted, people, now=now)
    if not wanted.scope.purposes:
        raise AuthorizationRefused("the document gives no purpose")
    check_terms(wanted.scope)
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
    notices, renewals = noticeboard.named(session, [wanted.notice])
    if not told_by(wanted, notices):
        raise NoticeUnknown(
            "the published notice is not the one named, or does not tell of all that is asked"
        )
    if not renewals.current(wanted.notice):
        raise NoticeUnknown("a later version of the notice says that the processing changed; show that one")


def check_capacity(session: Session, wanted: Authorization, people: People, *, now: datetime) -> None:
    """She is of the age it says, lives or has an heir who signs, and who acts for her is known to."""
    person, capacity = people.get(session, wanted.person), wanted.capacity
    if capacity.age is not person.age_at(now):
        raise AuthorizationRefused("the document's age band is not the one enrolled, or no longer hers")
    if (person.deceased_at is not None) != (capacity.heir is not None):
        raise AuthorizationRefused("an heir signs for the dead, and for nobody else")
    if wanted.signer != wanted.person:
        kin = kinship.of(session, people.ledger, [wanted.person])
        if not any(each.acts(capacity, now) for each in kin.get(wanted.person, ())):
            raise NotHerRepresentative("the signer is not recorded to act for her by that paper")


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
    session: Session,
    tenant: str,
    signer: str,
    evidence: bytes,
    message: bytes,
    *,
    now: datetime,
    party: RelyingParty | None = None,
) -> None:
    """`evidence` signs `message` by a key of `signer`'s, just now: a passkey's counter moves on.

    Raises `SignatureWrong`, `KeyNotEnrolled`, and `PasskeysUnready` for a passkey without `party`.
    """
    shown = Evidence.parse(evidence)
    check_evidence(shown, message, party)
    if not key_held(enrolled(session, tenant, [shown.key]), signer, shown, now):
        raise KeyNotEnrolled("the key is not enrolled for the signer, or no longer valid")
    if shown.method == PASSKEY and party is not None:
        check_authenticator(session, tenant, shown, message, party)


def enrolled(session: Session, tenant: str, keys: Collection[str]) -> dict[str, PersonKey]:
    """The enrolments of these public keys, as they are in the database now. Nobody's key is absent."""
    rows = _ENROLLED.run(session, {"tenant": tenant, "keys": list(keys)})
    return {row.key: PersonKey(*row) for row in rows}


def histories(session: Session, tenant: str, people: Collection[str]) -> dict[str, list[PersonKey]]:
    """All keys that these people ever had, by person."""
    found: dict[str, list[PersonKey]] = {}
    for row in _HISTORY.run(session, {"tenant": tenant, "people": sorted(people)}):
        found.setdefault(row.person_id, []).append(PersonKey(*row))
    return found


def key_held(keys: Mapping[str, PersonKey], person: str, evidence: Evidence, at: datetime) -> bool:
    """Whether the evidence's key is, in `keys`, enrolled for `person` and this method at that instant."""
    key = keys.get(evidence.key)
    return (
        key is not None
        and (key.person, key.method) == (person, evidence.method)
        and key.since <= at
        and (key.until is None or at < key.until)
    )
