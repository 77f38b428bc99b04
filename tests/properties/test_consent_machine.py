"""Several people, purposes, places and papers in any order: no permit where a plain model would refuse.

The model is sets and dates. Against it stand the real registry, papers, gate and rules on SQLite. What
`test_gate_machine` asks of permits and of one consent, this asks of everything a permit rests on.
"""

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlmodel import SQLModel

import onfile
from consent import pausing
from consent.case import Appearance, Case, Use
from consent.dimensions import DonorRule
from consent.papers import PaperKind, Papers
from consent.permit import Permit
from consent.rights import Rights
from consent.term import Term
from consent.withdrawal import By, How
from consent.words import Action, Audience, Monetisation, Purpose, Role
from consenting import NOON, SWAP, Somebody
from gating import LICENCE, a_case, a_room, papers_on_file
from service.database import Database

HERS = By(How.OWN_SESSION, "her")
GIVEN = {
    "all": SWAP | {Purpose.ADVERTISING},
    "no advertising": SWAP,
    "no swap": SWAP - {Purpose.USER_SWAP},
    "no template": SWAP - {Purpose.MAKE_TEMPLATE, Purpose.PUBLISH_TEMPLATE},
    "no publishing": SWAP - {Purpose.PUBLISH_TEMPLATE},
}
PLACES = {"home": ("CN",), "two": ("CN", "US"), "nowhere known": ("CN", "BR")}
COUNTED = {Purpose.USER_SWAP, Purpose.ADVERTISING}
# For a swap, and for publishing what is swapped: nobody publishes what could not be shown (G-52).
ALWAYS = {
    PaperKind.IMPACT_ASSESSMENT,
    PaperKind.SECURITY_ASSESSMENT,
    PaperKind.ALGORITHM_FILING,
    PaperKind.PROCESSOR_CONTRACT,
}
WHO = {PaperKind.IDENTITY_CHECK, PaperKind.DUTY_NOTICE}


@dataclass
class Consent:
    id: str
    start: datetime
    end: datetime
    shown: frozenset[str]
    given: set[Purpose]
    disputed: bool = False
    resting: set[Purpose] = field(default_factory=set)

    def allows(self, purposes: set[Purpose], territories: tuple[str, ...], now: datetime) -> bool:
        return (
            purposes <= self.given - self.resting
            and set(territories) <= self.shown
            and self.start <= now < self.end
            and not self.disputed
        )


@dataclass
class Player:
    somebody: Somebody
    role: Role
    consents: list[Consent] = field(default_factory=list)


