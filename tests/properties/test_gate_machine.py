"""Grants, withdrawals, disputes, time, permits in any order: the gate says yes where a plain model does.

The model knows nothing of rows, locks or Cedar: a consent is a set of purposes and a term, a permit a
word. Real registry, gate, permits, log and journal on SQLite stand against it.
"""

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import SQLModel, select

from consent import docket
from consent.permit import Permit
from consent.redemption import Redemption
from consent.tables import ConsentCounterRow
from consent.templatelock import TemplateState
from consent.term import Term
from consent.withdrawal import By, How
from consent.words import Purpose
from consenting import NOON, SWAP
from gating import GOOD, LICENCE, MEDIA, TEMPLATE, a_room, covered
from service.database import Database

SWAPPING = Purpose.USER_SWAP
HERS = By(How.OWN_SESSION, "her")


@dataclass
class Consent:
    id: str
    end: datetime
    most: int
    given: set[Purpose] = field(default_factory=lambda: set(SWAP))
    disputed: bool = False
    reserved: int = 0
    spent: int = 0

    def allows(self, now: datetime) -> bool:
        return SWAPPING in self.given and now < self.end and not self.disputed


@dataclass
class Leave:
    permit: Permit
    consent: Consent
    state: str = "issued"
    job: str = ""
    attempt: int = 0
    until: datetime = NOON


