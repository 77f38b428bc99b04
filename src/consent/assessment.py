"""From stored rows to a `Standing`: bytes parsed, signatures checked, term and deny journal applied, now.

What can change is read here at every call: state, chain, keys, notices, journal. What follows from
bytes alone is computed once and remembered *by those bytes*: the same document always says the same,
and a signature that verifies over them always does. An edited row is other bytes, and starts anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeAlias, cast

import sqlalchemy as core
from sqlmodel import Session

from audit.canonical import Json, NotCanonical
from audit.errors import BadInput
from audit.fact import Subject
from audit.journal import DenyJournal
from audit.keys import BadSignature, VerifyingKey
from audit.remembered import Remembered
from consent import chain, refusals, resemblances
from consent.admission import enrolled, key_held, told_by
from consent.authorization import Authorization, parse
from consent.errors import AuthorizationDiverged, SignatureWrong
from consent.noticeboard import Noticeboard
from consent.signature import Evidence, check_evidence, to_countersign, to_sign
from consent.standing import Lock, Standing
from consent.tables import AuthorizationRow, PersonRow
from consent.words import AgeBand, ProofLevel, Status

_REMEMBERED = 256
"""Documents and signatures of a service's usual cast. At their largest 70 MB; usually one."""

_ENROLLED: Remembered[tuple[Json, Json]] = Remembered(_REMEMBERED)
"""Proof and age, by person and leaf hash of her enrolment."""

_Row: TypeAlias = "core.Row[*tuple[Any, ...]]"

_AUTHORIZATION = cast(core.Table, AuthorizationRow.__table__)  # type: ignore[attr-defined]
_PERSON = cast(core.Table, PersonRow.__table__)  # type: ignore[attr-defined]
_ROWS = core.select(
    _AUTHORIZATION.c.id,
    _AUTHORIZATION.c.person_id,
    _AUTHORIZATION.c.document,
    _AUTHORIZATION.c.evidence,
    _AUTHORIZATION.c.received_at,
    _AUTHORIZATION.c.kid,
    _AUTHORIZATION.c.countersignature,
    _PERSON.c.proof,
    _PERSON.c.age,
    _PERSON.c.entry.label("enrolled"),
).where(
    _AUTHORIZATION.c.tenant_id == core.bindparam("tenant"),
    _AUTHORIZATION.c.id.in_(core.bindparam("ids", expanding=True)),
    _PERSON.c.tenant_id == _AUTHORIZATION.c.tenant_id,
    _PERSON.c.id == _AUTHORIZATION.c.person_id,
)


