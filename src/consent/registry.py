"""The one way consent comes, changes and goes: grant, withdraw, dispute, expire, suspend, re-confirm.

Every change locks the state first, writes its entry in the same transaction, and is linked to the
event before it. The session is the caller's, and so is the commit. Nothing here asks who is calling:
the edge has authorised that, and hands in `By`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from audit import keyhistory
from audit.ids import Entropy
from audit.journal import DenyJournal
from audit.keys import SigningKey, VerifyingKey
from audit.ledger import Ledger
from consent import by_system, chain, counters, gone, portraits, recoverycode, seals
from consent.admission import LONGEST_TERM, check_admissible, check_capacity, check_signed
from consent.assessment import Assessor
from consent.authorization import Authorization, parse
from consent.errors import (
    AuthorizationRefused,
    AuthorizationUnknown,
    NotSuspended,
    PurposeNotGiven,
    UnderOrder,
)
from consent.noticeboard import Noticeboard
from consent.passkey import RelyingParty
from consent.people import People
from consent.signature import to_countersign, to_reconfirm, to_sign
from consent.standing import Lock, Standing
from consent.tables import AuthorizationRow, ConsentCounterRow, ConsentStateRow
from consent.withdrawal import By, How, Suspended, WithdrawalEffect, Withdrawn
from consent.words import Purpose, Status


@dataclass(frozen=True, slots=True)
class Granted:
    """What the person takes home."""

    authorization: str
    entry: str
    received_at: datetime
    countersignature: bytes
    kid: str
    recovery_code: str
    """Withdraws without a key or a log-in. Shown once; only its hash is stored."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The authorizations of one tenant."""

    ledger: Ledger
    journal: DenyJournal
    countersign: SigningKey
    trusted: Mapping[str, VerifyingKey]
    """All countersigning keys ever adopted, by kid."""
    entropy: Entropy
    longest_term: timedelta = LONGEST_TERM
    party: RelyingParty | None = None

    @property
    def tenant(self) -> str:
        """Whose authorizations these are."""
        return self.ledger.tenant

    @property
    def people(self) -> People:
        """The people of the same tenant."""
        return People(self.ledger, self.entropy)

    @property
    def noticeboard(self) -> Noticeboard:
        """The notices of the same tenant."""
        return Noticeboard(self.ledger)

    # Granting

    def grant(self, session: Session, document: bytes, evidence: bytes, *, now: datetime) -> Granted:
        """Register a signed document.

        Raises `AuthorizationRefused`, `PersonUnknown`, `NoticeUnknown`, `ScopeTerm`, `KeyNotEnrolled`,
        `SignatureWrong`, `audit.keyhistory.DutyKeyEnded`, or what `consent.authorization.parse` raises. Then
        nothing was written.
        """
        wanted = parse(document)
        gone.expect_here(session, self.tenant, wanted.person)
        check_admissible(session, wanted, self.people, self.noticeboard, longest=self.longest_term, now=now)
        # Before her signature is looked at: a passkey's counter is a lock too, and comes after these.
        chain.lock_states(session, self.tenant, [wanted.supersedes] if wanted.supersedes else [], "update")
        message = to_sign(document)
        check_signed(session, self.tenant, wanted.signer, evidence, message, now=now, party=self.party)
        prior = self._supersede(session, wanted, now)
        keyhistory.hold(session, self.tenant, self.countersign.kid)
        countersignature = self.countersign.sign(to_countersign(wanted.digest, evidence, now))
        code, cells = recoverycode.fresh(self.entropy), self.ledger.cells
        session.add(
            AuthorizationRow(
                tenant_id=self.tenant,
                id=wanted.id,
                person_id=wanted.person,
                supersedes=wanted.supersedes,
                notice=wanted.notice.sha256,
                document=cells.seal(seals.Cell.DOCUMENT, wanted.id, wanted.person, document),
                evidence=cells.seal(seals.Cell.EVIDENCE, wanted.id, wanted.person, evidence),
                received_at=now,
                kid=self.countersign.kid,
                countersignature=countersignature,
                recovery=recoverycode.stored(wanted.id, code),
            )
        )
        session.flush()
        status = Status.GIVEN if prior is None else Status.RENEWED
        self._open(session, wanted, status)
        event = chain.Event(
            kind=chain.GRANTED,
            purposes=wanted.scope.purposes,
            by=By.signing(wanted.signer, wanted.person),
            status=status,
            evidence=evidence,
            extra={
                "document": wanted.digest,
                "evidence": sha256(evidence).hexdigest(),
                "notice": wanted.notice.sha256,
                "supersedes": prior or "",
                "countersigned_by": self.countersign.kid,
                "recovery": recoverycode.stored(wanted.id, code),
            },
        )
        entry = chain.append(session, self.ledger, wanted.id, wanted.person, event, now)
        return Granted(wanted.id, entry, now, countersignature, self.countersign.kid, code)

    # Withdrawing

    def withdraw(
        self,
        session: Session,
        effect: WithdrawalEffect,
        authorization: str,
        *,
        by: By,
        now: datetime,
        purposes: Collection[Purpose] | None = None,
    ) -> Withdrawn:
        """End some purposes, or all. The same withdrawal again answers the same and changes nothing.

        The deny journal is written first and durably: if anything after it fails, the transaction
        rolls back and the answer is still no. Raises `AuthorizationUnknown`, `PurposeNotGiven`.
        """
        row = self._row(session, authorization)
        before = chain.states(session, self.tenant, [authorization])[row.id]
        given = {state.purpose for state in before}
        ended = frozenset(given if purposes is None else purposes)
        if not ended or ended - given:
            raise PurposeNotGiven("withdrawal names no purpose, or one that was never given")
        # Journal before lock, lock before state. A crash after this line leaves a denied consent
        # that the database calls given: she is safe, and the repeated call completes it.
        self._deny(authorization, [state for state in before if state.purpose in ended])
        self.lock(session, effect, authorization)
        states = chain.states(session, self.tenant, [authorization])[authorization]
        live = frozenset(s.purpose for s in states if s.purpose in ended and s.live)
        if not live:
            earlier = next(s.status for s in states if s.purpose in ended)
            return Withdrawn(authorization, live, earlier, states[0].head, now)
        deleted = portraits.drop_needing(session, self.tenant, authorization, live)
        event = chain.Event(chain.WITHDRAWN, live, by, by.ended, extra={"references_deleted": deleted})
        head = chain.append(session, self.ledger, authorization, row.person_id, event, now)
        effect.apply(session, self.tenant, authorization, live, now)
        return Withdrawn(authorization, live, by.ended, head, now)

    def deny(self, session: Session, ids: Sequence[str]) -> None:
        """Say no in the journal to every purpose of these: ahead of withdrawals of which some may fail."""
        for authorization, states in sorted(chain.states(session, self.tenant, ids).items()):
            self._deny(authorization, states)

    def withdraw_by_code(
        self,
        session: Session,
        effect: WithdrawalEffect,
        authorization: str,
        code: str,
        *,
        now: datetime,
        purposes: Collection[Purpose] | None = None,
    ) -> Withdrawn:
        """Withdraw with the code from the receipt, and nothing else. Raises `RecoveryCodeWrong`."""
        row = self._row(session, authorization)
        # Compared before the journal is touched: a guess must not be able to deny anything.
        recoverycode.check(row.recovery, authorization, code)
        by = By(How.RECOVERY_CODE, row.person_id)
        return self.withdraw(session, effect, authorization, by=by, now=now, purposes=purposes)

    # Other changes

    def dispute(self, session: Session, authorization: str, *, by: By, now: datetime) -> str:
        """Mark it disputed or under an injunction: nothing rests on it until settled. The chain's head.

        Each who holds the mark is written down: an order that ends leaves her own dispute as it was.
        """
        return self._mark(session, authorization, chain.DISPUTED, disputed=True, by=by, now=now)

    def settle(self, session: Session, authorization: str, *, by: By, now: datetime) -> str:
        """Take one's mark off: an authority its own, anybody else the others'. The chain's head.

        Raises `UnderOrder` for anybody else while an authority holds it.
        """
        return self._mark(session, authorization, chain.SETTLED, disputed=False, by=by, now=now)

    def expire(self, session: Session, *, now: datetime) -> tuple[str, ...]:
        """Write down what the term has ended, and drop its references. Their ids.

        Only bookkeeping: a standing reads the term itself and needs no sweep to say no. Whose keys do not
        open stay as they are.
        """
        standing = self._with(Status.GIVEN, Status.RENEWED, Status.UNKNOWN)
        due = session.exec(standing.where(col(ConsentStateRow.until) <= now)).all()
        return self._change_all(session, due, chain.EXPIRED, Status.EXPIRED, now)

    def suspend_all(self, session: Session, *, now: datetime) -> Suspended:
        """After a restored backup: nothing is relied on until its person re-confirms it."""
        ids = session.exec(self._with(Status.GIVEN, Status.RENEWED)).all()
        done = self.suspend(session, ids, now=now)
        denied = []
        for authorization, states in sorted(chain.states(session, self.tenant, ids).items()):
            if valid := [s for s in states if s.status.valid]:
                # Her keys may be mended, or a process remember what they opened: no row must say yes then.
                self._deny(authorization, valid)
                denied.append(authorization)
        return Suspended(done, tuple(denied))

    def suspend(self, session: Session, ids: Sequence[str], *, now: datetime) -> tuple[str, ...]:
        """The same of these, as far as they are in force and their persons' keys open. Which."""
        return self._change_all(session, ids, chain.SUSPENDED, Status.UNKNOWN, now)

    def reconfirm(self, session: Session, authorization: str, evidence: bytes, *, now: datetime) -> str:
        """She signs `consent.signature.to_reconfirm`; what was suspended is given again. The new head.

        Raises `NotSuspended`, `AuthorizationUnknown`, `KeyNotEnrolled`, `SignatureWrong`,
        `audit.keystore.KeysErased`, or what `consent.admission.check_capacity` raises: who could not sign it
        anew does not confirm it either.
        """
        row = self._row(session, authorization)
        chain.lock_states(session, self.tenant, [authorization], "update")
        states = chain.states(session, self.tenant, [authorization])[authorization]
        document = parse(self.ledger.cells.open(seals.Cell.DOCUMENT, row.id, row.person_id, row.document))
        # What the journal denies was withdrawn after the backup: no re-confirmation brings it back.
        suspended = frozenset(
            s.purpose
            for s in states
            if s.status is Status.UNKNOWN and not self.journal.denies(authorization, s.purpose)
        )
        if not suspended or now >= document.scope.term.end:
            raise NotSuspended("nothing of this authorization waits for a re-confirmation")
        check_capacity(session, document, self.people, now=now)
        message = to_reconfirm(states[0].head, document.digest)
        check_signed(session, self.tenant, document.signer, evidence, message, now=now, party=self.party)
        by = By.signing(document.signer, document.person)
        event = chain.Event(chain.RECONFIRMED, suspended, by, Status.RENEWED, evidence=evidence)
        return chain.append(session, self.ledger, authorization, row.person_id, event, now)

    # What the gate asks: `consent.standing.Standings`

    def standings(
        self, session: Session, tenant: str, ids: Sequence[str], *, now: datetime, lock: Lock
    ) -> dict[str, Standing]:
        """See `consent.standing.Standings`. Another tenant's registry knows none of them."""
        if tenant != self.tenant:
            return {}
        assessor = Assessor(self.noticeboard, self.journal, self.trusted, self.party)
        return assessor.standings(session, ids, now=now, lock=lock)

    def reserve_use(self, session: Session, tenant: str, authorization: str, purpose: Purpose) -> bool:
        """See `consent.standing.Standings`."""
        return counters.reserve(session, tenant, authorization, purpose)

    def spend_use(self, session: Session, tenant: str, authorization: str, purpose: Purpose) -> None:
        """See `consent.standing.Standings`."""
        counters.spend(session, tenant, authorization, purpose)

    def return_use(self, session: Session, tenant: str, authorization: str, purpose: Purpose) -> None:
        """See `consent.standing.Standings`."""
        counters.give_back(session, tenant, authorization, purpose)

    # Steps

    def lock(self, session: Session, effect: WithdrawalEffect, authorization: str) -> None:
        """Templates, then the authorization. With it in hand nobody puts it into another cast any more."""
        while True:
            attempt = session.begin_nested()
            locked = effect.lock(session, self.tenant, authorization)
            chain.lock_states(session, self.tenant, [authorization], "update")
            if effect.resting(session, self.tenant, authorization) <= locked:
                attempt.commit()
                return
            # While we waited, somebody who had heard her yes put it into another cast. To lock that template
            # now would be the wrong way round: measured, a deadlock with the next one to ask for it. So let
            # go of all and begin again; the journal has the no already, so the casts end soon.
            attempt.rollback()

    def _supersede(self, session: Session, wanted: Authorization, now: datetime) -> str | None:
        if wanted.supersedes is None:
            return None
        row = self._row(session, wanted.supersedes)
        if row.person_id != wanted.person:
            raise AuthorizationRefused("the document supersedes another person's authorization")
        states = chain.states(session, self.tenant, [row.id])[row.id]
        live = frozenset(s.purpose for s in states if s.live)
        if live:
            # Journalled like a withdrawal: a restored backup must not revive the wider, older consent.
            # If we fail after this, the old one is denied and the new one not yet there: she grants again.
            self._deny(row.id, [s for s in states if s.live])
            deleted = portraits.drop_needing(session, self.tenant, row.id, live)
            event = chain.Event(
                chain.WITHDRAWN,
                live,
                By.signing(wanted.signer, wanted.person),
                Status.WITHDRAWN,
                extra={"superseded_by": wanted.id, "references_deleted": deleted},
            )
            chain.append(session, self.ledger, row.id, row.person_id, event, now)
        return row.id

    def _open(self, session: Session, wanted: Authorization, status: Status) -> None:
        for purpose in sorted(wanted.scope.purposes):
            session.add(
                ConsentStateRow(
                    tenant_id=self.tenant,
                    authorization_id=wanted.id,
                    purpose=str(purpose),
                    status=str(status),
                    until=wanted.scope.term.end,
                    head="0" * 64,  # set by the first event, a moment later in this transaction
                )
            )
            session.add(
                ConsentCounterRow(
                    tenant_id=self.tenant,
                    authorization_id=wanted.id,
                    purpose=str(purpose),
                    most=wanted.scope.limit(purpose),
                )
            )
        session.flush()

    def _deny(self, authorization: str, states: Collection[chain.State]) -> None:
        # A line that is there may be of an append that failed or never returned, and so not on the disk.
        # Only where the database says no as well did that commit come after one that had returned.
        due = [s.purpose for s in states if s.live or not self.journal.denies(authorization, s.purpose)]
        if due:
            self.journal.append(authorization, sorted(due))

    def _mark(
        self, session: Session, authorization: str, kind: str, *, disputed: bool, by: By, now: datetime
    ) -> str:
        row = self._row(session, authorization)
        chain.lock_states(session, self.tenant, [authorization], "update")
        states = chain.states(session, self.tenant, [authorization])[authorization]
        before = chain.disputed_by(chain.events(session, self.tenant, [authorization])[authorization])
        after = chain.with_mark(before, str(by.how), disputed=disputed)
        if not disputed and after and by.how is not How.AUTHORITY:
            raise UnderOrder("an authority's order holds it; lift that first")
        if after == before:
            return states[0].head
        event = chain.Event(kind, frozenset(s.purpose for s in states), by, disputed=bool(after))
        return chain.append(session, self.ledger, authorization, row.person_id, event, now)

    def _change_all(
        self, session: Session, ids: Sequence[str], kind: str, status: Status, now: datetime
    ) -> tuple[str, ...]:
        def person_of(authorization: str) -> str:
            return self._row(session, authorization).person_id

        return by_system.change(session, self.ledger, ids, kind, status, now, person_of=person_of)

    def _with(self, *statuses: Status) -> SelectOfScalar[str]:
        here = ConsentStateRow.tenant_id == self.tenant, col(ConsentStateRow.status).in_(statuses)
        return select(ConsentStateRow.authorization_id).where(*here).distinct()

    def _row(self, session: Session, authorization: str) -> AuthorizationRow:
        row = session.get(AuthorizationRow, (self.tenant, authorization))
        if row is None:
            raise AuthorizationUnknown(f"no authorization {authorization!r:.40} in this tenant")
        return row