class GateAgainstModel(RuleBasedStateMachine):
    @initialize()
    def build(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.database = Database(f"sqlite:///{self.folder / 'consentry.db'}")
        SQLModel.metadata.create_all(self.database.engine)
        self.now = NOON
        self.frozen = False
        self.consents: list[Consent] = []
        self.leaves: list[Leave] = []
        with self.database.write() as session:
            self.room = a_room(session, self.folder / "house", uses=None)
        self.permits = replace(self.room.permits, max_run=timedelta(minutes=50))

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.room.house.keystore.close()
            shutil.rmtree(self.folder)

    @rule(most=st.integers(1, 3), minutes=st.sampled_from([20, 70, 400]))
    def grant(self, most: int, minutes: int) -> None:
        end = self.now + timedelta(minutes=minutes)
        term = Term(self.now, end, "Asia/Shanghai")
        with self.database.write() as session:
            granted = self.room.house.grant(
                session, self.room.performer, self.now, max_uses={SWAPPING: most}, term=term
            )
        self.consents.append(Consent(granted.authorization, end, most))

    @rule(minutes=st.sampled_from([1, 9, 31, 55]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def freeze_or_thaw(self) -> None:
        self.frozen = not self.frozen
        self.room.templates.states[TEMPLATE] = TemplateState(self.frozen, MEDIA, taken_in=True)

    @precondition(lambda self: self.consents)
    @rule(data=st.data(), purposes=st.sampled_from([None, {SWAPPING}, {Purpose.MATCHING}]))
    def withdraw(self, data: st.DataObject, purposes: set[Purpose] | None) -> None:
        consent = data.draw(st.sampled_from(self.consents))
        with self.database.write() as session:
            self.room.house.registry.withdraw(
                session, self.permits, consent.id, by=HERS, now=self.now, purposes=purposes
            )
        ended = consent.given & (set(SWAP) if purposes is None else purposes)
        consent.given -= ended
        for leave in self.leaves:
            if leave.consent is consent and SWAPPING in ended and leave.state in {"issued", "redeemed"}:
                self._return_use(leave)
                leave.state = "void"

    @precondition(lambda self: self.consents)
    @rule(data=st.data())
    def dispute_or_settle(self, data: st.DataObject) -> None:
        consent = data.draw(st.sampled_from(self.consents))
        registry = self.room.house.registry
        change = registry.settle if consent.disputed else registry.dispute
        with self.database.write() as session:
            change(session, consent.id, by=HERS, now=self.now)
        consent.disputed = not consent.disputed

    @precondition(lambda self: self.consents)
    @rule(data=st.data())
    def decide(self, data: st.DataObject) -> None:
        consent = data.draw(st.sampled_from(self.consents))
        performer, donor = self.room.people
        people = (replace(performer, authorization=consent.id, portrait_licence=LICENCE), donor)
        with self.database.write() as session:
            forecast = self.room.gate.check(session, self.room.case(people=people), self.now)
            decision = self.room.gate.decide(session, self.room.case(people=people), self.now)

        left = consent.reserved + consent.spent < consent.most
        assert isinstance(decision, Permit) is (consent.allows(self.now) and left and not self.frozen)
        assert forecast.reasons == decision.reasons
        if isinstance(decision, Permit):
            consent.reserved += 1
            self.leaves.append(Leave(decision, consent))

    @precondition(lambda self: self.leaves)
    @rule(data=st.data(), job=st.sampled_from(["job-1", "job-2"]), attempt=st.integers(1, 3))
    def redeem(self, data: st.DataObject, job: str, attempt: int) -> None:
        leave = data.draw(st.sampled_from(self.leaves))
        run = self.room.run(leave.permit, job, attempt)
        with self.database.write() as session:
            answer = self.permits.redeem(session, leave.permit.token, run, self.now, covered)

        fresh = leave.state == "issued" and self.now < leave.permit.body.not_after
        again = (
            leave.state == "redeemed"
            and (leave.job, self.now < leave.until) == (job, True)
            and attempt > leave.attempt
        )
        allowed = (fresh or again) and leave.consent.allows(self.now) and not self.frozen
        assert isinstance(answer, Redemption) is allowed
        if isinstance(answer, Redemption):
            if fresh:
                leave.consent.reserved -= 1
                leave.consent.spent += 1
                leave.until = self.now + timedelta(minutes=50)
            leave.state, leave.job, leave.attempt = "redeemed", job, attempt
            assert answer.run_until == leave.until

    @precondition(lambda self: self.leaves)
    @rule(data=st.data(), job=st.sampled_from(["job-1", "job-2"]), attempt=st.integers(1, 3))
    def release(self, data: st.DataObject, job: str, attempt: int) -> None:
        leave = data.draw(st.sampled_from(self.leaves))
        with self.database.write() as session:
            answer = self.room.gate.recheck(
                session, leave.permit.id, job=job, attempt=attempt, output=GOOD, now=self.now
            )
            if isinstance(answer, Permit):
                self.permits.finish(session, leave.permit.id, job=job, attempt=attempt)

        held = leave.state == "redeemed" and (leave.job, leave.attempt) == (job, attempt)
        allowed = held and self.now < leave.until and leave.consent.allows(self.now) and not self.frozen
        assert isinstance(answer, Permit) is allowed
        if allowed:
            leave.state = "finished"

    @rule()
    def sweep(self) -> None:
        with self.database.write() as session:
            ended = self.permits.expire(session, self.now)

        due = [
            leave
            for leave in self.leaves
            if (leave.state == "issued" and leave.permit.body.not_after <= self.now)
            or (leave.state == "redeemed" and leave.until <= self.now)
        ]
        assert sorted(ended) == sorted(leave.permit.id for leave in due)
        for leave in due:
            self._return_use(leave)
            leave.state = "expired"

    @invariant()
    def rows_say_what_the_model_says(self) -> None:
        if not hasattr(self, "room"):
            return
        with self.database.read() as session:
            for leave in self.leaves:
                life = docket.life(session, self.room.tenant, leave.permit.id, lock=False)
                assert life is not None
                assert str(life.state) == leave.state
            rows = session.exec(select(ConsentCounterRow).where(ConsentCounterRow.purpose == SWAPPING)).all()
            counts = {row.authorization_id: (row.reserved, row.spent) for row in rows}
            for consent in self.consents:
                assert counts[consent.id] == (consent.reserved, consent.spent)
                assert consent.reserved + consent.spent <= consent.most

    def _return_use(self, leave: Leave) -> None:
        if leave.state == "issued":
            leave.consent.reserved -= 1


TestGateAgainstModel = GateAgainstModel.TestCase
# Not shrunk: every step is a real transaction, and a failing run reads well enough as it is.
TestGateAgainstModel.settings = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