@dataclass(frozen=True, slots=True)
class Assessor:
    """Reads how authorizations stand. No standing is remembered: the next call asks again."""

    noticeboard: Noticeboard
    journal: DenyJournal
    trusted: Mapping[str, VerifyingKey]
    """Countersigning keys by kid. A row can't bring its own."""

    def standings(
        self, session: Session, ids: Sequence[str], *, now: datetime, lock: Lock
    ) -> dict[str, Standing]:
        """See `consent.standing.Standings`."""
        tenant = self.noticeboard.ledger.tenant
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        chain.lock_states(session, tenant, wanted, lock)
        # A later statement: only now is what we read what nobody can change until we commit.
        states = chain.states(session, tenant, wanted)
        chains = chain.events(session, tenant, wanted)
        rows = session.connection().execute(_ROWS, {"tenant": tenant, "ids": wanted}).all()
        documents = {row.id: _document(row, tenant) for row in rows}
        evidence = {row.id: self._evidence(row) for row in rows}
        keys = enrolled(session, tenant, {shown.key for shown in evidence.values() if shown is not None})
        notices = self.noticeboard.published(session, {d.notice.sha256 for d in documents.values()})
        given = [(id_, state.purpose) for id_ in states for state in states[id_] if state.status.valid]
        denied = self.journal.denied(given)
        people = {row.person_id for row in rows}
        refused = refusals.listed(session, tenant, refusals.Kind.PERSON, people)
        protected = resemblances.held(session, tenant, people)
        found = {}
        for row in rows:
            document, shown, state = documents[row.id], evidence[row.id], states.get(row.id, ())
            if {s.purpose for s in state} != document.scope.purposes or not chain.intact(
                chains.get(row.id, ()), state
            ):
                raise AuthorizationDiverged(
                    "the chain of an authorization and its state contradict each other"
                )
            if any(s.most != document.scope.limit(s.purpose) for s in state):
                # The counter is a row, and a larger number in it would be more uses than she signed for.
                raise AuthorizationDiverged("a counter allows another number of uses than was signed for")
            if self._enrolled(session, row.person_id, row.enrolled) != (row.proof, row.age):
                raise AuthorizationDiverged("a person's proof or age is not the one she was enrolled with")
            found[row.id] = Standing(
                authorization=row.id,
                person=row.person_id,
                head=state[0].head,
                document=document,
                signature_valid=shown is not None
                and key_held(keys, document.signer, shown, at=row.received_at),
                notice_matches=told_by(document, notices),
                status={
                    s.purpose: Status.REFUSED
                    if row.person_id in refused and s.status.valid
                    else _status(s, document, denied, now)
                    for s in state
                },
                uses_left={s.purpose: s.left for s in state},
                proof=chain.read_word(ProofLevel, row.proof),
                age=chain.read_word(AgeBand, row.age),
                disputed=any(s.disputed for s in state),
                protected=row.person_id in protected,
            )
        return found

    def _enrolled(self, session: Session, person: str, entry: str) -> tuple[Json, Json] | None:
        """Proof and age as the log has them. Opened once: what a leaf hash names never says anything else."""

        def said() -> tuple[Json, Json] | None:
            said = self.noticeboard.ledger.opened(session, entry, Subject("person", person))
            if said is None or said.get("person") != person:
                return None
            return said.get("proof"), said.get("age")

        return _ENROLLED.of((person, entry), said)

    def _evidence(self, row: _Row) -> Evidence | None:
        key = self.trusted.get(row.kid)
        if key is None:
            return None
        return _signed(row.document, row.evidence, row.received_at, row.countersignature, key)


def _status(
    state: chain.State, document: Authorization, denied: frozenset[tuple[str, str]], now: datetime
) -> Status:
    if not state.status.valid:
        return state.status
    # The journal outlives the database: a restored copy may say given where she has withdrawn.
    if (document.id, state.purpose) in denied:
        return Status.WITHDRAWN
    # The document's own term, not a column beside it: a column can be edited.
    if now >= document.scope.term.end:
        return Status.EXPIRED
    return state.status if document.scope.term.holds(now) else Status.UNKNOWN


def _document(row: _Row, tenant: str) -> Authorization:
    try:
        document = _parsed(row.document)
    except (BadInput, NotCanonical):
        raise AuthorizationDiverged("the stored bytes of an authorization are no document any more") from None
    if (document.id, document.tenant, document.person) != (row.id, tenant, row.person_id):
        raise AuthorizationDiverged("a stored authorization is filed under another id, tenant or person")
    return document


_parsed = lru_cache(maxsize=_REMEMBERED)(parse)


@lru_cache(maxsize=_REMEMBERED)
def _signed(
    document: bytes, evidence: bytes, received_at: datetime, countersignature: bytes, key: VerifyingKey
) -> Evidence | None:
    """The evidence, if it signs the document and `key` both, as arrived then; else None.

    Everything it depends on is an argument. Whose key hers is, and when, is not asked here.
    """
    try:
        shown = Evidence.parse(evidence)
        check_evidence(shown, to_sign(document))
        key.check(to_countersign(sha256(document).hexdigest(), evidence, received_at), countersignature)
    except (SignatureWrong, BadSignature):
        return None
    return shown