class EverythingAPermitRestsOn(RuleBasedStateMachine):
    @initialize()
    def build(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.database = Database(f"sqlite:///{self.folder / 'consentry.db'}")
        SQLModel.metadata.create_all(self.database.engine)
        self.now = NOON
        with self.database.write() as session:
            self.room = a_room(session, self.folder / "house", uses=None)
            second = self.room.house.enrol(session, NOON)
            rights = Rights(self.room.house.ledger, self.room.house.entropy)
            onfile.licensed_portrait(session, rights, second.id, NOON, LICENCE)
        self.players = [
            Player(self.room.performer, Role.PERFORMER),
            Player(second, Role.PERFORMER),
            Player(self.room.donor, Role.DONOR),
        ]
        self.papers = Papers(self.room.house.ledger, self.room.house.entropy)
        # Those of the room reach for years: each is ended, and what is on file is this machine's doing.
        self.on_file: dict[PaperKind, list[tuple[str, datetime]]] = {}
        with self.database.write() as session:
            for one in self.papers.every(session):
                self.on_file.setdefault(one.paper.kind, []).append((one.id, one.paper.until))
        for player in self.players:
            self.grants(player, "all", frozenset({"CN", "US", "BR"}), 0, 2000)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.room.house.keystore.close()
            shutil.rmtree(self.folder)

    def grants(self, player: Player, given: str, shown: frozenset[str], after: int, minutes: int) -> None:
        start = self.now + timedelta(minutes=after)
        end = start + timedelta(minutes=minutes)
        donor = player.role is Role.DONOR
        changes = {"donor_rules": DonorRule.SELF_ONLY} if donor else {}
        with self.database.write() as session:
            granted = self.room.house.grant(
                session,
                player.somebody,
                self.now,
                role=player.role,
                purposes=GIVEN[given],
                territories=shown,
                term=Term(start, end, "Asia/Shanghai"),
                max_uses=dict.fromkeys(GIVEN[given] & COUNTED, 1000),
                **changes,
            )
        player.consents.append(Consent(granted.authorization, start, end, shown, set(GIVEN[given])))

    @rule(
        who=st.integers(0, 2),
        given=st.sampled_from(sorted(GIVEN)),
        shown=st.sampled_from([frozenset({"CN"}), frozenset({"CN", "US", "BR"})]),
        after=st.sampled_from([0, 90]),
        minutes=st.sampled_from([20, 200, 2000]),
    )
    def grant(self, who: int, given: str, shown: frozenset[str], after: int, minutes: int) -> None:
        self.grants(self.players[who], given, shown, after, minutes)

    @rule(minutes=st.sampled_from([1, 9, 31, 100]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(data=st.data(), who=st.integers(0, 2), purposes=st.sampled_from([None, *SWAP]))
    def withdraw(self, data: st.DataObject, who: int, purposes: Purpose | None) -> None:
        consent = data.draw(st.sampled_from(self.players[who].consents))
        with self.database.write() as session:
            asked = None if purposes is None else consent.given & {purposes}
            if asked == set():
                return
            self.room.house.registry.withdraw(
                session, self.room.permits, consent.id, by=HERS, now=self.now, purposes=asked
            )
        consent.given -= set(Purpose) if asked is None else asked

    @rule(data=st.data(), who=st.integers(0, 2), purpose=st.sampled_from([None, *SWAP]), rests=st.booleans())
    def pause_or_resume(self, data: st.DataObject, who: int, purpose: Purpose | None, *, rests: bool) -> None:
        consent = data.draw(st.sampled_from(self.players[who].consents))
        named = consent.given if purpose is None else consent.given & {purpose}
        if not named:
            return
        with self.database.write() as session:
            change = pausing.pause if rests else pausing.resume
            change(session, self.room.house.ledger, consent.id, by=HERS, now=self.now, purposes=named)
        consent.resting = consent.resting | named if rests else consent.resting - named

    @rule(data=st.data(), who=st.integers(0, 2))
    def dispute_or_settle(self, data: st.DataObject, who: int) -> None:
        consent = data.draw(st.sampled_from(self.players[who].consents))
        registry = self.room.house.registry
        with self.database.write() as session:
            change = registry.settle if consent.disputed else registry.dispute
            change(session, consent.id, by=HERS, now=self.now)
        consent.disputed = not consent.disputed

    @rule(kind=st.sampled_from([None, *sorted(ALWAYS | WHO)]), minutes=st.sampled_from([15, 3000]))
    def file(self, kind: PaperKind | None, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        for one, paper in papers_on_file(self.now).items():
            if kind in {None, one}:
                filed = replace(paper, since=self.now, until=until)
                with self.database.write() as session:
                    done = self.papers.add(session, filed, by="operator-1", now=self.now)
                self.on_file.setdefault(one, []).append((done.id, until))

    @precondition(lambda self: any(self.on_file.values()))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from(sorted(kind for kind, papers in self.on_file.items() if papers)))
        paper = self.on_file[kind].pop(data.draw(st.integers(0, len(self.on_file[kind]) - 1)))
        with self.database.write() as session:
            self.papers.end(session, paper[0], by="operator-1", now=self.now)

    @rule(
        data=st.data(),
        cast=st.sampled_from([(0,), (0, 1)]),
        action=st.sampled_from([Action.SWAP, Action.SWAP, Action.PUBLISH]),
        purpose=st.sampled_from([Purpose.USER_SWAP, Purpose.ADVERTISING]),
        where=st.sampled_from(["home", "home", "two", "nowhere known"]),
    )
    def decide(
        self, data: st.DataObject, cast: tuple[int, ...], action: Action, purpose: Purpose, where: str
    ) -> None:
        who = [self.players[number] for number in cast]
        if action is Action.SWAP:
            who.append(self.players[2])
        # The latest more often than not: else one that ended long ago decides every time.
        cited = [data.draw(st.sampled_from([*one.consents, one.consents[-1]])) for one in who]
        self._asked(action, purpose, where, list(zip(who, cited, strict=True)))

    @rule(action=st.sampled_from([Action.SWAP, Action.PUBLISH]))
    def decide_on_the_latest(self, action: Action) -> None:
        who = self.players if action is Action.SWAP else self.players[:2]
        self._asked(action, Purpose.USER_SWAP, "home", [(one, one.consents[-1]) for one in who])

    @rule(
        who=st.integers(0, 2),
        given=st.sampled_from(["all", *sorted(GIVEN)]),
        after=st.sampled_from([0, 90]),
        minutes=st.sampled_from([20, 200]),
        waited=st.sampled_from([0, 19, 20, 90, 200]),
        action=st.sampled_from([Action.SWAP, Action.PUBLISH]),
    )
    def decide_where_all_else_is_well(
        self, who: int, given: str, after: int, minutes: int, waited: int, action: Action
    ) -> None:
        """By chance alone several things are wrong at once, and no single one is ever seen to decide."""
        self.file(None, 3000)
        for player in self.players:
            self.grants(player, "all", frozenset({"CN"}), 0, 2000)
        self.grants(self.players[who], given, frozenset({"CN"}), after, minutes)
        self.now += timedelta(minutes=waited)
        self.decide_on_the_latest(action)

    def _asked(
        self, action: Action, purpose: Purpose, where: str, cited: list[tuple[Player, Consent]]
    ) -> None:
        territories = PLACES[where]
        people = tuple(
            Appearance(one.somebody.id, one.role, consent.id, LICENCE if one.role is not Role.DONOR else None)
            for one, consent in cited
        )
        use = Use(
            purpose=purpose,
            platform="app",
            recipient="users",
            territories=territories,
            audience=Audience.GENERAL,
            monetisation=Monetisation.PAID,
            modifications=(),
            intimate=False,
            voice_kept=False,
            engine="mesh",
        )
        case: Case = a_case(action=action, people=people, use=use, tenant=self.room.tenant)
        with self.database.write() as session:
            forecast = self.room.gate.check(session, case, self.now)
            decision = self.room.gate.decide(session, case, self.now)

        assert forecast.reasons == decision.reasons
        assert isinstance(decision, Permit) is self._may(action, purpose, where, cited), (
            where,
            decision.reasons,
        )

    def _may(self, action: Action, purpose: Purpose, where: str, cited: list[tuple[Player, Consent]]) -> bool:
        on_file = {
            kind for kind, filed in self.on_file.items() if any(self.now < until for _, until in filed)
        }
        # What the American packs add, a swap of grown-ups with a year's consent meets; Brazil no pack knows.
        return (
            where != "nowhere known"
            and on_file >= ALWAYS | WHO
            and all(
                consent.allows(_purposes(action, purpose), PLACES[where], self.now) for _, consent in cited
            )
        )


def _purposes(action: Action, purpose: Purpose) -> set[Purpose]:
    if action is Action.PUBLISH:
        return {Purpose.MAKE_TEMPLATE, Purpose.PUBLISH_TEMPLATE, purpose}
    return {purpose}


TestEverythingAPermitRestsOn = EverythingAPermitRestsOn.TestCase
TestEverythingAPermitRestsOn.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
