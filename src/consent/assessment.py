"""From stored rows to a `Standing`: bytes parsed, signatures checked, term and deny journal applied, now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as core
from sqlmodel import Session

from audit.canonical import NotCanonical
from audit.errors import BadInput
from audit.journal import DenyJournal
from audit.keys import BadSignature, VerifyingKey
from consent import chain
from consent.admission import key_held, told_by
from consent.authorization import Authorization, parse
from consent.errors import AuthorizationDiverged, SignatureWrong
from consent.noticeboard import Noticeboard
from consent.signature import Evidence, check_evidence, to_countersign, to_sign
from consent.standing import Lock, Standing
from consent.tables import AuthorizationRow, PersonRow
from consent.words import AgeBand, ProofLevel, Status

_AUTHORIZATION = cast(core.Table, AuthorizationRow.__table__)  # type: ignore[attr-defined]
_PERSON = cast(core.Table, PersonRow.__table__)  # type: ignore[attr-defined]
_ROWS = core.select(_AUTHORIZATION, _PERSON.c.proof, _PERSON.c.age).where(
    _AUTHORIZATION.c.tenant_id == core.bindparam("tenant"),
    _AUTHORIZATION.c.id.in_(core.bindparam("ids", expanding=True)),
    _PERSON.c.tenant_id == _AUTHORIZATION.c.tenant_id,
    _PERSON.c.id == _AUTHORIZATION.c.person_id,
)


@dataclass(frozen=True, slots=True)
class Assessor:
    """Reads how authorizations stand. Nothing it returns is remembered: the next call asks again."""

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
        rows = session.connection().execute(_ROWS, {"tenant": tenant, "ids": wanted})
        found = {}
        for row in rows:
            document = _document(row, tenant)
            state = states.get(row.id, ())
            if {s.purpose for s in state} != document.scope.purposes or not chain.intact(
                chains.get(row.id, ()), state
            ):
                raise AuthorizationDiverged(
                    "the chain of an authorization and its state contradict each other"
                )
            found[row.id] = Standing(
                authorization=row.id,
                person=row.person_id,
                head=state[0].head,
                document=document,
                signature_valid=self._signed(session, row, document),
                notice_matches=told_by(session, document, self.noticeboard),
                status={s.purpose: self._status(s, document, now) for s in state},
                uses_left={s.purpose: s.left for s in state},
                proof=chain.read_word(ProofLevel, row.proof),
                age=chain.read_word(AgeBand, row.age),
                disputed=any(s.disputed for s in state),
            )
        return found

    def _status(self, state: chain.State, document: Authorization, now: datetime) -> Status:
        if not state.status.valid:
            return state.status
        # The journal outlives the database: a restored copy may say given where she has withdrawn.
        if self.journal.denies(document.id, state.purpose):
            return Status.WITHDRAWN
        # The document's own term, not a column beside it: a column can be edited.
        if now >= document.scope.term.end:
            return Status.EXPIRED
        return state.status if document.scope.term.holds(now) else Status.UNKNOWN

    def _signed(self, session: Session, row: core.Row[Any], document: Authorization) -> bool:
        key = self.trusted.get(row.kid)
        if key is None:
            return False
        try:
            evidence = Evidence.parse(row.evidence)
            check_evidence(evidence, to_sign(row.document))
            key.check(to_countersign(document.digest, row.evidence, row.received_at), row.countersignature)
        except (SignatureWrong, BadSignature):
            return False
        return key_held(session, row.tenant_id, document.signer, evidence, row.received_at)


def _document(row: core.Row[Any], tenant: str) -> Authorization:
    try:
        document = parse(row.document)
    except (BadInput, NotCanonical):
        raise AuthorizationDiverged("the stored bytes of an authorization are no document any more") from None
    if (document.id, document.tenant, document.person) != (row.id, tenant, row.person_id):
        raise AuthorizationDiverged("a stored authorization is filed under another id, tenant or person")
    return document
