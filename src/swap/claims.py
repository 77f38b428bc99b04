"""Claims: a takedown request by anybody, or a court's order. Other hands on the lever of a withdrawal.

What a claim is about freezes in the transaction that receives it, under the same locks. A takedown is
looked at within 48 hours, or what a pack asks: confirmed, its outputs are withdrawn and the same bytes do
not come in again; rejected, what nothing else holds is thawed. An order holds until it is lifted. Who
claims, and what she states, is sealed and apart, and goes 30 days after the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session, col, func, select

from audit import instant
from audit.canonical import Json, canonical, digest
from audit.fact import Fact, Part, Subject
from audit.ids import Entropy, fresh
from audit.keystore import KeyStore
from audit.ledger import Ledger
from audit.spelling import of_json
from consent.registry import Registry
from consent.withdrawal import By, How, WithdrawalEffect
from swap import blocking, duties, library, outputs
from swap.claim import Claim, ClaimClosed, State, StatementTooShort, Target, What
from swap.claimtables import ClaimContactRow, ClaimRow
from swap.duties import Kind
from swap.errors import NoSuchThing
from swap.hooks import Event
from swap.reach import Reach, reach
from swap.retention import BATCH
from swap.tidings import Herald

CLOCK = timedelta(hours=48)
"""Within which a takedown request is answered where no pack asks for less (TAKE IT DOWN Act)."""
CONTACT_KEPT = timedelta(days=30)
"""After the answer, and an appeal's term with it."""
_SEALED = "claim-contact"


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one tenant. Must not be used without the edge having authorised its caller."""

    ledger: Ledger
    keystore: KeyStore
    registry: Registry
    effect: WithdrawalEffect
    entropy: Entropy
    clock: timedelta = CLOCK

    @property
    def tenant(self) -> str:
        """Whose they are."""
        return self.ledger.tenant

    def request(
        self,
        session: Session,
        target_kind: Target,
        target: str,
        statement: str,
        contact: str,
        *,
        now: datetime,
    ) -> Claim:
        """Anybody asks that something be taken down: frozen now, looked at within `clock`.

        Raises `NoSuchThing`, `StatementTooShort`.
        """
        if len(statement.strip()) < 20 or not contact.strip():
            raise StatementTooShort("expected a statement of at least 20 characters, and a contact")
        if target_kind is Target.AUTHORIZATION:
            raise NoSuchThing("a takedown is about an output, a template or a file")
        self._locked(session, target_kind, target)
        # Who was told no would else keep a template frozen for ever by asking every two days.
        rejected = self._with(session, target_kind, target, What.TAKEDOWN, State.REJECTED)
        claim = self._open(
            session,
            What.TAKEDOWN,
            target_kind,
            target,
            digest(statement.encode()),
            by="anybody",
            freezes=not rejected,
            now=now,
        )
        said = canonical({"contact": contact, "statement": statement})
        sealed = self.keystore.encrypt(Subject("tenant", self.tenant), f"{_SEALED}/{claim.id}", said)
        session.add(ClaimContactRow(tenant_id=self.tenant, claim_id=claim.id, sealed=sealed))
        session.flush()
        return claim

    def order(
        self, session: Session, target_kind: Target, target: str, document: str, *, by: str, now: datetime
    ) -> Claim:
        """A court's order, by its SHA-256: frozen now, until lifted. The same again changes nothing.

        Raises `NoSuchThing`, `AuthorizationUnknown`.
        """
        self._locked(session, target_kind, target)
        for claim in self._with(session, target_kind, target, What.INJUNCTION, State.OPEN):
            if claim.document == document:
                return claim
        return self._open(
            session, What.INJUNCTION, target_kind, target, document, by=by, freezes=True, now=now
        )

    def decide(
        self, session: Session, claim_id: str, *, confirm: bool, by: str, reason: str, now: datetime
    ) -> Claim:
        """Answer a takedown request, with the reason. Raises `NoSuchThing`, `ClaimClosed`."""
        claim = self.get(session, claim_id)
        if claim.kind is not What.TAKEDOWN:
            raise NoSuchThing("no such takedown request")
        reach = self._locked(session, claim.target_kind, claim.target)
        if not confirm:
            closed = self._close(session, claim_id, State.REJECTED, "TakedownDecided", by, reason, now)
            self._thaw(session, closed, reach, now)
            return closed
        closed = self._close(session, claim_id, State.CONFIRMED, "TakedownDecided", by, reason, now)
        self._freeze(session, closed, reach, now)
        for template in reach.templates:
            found = library.get(session, self.tenant, template)
            for one in (found.received_digest, found.media_digest):
                if one is not None:
                    blocking.block(session, self.tenant, one, claim_id, now=now)
        for output in reach.outputs:
            blocking.block(
                session, self.tenant, outputs.get(session, self.tenant, output).digest, claim_id, now=now
            )
            duties.owe(session, self.tenant, Kind.WITHDRAW_OUTPUT, output, now=now, entropy=self.entropy)
        return closed

    def lift(self, session: Session, claim_id: str, *, by: str, reason: str, now: datetime) -> Claim:
        """End a court's order; `reason`: the SHA-256 of the paper that ends it, or why.

        Raises `NoSuchThing`, `ClaimClosed`.
        """
        claim = self.get(session, claim_id)
        if claim.kind is not What.INJUNCTION:
            raise NoSuchThing("no such order")
        reach = self._locked(session, claim.target_kind, claim.target)
        closed = self._close(session, claim_id, State.LIFTED, "InjunctionLifted", by, reason, now)
        self._thaw(session, closed, reach, now)
        return closed

    def get(self, session: Session, claim: str) -> Claim:
        """One claim. Raises `NoSuchThing`."""
        row = session.get(ClaimRow, (self.tenant, claim), populate_existing=True)
        if row is None:
            raise NoSuchThing("no such claim here")
        return _value(row)

    def every(self, session: Session, *, only_open: bool = False) -> Sequence[Claim]:
        """Claims, oldest first, at most a thousand."""
        query = select(ClaimRow).where(ClaimRow.tenant_id == self.tenant)
        if only_open:
            query = query.where(ClaimRow.state == State.OPEN)
        rows = session.exec(query.order_by(col(ClaimRow.received_at), col(ClaimRow.id)).limit(1000))
        return [_value(row) for row in rows]

    def contact(self, session: Session, claim: str) -> Mapping[str, str] | None:
        """Who made it and what was stated, opened for an operator; None once its date has come."""
        row = session.get(ClaimContactRow, (self.tenant, claim))
        if row is None:
            return None
        said = self.keystore.decrypt(Subject("tenant", self.tenant), f"{_SEALED}/{claim}", row.sealed)
        return cast("Mapping[str, str]", of_json(said))

    # Steps

    def _locked(self, session: Session, target_kind: Target, target: str) -> Reach:
        """What it reaches, with the templates locked in id order, then the authorization."""
        if target_kind is Target.AUTHORIZATION:
            self.registry.lock(session, self.effect, target)
            return reach(session, self.tenant, target_kind, target)
        for template in reach(session, self.tenant, target_kind, target).templates:
            library.lock(session, self.tenant, template, exclusive=True)
        # Read again: with the template in hand no release adds an output to it any more.
        found = reach(session, self.tenant, target_kind, target)
        if not found.templates and not found.outputs:
            raise NoSuchThing(f"no such {target_kind} here")
        outputs.lock(session, self.tenant, found.outputs)
        return found

    def _open(
        self,
        session: Session,
        kind: What,
        target_kind: Target,
        target: str,
        document: str,
        *,
        by: str,
        freezes: bool,
        now: datetime,
    ) -> Claim:
        due = now + self.clock if kind is What.TAKEDOWN else None
        name = fresh(self.entropy)
        found = reach(session, self.tenant, target_kind, target)
        claim = Claim(
            name,
            kind,
            target_kind,
            target,
            document,
            State.OPEN,
            freezes,
            now,
            due,
            by,
            None,
            None,
            None,
            entry="",
        )
        if freezes:
            self._freeze(session, claim, found, now)
            if target_kind is Target.AUTHORIZATION:
                self.registry.dispute(session, target, by=By(How.AUTHORITY, name), now=now)
        payload: dict[str, Json] = {
            "claim": name,
            "target_kind": str(target_kind),
            "target": target,
            "document": document,
            "freezes": freezes,
            "due_at": "" if due is None else instant.exact(due),
            "by": by,
            "at": instant.exact(now),
        }
        word = "TakedownReceived" if kind is What.TAKEDOWN else "InjunctionReceived"
        entry = self.ledger.append(session, self._fact(word, payload), now).leaf_hash
        session.add(
            ClaimRow(
                tenant_id=self.tenant,
                id=name,
                kind=kind,
                target_kind=target_kind,
                target=target,
                document=document,
                state=State.OPEN,
                freezes=freezes,
                received_at=now,
                due_at=due,
                received_by=by,
                entry=entry,
            )
        )
        session.flush()
        return self.get(session, name)

    def _close(
        self, session: Session, claim: str, state: State, word: str, by: str, reason: str, now: datetime
    ) -> Claim:
        row = session.get(ClaimRow, (self.tenant, claim), with_for_update=True, populate_existing=True)
        if row is None or row.state != State.OPEN:
            raise ClaimClosed("this claim was answered")
        payload: dict[str, Json] = {
            "claim": claim,
            "target_kind": row.target_kind,
            "target": row.target,
            "state": str(state),
            "reason": digest(reason.encode()),
            "by": by,
            "at": instant.exact(now),
        }
        entry = self.ledger.append(session, self._fact(word, payload, row.entry), now)
        row.state, row.decided_by, row.decided_at, row.reason = state, by, now, reason
        row.entry = entry.leaf_hash
        # What is confirmed holds, also where the request alone did not freeze: it had been rejected before.
        row.freezes = row.freezes or state is State.CONFIRMED
        session.add(row)
        contact = session.get(ClaimContactRow, (self.tenant, claim))
        if contact is not None:
            contact.delete_after = now + CONTACT_KEPT
            session.add(contact)
        session.flush()
        return _value(row)

    def _freeze(self, session: Session, claim: Claim, found: Reach, now: datetime) -> None:
        herald = Herald(self.tenant, self.entropy)
        for template in library.freeze(session, self.tenant, found.templates, now=now):
            herald.tell(session, Event.TEMPLATE_FROZEN, template, {"cause": str(claim.kind)}, now=now)
        outputs.freeze(session, self.tenant, found.outputs, frozen=True)

    def _thaw(self, session: Session, claim: Claim, found: Reach, now: datetime) -> None:
        """What no other claim holds, and no withdrawal."""
        if not claim.freezes:
            return
        others = [
            reach(session, self.tenant, other.target_kind, other.target)
            for other in self._holding(session)
            if other.id != claim.id
        ]
        held = {one for other in others for one in (*other.templates, *other.outputs)}
        herald = Herald(self.tenant, self.entropy)
        for template in library.thaw(
            session, self.tenant, [t for t in found.templates if t not in held], now=now
        ):
            herald.tell(session, Event.TEMPLATE_THAWED, template, {"cause": str(claim.kind)}, now=now)
        outputs.freeze(session, self.tenant, [o for o in found.outputs if o not in held], frozen=False)
        if claim.target_kind is Target.AUTHORIZATION and not self._with(
            session, claim.target_kind, claim.target, What.INJUNCTION, State.OPEN
        ):
            self.registry.settle(session, claim.target, by=By(How.AUTHORITY, claim.id), now=now)

    def _holding(self, session: Session) -> Sequence[Claim]:
        rows = session.exec(
            select(ClaimRow).where(
                ClaimRow.tenant_id == self.tenant,
                col(ClaimRow.state).in_([State.OPEN, State.CONFIRMED]),
                col(ClaimRow.freezes).is_(True),
            )
        )
        return [_value(row) for row in rows]

    def _with(
        self, session: Session, target_kind: Target, target: str, kind: What, state: State
    ) -> Sequence[Claim]:
        rows = session.exec(
            select(ClaimRow)
            .where(
                ClaimRow.tenant_id == self.tenant,
                ClaimRow.kind == kind,
                ClaimRow.state == state,
                ClaimRow.target_kind == target_kind,
                ClaimRow.target == target,
            )
            .order_by(col(ClaimRow.id))
        )
        return [_value(row) for row in rows]

    def _fact(self, word: str, payload: Mapping[str, Json], *refs: str) -> Fact:
        return Fact(word, (Part.of_tenant(self.tenant, payload),), refs)


def next_due(session: Session, tenant: str) -> tuple[int, datetime | None]:
    """How many takedown requests are open, and when the first of them must be answered."""
    count, first = session.exec(
        select(func.count(), func.min(ClaimRow.due_at)).where(
            ClaimRow.tenant_id == tenant, ClaimRow.state == State.OPEN, col(ClaimRow.due_at).is_not(None)
        )
    ).one()
    return count, first


def purge(session: Session, tenant: str, *, now: datetime) -> int:
    """Delete contacts and statements that have reached their date. How many."""
    rows = session.exec(
        select(ClaimContactRow)
        .where(ClaimContactRow.tenant_id == tenant, col(ClaimContactRow.delete_after) <= now)
        .limit(BATCH)
    ).all()
    for row in rows:
        session.delete(row)
    session.flush()
    return len(rows)


def _value(row: ClaimRow) -> Claim:
    return Claim(
        row.id,
        What(row.kind),
        Target(row.target_kind),
        row.target,
        row.document,
        State(row.state),
        row.freezes,
        row.received_at,
        row.due_at,
        row.received_by,
        row.decided_by,
        row.decided_at,
        row.reason,
        row.entry,
    )
