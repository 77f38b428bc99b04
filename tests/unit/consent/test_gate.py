"""What the gate answers, and what it writes down."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select, text, update

from audit.fact import Subject
from audit.leaf import Leaf
from audit.tables import EntryRow
from consent import docket, tallies
from consent.case import Case, Matching, Mode, SourceKind
from consent.dimensions import ExportMechanism, Modification
from consent.docket import Answer, State
from consent.gate import HoldUnknown, NotTwoPersons, Terms
from consent.ground import Place
from consent.papers import Paper, PaperKind, Papers
from consent.permit import Hold, Permit, Refusal, read
from consent.question import Stage
from consent.scope import Export
from consent.standing import Standing
from consent.tables import ConsentCounterRow, DecisionRow
from consent.withdrawal import By, How
from consent.words import Action, Match, ProofLevel, Purpose, Role
from consenting import NOON, Effects
from gating import MEDIA, PHOTO, POLICY, TEMPLATE, Room, a_room
from service.database import Database

LATER = NOON + timedelta(minutes=5)
HERS = By(How.OWN_SESSION, "person")


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Iterator[Room]:
    with database.write() as session:
        room = a_room(session, tmp_path / "house")
    yield room
    room.house.keystore.close()


def uses(session: Session, room: Room) -> tuple[int, int]:
    row = session.get(ConsentCounterRow, (room.tenant, room.performed, str(Purpose.USER_SWAP)))
    assert row is not None
    session.refresh(row)
    return row.reserved, row.spent


def told(session: Session, room: Room, entry: str, kind: Any, who: str) -> dict[str, Any]:
    return dict(room.house.ledger.opened(session, entry, Subject(kind, who)) or {})


def test_a_swap_everybody_agreed_to_is_permitted(database: Database, room: Room) -> None:
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), LATER)

    assert isinstance(decision, Permit)
    assert read(decision.token, room.gate.trusted) == (decision.body, decision.signature)
    assert decision.body.media_digest == MEDIA
    assert decision.body.donor_digest == PHOTO
    assert decision.body.policy_digest == POLICY.digest
    assert decision.body.engine == "mesh"
    assert decision.body.channel == "app"
    assert decision.body.territory == ("CN",)
    assert decision.body.not_after == LATER + Terms().redeem_within
    assert [a for a, _ in decision.body.authorizations] == sorted((room.performed, room.given))
    assert decision.ruling.proof is ProofLevel.VERIFIED_IDENTITY
    with database.read() as session:
        life = docket.life(session, room.tenant, decision.id, lock=False)
        assert life is not None
        assert (life.state, life.token) == (State.ISSUED, decision.token)
        assert uses(session, room) == (1, 0)


def test_a_decision_tells_everybody_it_names(database: Database, room: Room) -> None:
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), LATER)

    with database.read() as session:
        entry = room.house.ledger.find(session, decision.ruling.entry)
        assert entry is not None
        assert Leaf.parse(entry.leaf).t == "Decided"
        hers = told(session, room, entry.leaf_hash, "person", room.performer.id)
        whole = told(session, room, entry.leaf_hash, "tenant", room.tenant)
        heads = dict(decision.body.authorizations) if isinstance(decision, Permit) else {}
        assert hers["answer"] == "permit"
        assert hers["heads"] == [[room.performed, heads[room.performed]]]
        assert hers["purposes"] == ["USER_SWAP"]
        assert whole["heads"] == [list(pair) for pair in sorted(heads.items())]
        assert whole["policy"] == POLICY.digest
        assert whole["proof"] == "verified-identity"
        ((recorded, named),) = docket.naming(session, room.tenant, room.performer.id)
        assert recorded.entry == entry.leaf_hash
        assert named.role is Role.PERFORMER


def test_a_refusal_is_returned_and_commits_with_its_entry(database: Database, room: Room) -> None:
    case = room.case()
    assert case.tracks is not None
    with database.write() as session:
        decision = room.gate.decide(session, replace(case, tracks=replace(case.tracks, counted=2)), LATER)

    assert isinstance(decision, Refusal)
    assert decision.reasons == ("G-08",)
    with database.read() as session:
        recorded = docket.find(session, room.tenant, decision.ruling.id)
        assert recorded is not None
        assert recorded.answer is Answer.REFUSAL
        assert recorded.objections == decision.objections
        assert told(session, room, decision.ruling.entry, "tenant", room.tenant)["rules"] == ["G-08"]
        assert docket.life(session, room.tenant, decision.ruling.id, lock=False) is None
        assert uses(session, room) == (0, 0)


def test_what_stands_against_one_is_not_told_to_the_other(database: Database, room: Room) -> None:
    with database.write() as session:
        room.house.registry.withdraw(session, Effects(), room.given, by=HERS, now=LATER)
        decision = room.gate.decide(session, room.case(), LATER)

    assert decision.reasons == ("G-10",)
    with database.read() as session:
        assert told(session, room, decision.ruling.entry, "person", room.donor.id)["rules"] == ["G-10"]
        assert told(session, room, decision.ruling.entry, "person", room.performer.id)["rules"] == []


WRONG: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no tracks": ({"tracks": None}, {"MISSING:tracks"}),
    "no use": (
        {"use": None},
        {
            *(
                "MISSING:use.purpose",
                "MISSING:use.platform",
                "MISSING:use.recipient",
                "MISSING:use.territories",
            ),
            *("MISSING:use.audience", "MISSING:use.monetisation", "MISSING:use.engine"),
        },
    ),
    "no donor": ({"donor": None}, {"MISSING:donor"}),
    "nobody": ({"people": ()}, {"MISSING:depicted", "MISSING:donors"}),
    "no models": ({"model_digests": ()}, {"MISSING:model_digests"}),
    "no requester": ({"requester": ""}, {"MISSING:requester"}),
    "another tenant": ({"tenant": "other"}, {"OTHER_TENANT"}),
    "another mode": ({"mode": Mode.DEMO}, {"OTHER_MODE"}),
    "an unknown template": ({"template": "8" * 32}, {"TEMPLATE_UNKNOWN"}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_missing_is_refused_by_name(database: Database, room: Room, wrong: str) -> None:
    changes, details = WRONG[wrong]
    with database.write() as session:
        decision = room.gate.decide(session, room.case(**changes), LATER)

    assert isinstance(decision, Refusal)
    assert {o.detail for o in decision.objections if o.rule == "G-00"} == details


def test_a_case_about_another_video_than_the_template_holds_is_refused(
    database: Database, room: Room
) -> None:
    source = room.case().source
    assert source is not None
    with database.write() as session:
        other = room.case(source=replace(source, media_digest="1" * 64))
        decision = room.gate.decide(session, other, LATER)

    assert {o.detail for o in decision.objections} == {"TEMPLATE_OTHER_MEDIA"}  # type: ignore[union-attr]


def test_a_swap_cannot_be_asked_for_under_a_purpose_that_is_none(database: Database, room: Room) -> None:
    """MATCHING was given and has no counter: a swap under its name would be free of both."""
    use = room.case().use
    assert use is not None
    with database.write() as session:
        decision = room.gate.decide(session, room.case(use=replace(use, purpose=Purpose.MATCHING)), LATER)

    assert isinstance(decision, Refusal)
    assert {o.detail for o in decision.objections} == {"MISSING:use.purpose"}


def test_somebody_elses_authorization_is_none(database: Database, room: Room) -> None:
    performer, donor = room.people
    swapped = (replace(performer, authorization=donor.authorization), donor)
    with database.write() as session:
        decision = room.gate.decide(session, room.case(people=swapped), LATER)

    assert decision.reasons == ("G-09",)


def test_a_withdrawn_consent_refuses_and_names_whose(database: Database, room: Room) -> None:
    with database.write() as session:
        room.house.registry.withdraw(session, Effects(), room.performed, by=HERS, now=LATER)
        decision = room.gate.decide(session, room.case(), LATER)

    assert isinstance(decision, Refusal)
    assert decision.reasons == ("G-10",)
    (objection,) = decision.objections
    assert (objection.about, objection.person) == ("PERFORMER", room.performer.id)


def test_what_the_deny_journal_names_is_refused_whatever_the_database_says(
    database: Database, room: Room
) -> None:
    room.house.journal.append(room.performed, [str(Purpose.USER_SWAP)])

    with database.write() as session:
        decision = room.gate.decide(session, room.case(), LATER)

    assert decision.reasons == ("G-10",)


def test_a_journal_that_cannot_be_read_refuses(database: Database, room: Room, tmp_path: Path) -> None:
    (tmp_path / "house" / "deny").unlink()

    with database.write() as session:
        decision = room.gate.decide(session, room.case(), LATER)

    assert isinstance(decision, Refusal)
    assert "JOURNAL_MISSING" in {o.detail for o in decision.objections}


def test_a_frozen_template_refuses(database: Database, room: Room) -> None:
    room.templates.freeze()

    with database.write() as session:
        decision = room.gate.decide(session, room.case(), LATER)

    assert decision.reasons == ("G-37",)


def test_the_last_use_is_given_once(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", uses=1)
    with database.write() as session:
        first = room.gate.decide(session, room.case(), LATER)
    with database.write() as session:
        second = room.gate.decide(session, room.case(), LATER)

    assert isinstance(first, Permit)
    assert second.reasons == ("G-17",)
    with database.read() as session:
        assert uses(session, room) == (1, 0)


class Hasty:
    """A registry whose reading is a moment old: it still says that one use is left."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def standings(self, *args: Any, **kwargs: Any) -> dict[str, Standing]:
        found = self.real.standings(*args, **kwargs)
        return {a: replace(s, uses_left={**s.uses_left, Purpose.USER_SWAP: 1}) for a, s in found.items()}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_a_use_taken_between_reading_and_reserving_is_a_refusal(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", uses=1)
        gate = replace(room.gate, bench=replace(room.gate.bench, registry=Hasty(room.house.registry)))
    with database.write() as session:
        gate.decide(session, room.case(), LATER)
    with database.write() as session:
        second = gate.decide(session, room.case(), LATER)

    assert second.reasons == ("G-17",)
    with database.read() as session:
        assert uses(session, room) == (1, 0)


@pytest.mark.parametrize("whose", ["first", "second"])
def test_when_one_count_is_exhausted_no_other_is_touched(database: Database, room: Room, whose: str) -> None:
    exhausted = sorted((room.performed, room.given))[whose == "second"]
    gate = replace(room.gate, bench=replace(room.gate.bench, registry=Hasty(room.house.registry)))
    with database.write() as session:
        session.execute(
            update(ConsentCounterRow)
            .where(col(ConsentCounterRow.authorization_id) == exhausted)
            .values(spent=50)
        )
        decision = gate.decide(session, room.case(), LATER)

    assert isinstance(decision, Refusal)
    (objection,) = decision.objections
    person = room.performer.id if exhausted == room.performed else room.donor.id
    assert (objection.rule, objection.person) == ("G-17", person)
    with database.read() as session:
        assert [row.reserved for row in session.exec(select(ConsentCounterRow)).all() if row.reserved] == []


# Clock


def test_a_clock_more_than_a_minute_behind_the_log_refuses(database: Database, room: Room) -> None:
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), NOON - timedelta(seconds=61))

    assert isinstance(decision, Refusal)
    assert {o.detail for o in decision.objections} == {"CLOCK_BEHIND"}
    assert decision.ruling.at == NOON


def test_gate_time_is_never_before_the_last_entry(database: Database, room: Room) -> None:
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), NOON - timedelta(seconds=59))

    assert isinstance(decision, Permit)
    assert decision.ruling.at == NOON


def test_a_term_that_ended_by_gate_time_has_ended_whatever_the_clock_says(
    database: Database, room: Room
) -> None:
    end = NOON + timedelta(days=365)
    with database.write() as session:
        room.gate.decide(session, room.case(), end)
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), end - timedelta(seconds=1))

    assert decision.reasons == ("G-10", "G-16")


# Other actions


def test_intake_names_a_cast_that_is_still_to_answer(database: Database, room: Room) -> None:
    performer = replace(room.people[0], authorization=None)
    with database.write() as session:
        case = room.case(action=Action.INTAKE, template=None, people=(performer,), tracks=None, use=None)
        decision = room.gate.decide(session, case, LATER)

    assert isinstance(decision, Permit)
    assert decision.ruling.proof is None
    with database.read() as session:
        assert told(session, room, decision.ruling.entry, "person", room.performer.id)["action"] == "intake"
        assert docket.life(session, room.tenant, decision.id, lock=False) is None


@pytest.mark.parametrize("kind", [SourceKind.SCRAPED, SourceKind.LEAKED, SourceKind.PUBLIC_SPACE_CAMERA])
def test_intake_refuses_a_source_that_may_not_be_used(
    database: Database, room: Room, kind: SourceKind
) -> None:
    source = room.case().source
    assert source is not None
    with database.write() as session:
        case = room.case(action=Action.INTAKE, people=room.people[:1], source=replace(source, kind=kind))
        decision = room.gate.decide(session, case, LATER)

    assert decision.reasons == ("G-05",)


def test_a_case_without_a_source_has_no_proof_of_it(database: Database, room: Room) -> None:
    with database.write() as session:
        case = room.case(action=Action.INTAKE, people=room.people[:1], source=None)
        decision = room.gate.decide(session, case, LATER)

    assert decision.reasons == ("G-01", "G-02", "G-05")


@pytest.mark.parametrize("action", [Action.SCAN, Action.PUBLISH, Action.PREVIEW, Action.CURE, Action.INTAKE])
def test_the_other_actions_on_a_video_are_permitted(database: Database, room: Room, action: Action) -> None:
    requester = room.performer.id if action is Action.PREVIEW else "studio"
    with database.write() as session:
        case = room.case(action=action, people=room.people[:1], requester=requester)
        decision = room.gate.decide(session, case, LATER)

    assert isinstance(decision, Permit)
    with database.read() as session:
        assert uses(session, room) == (0, 0)


def test_a_donor_is_asked_before_her_photo_is_compared(database: Database, room: Room) -> None:
    donor = room.case().donor
    assert donor is not None
    with database.write() as session:
        case = room.case(
            action=Action.DONOR, people=room.people[1:], source=None, donor=replace(donor, match=None)
        )
        decision = room.gate.decide(session, case, LATER)

    assert isinstance(decision, Permit)


def test_a_donor_photo_that_shows_somebody_else_is_refused(database: Database, room: Room) -> None:
    donor = room.case().donor
    assert donor is not None
    with database.write() as session:
        decision = room.gate.decide(session, room.case(donor=replace(donor, match=Match.UNKNOWN)), LATER)

    assert decision.reasons == ("G-29",)


def test_matching_for_another_requester_is_refused(database: Database, room: Room) -> None:
    with database.write() as session:
        case = room.case(action=Action.SCAN, people=room.people[:1], requester="agency")
        decision = room.gate.decide(session, case, LATER)

    assert decision.reasons == ("G-41",)


def test_a_scan_by_assignment_needs_no_consent_to_matching(database: Database, room: Room) -> None:
    with database.write() as session:
        case = room.case(
            action=Action.SCAN, people=room.people[:1], requester="agency", matching=Matching.ASSIGNED
        )
        decision = room.gate.decide(session, case, LATER)

    assert isinstance(decision, Permit)


def test_intimate_content_is_refused_whatever_was_agreed(database: Database, room: Room) -> None:
    use = room.case().use
    assert use is not None
    with database.write() as session:
        case = room.case(use=replace(use, modifications=(Modification.INTIMATE,)))
        decision = room.gate.decide(session, case, LATER)

    assert decision.reasons == ("G-18", "G-19")


# Dry run


def test_a_check_answers_as_decide_would_and_leaves_no_trace(database: Database, room: Room) -> None:
    with database.read() as session:
        before = len(session.exec(select(EntryRow)).all())
        yes = room.gate.check(session, room.case(), LATER)
        no = room.gate.check(session, room.case(tracks=None), LATER)

    assert (yes.answer, yes.objections, yes.reasons) == (Answer.PERMIT, (), ())
    assert (no.answer, no.reasons) == (Answer.REFUSAL, ("G-00", "G-09", "G-43", "G-47"))
    assert room.templates.locked == []
    with database.read() as session:
        assert len(session.exec(select(EntryRow)).all()) == before
        assert session.exec(select(DecisionRow)).all() == []
        assert uses(session, room) == (0, 0)


# Broken rules


def test_a_policy_that_breaks_refuses_everything(database: Database, room: Room) -> None:
    broken = replace(POLICY, _schema="no schema")  # type: ignore[arg-type]
    gate = replace(room.gate, policy=broken)

    with database.write() as session:
        decision = gate.decide(session, room.case(), LATER)

    assert isinstance(decision, Refusal)
    assert {(o.rule, o.detail) for o in decision.objections} == {("G-00", "POLICY_ERROR")}


# Holds


def a_hold(database: Database, room: Room, **changes: Any) -> tuple[Case, Hold]:
    case = room.case(**changes)
    assert case.tracks is not None
    case = replace(case, tracks=replace(case.tracks, unresolvable=1))
    with database.write() as session:
        decision = room.gate.decide(session, case, LATER)
    assert isinstance(decision, Hold)
    return case, decision


def test_a_face_nobody_can_tell_is_held_with_a_date(database: Database, room: Room) -> None:
    _, hold = a_hold(database, room)

    assert hold.reasons == ("G-44",)
    assert hold.until == LATER + Terms().hold_for
    with database.read() as session:
        assert uses(session, room) == (0, 0)


def test_two_persons_lift_a_hold_and_it_is_a_new_decision(database: Database, room: Room) -> None:
    _, hold = a_hold(database, room)
    with database.write() as session:
        decision = room.gate.lift(session, hold.ruling.id, "anna", "bert", "a poster on the wall", LATER)

    assert isinstance(decision, Permit)
    assert decision.id != hold.ruling.id
    with database.read() as session:
        recorded = docket.find(session, room.tenant, decision.id)
        assert recorded is not None
        assert (recorded.follows, recorded.lifted) == (hold.ruling.id, ("G-44",))
        entry = room.house.ledger.find(session, decision.ruling.entry)
        assert entry is not None
        assert Leaf.parse(entry.leaf).ref == (hold.ruling.entry,)
        whole = told(session, room, decision.ruling.entry, "tenant", room.tenant)
        assert whole["lifted_by"] == ["anna", "bert"]
        assert whole["reason"] == "a poster on the wall"


@pytest.mark.parametrize(
    ("by1", "by2", "reason"),
    [
        ("anna", "anna", "x"),
        ("anna", " anna ", "x"),
        ("anna", "", "x"),
        ("", "bert", "x"),
        ("anna", "bert", " "),
    ],
)
def test_one_person_lifts_nothing(database: Database, room: Room, by1: str, by2: str, reason: str) -> None:
    _, hold = a_hold(database, room)

    with database.write() as session, pytest.raises(NotTwoPersons):
        room.gate.lift(session, hold.ruling.id, by1, by2, reason, LATER)


def test_a_hold_is_lifted_once(database: Database, room: Room) -> None:
    _, hold = a_hold(database, room)
    with database.write() as session:
        room.gate.lift(session, hold.ruling.id, "anna", "bert", "a poster", LATER)

    with database.write() as session, pytest.raises(HoldUnknown):
        room.gate.lift(session, hold.ruling.id, "anna", "bert", "a poster", LATER)


def test_open_holds_are_read_page_by_page_and_none_is_left_out(database: Database, room: Room) -> None:
    for _ in range(3):
        a_hold(database, room)

    with database.read() as session:
        whole = docket.held(session, room.tenant, limit=10)
        found, last = list[tuple[str, datetime]](), None
        while page := docket.held(session, room.tenant, limit=2, beyond=last):
            found += page
            last = page[-1]

    assert len(whole) == 3
    assert tuple(found) == whole


def test_lifting_a_hold_lifts_nothing_else(database: Database, room: Room) -> None:
    _, hold = a_hold(database, room)
    with database.write() as session:
        room.house.registry.withdraw(session, Effects(), room.performed, by=HERS, now=LATER)
        decision = room.gate.lift(session, hold.ruling.id, "anna", "bert", "a poster", LATER)

    assert decision.reasons == ("G-10",)


def test_a_refusal_is_not_lifted(database: Database, room: Room) -> None:
    with database.write() as session:
        refusal = room.gate.decide(session, room.case(tracks=None), LATER)

    with database.write() as session, pytest.raises(HoldUnknown):
        room.gate.lift(session, refusal.ruling.id, "anna", "bert", "please", LATER)
    with database.write() as session, pytest.raises(HoldUnknown):
        room.gate.lift(session, "0" * 32, "anna", "bert", "please", LATER)


def test_a_hold_is_a_refusal_from_its_date_on(database: Database, room: Room) -> None:
    _, hold = a_hold(database, room)
    with database.write() as session:
        decision = room.gate.lift(session, hold.ruling.id, "anna", "bert", "a poster", hold.until)

    assert isinstance(decision, Refusal)
    assert decision.reasons == ("G-44", "HOLD_LAPSED")


def test_a_sweep_turns_due_holds_into_refusals(database: Database, room: Room) -> None:
    _, hold = a_hold(database, room)
    with database.write() as session:
        assert room.gate.lapse(session, hold.until - timedelta(microseconds=1)) == ()
        assert room.gate.lapse(session, hold.until) == (hold.ruling.id,)
        assert room.gate.lapse(session, hold.until) == ()

    with database.write() as session:
        recorded = docket.find(session, room.tenant, hold.ruling.id)
        assert recorded is not None
        assert recorded.closed is docket.Closed.LAPSED
        with pytest.raises(HoldUnknown):
            room.gate.lift(session, hold.ruling.id, "anna", "bert", "a poster", hold.until)


def test_a_sweep_leaves_a_hold_that_was_closed_meanwhile(
    database: Database, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, hold = a_hold(database, room)
    with database.write() as session:
        room.gate.lift(session, hold.ruling.id, "anna", "bert", "a poster", LATER)
    monkeypatch.setattr(docket, "due_holds", lambda *_: (hold.ruling.id, "0" * 32))

    with database.write() as session:
        assert room.gate.lapse(session, hold.until) == ()


# Edges of tenants


def test_another_tenants_gate_knows_nobody_of_this_one(
    database: Database, room: Room, tmp_path: Path
) -> None:
    with database.write() as session:
        other = a_room(session, tmp_path / "other", tenant="other")
    with database.write() as session:
        decision = other.gate.decide(session, room.case(tenant="other"), LATER)

    assert isinstance(decision, Refusal)
    assert {"G-09", "G-29"} <= set(decision.reasons)


def test_the_stored_case_reads_back_as_it_was_asked(database: Database, room: Room) -> None:
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), LATER)

    with database.read() as session:
        recorded = docket.find(session, room.tenant, decision.ruling.id)
        assert recorded is not None
        assert recorded.case == room.case().encoded
        assert recorded.stage is Stage.DECIDE
        assert docket.find(session, "other", decision.ruling.id) is None
        assert docket.people(session, "other", decision.ruling.id) == ()
        assert session.exec(select(DecisionRow).where(col(DecisionRow.tenant_id) == "other")).all() == []
        assert session.execute(text("SELECT count(*) FROM permit")).scalar() == 1
    assert TEMPLATE in room.templates.locked


# Counting


def test_decisions_are_counted_by_what_objected_and_when(database: Database, room: Room) -> None:
    # Given a hold, and a permit a second later.
    _, hold = a_hold(database, room)
    soon = LATER + timedelta(seconds=1)
    with database.write() as session:
        permit = room.gate.decide(session, room.case(), soon)
    assert isinstance(permit, Permit)

    held = tallies.Sort(Action.SWAP, docket.Answer.HOLD, ("G-44",))
    permitted = tallies.Sort(Action.SWAP, docket.Answer.PERMIT, ())
    with database.read() as session:
        both = tallies.tally(session, room.tenant, since=LATER, until=soon + timedelta(seconds=1))
        assert both == {held: 1, permitted: 1}
        assert tallies.tally(session, room.tenant, since=LATER, until=soon) == {held: 1}
        assert tallies.tally(session, room.tenant, since=soon, until=hold.until) == {permitted: 1}
        assert tallies.tally(session, "other", since=LATER, until=hold.until) == {}


def test_open_holds_are_counted_and_those_that_lapse(database: Database, room: Room) -> None:
    _, hold = a_hold(database, room)

    with database.write() as session:
        assert docket.open_holds(session, room.tenant, until=LATER) == (1, 0)
        assert docket.open_holds(session, room.tenant, until=hold.until) == (1, 1)
        assert docket.open_holds(session, "other", until=hold.until) == (0, 0)
        room.gate.lapse(session, hold.until)
        assert docket.open_holds(session, room.tenant, until=hold.until) == (0, 0)


# Law and papers


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        (PaperKind.IMPACT_ASSESSMENT, ("G-25", "G-52")),
        (PaperKind.SECURITY_ASSESSMENT, ("G-26",)),
        (PaperKind.ALGORITHM_FILING, ("G-26",)),
        (PaperKind.PROCESSOR_CONTRACT, ("G-27", "G-52")),
        (PaperKind.IDENTITY_CHECK, ("G-04",)),
        (PaperKind.DUTY_NOTICE, ("G-04",)),
    ],
)
def test_from_the_day_a_paper_ends_nothing_is_permitted_under_it(
    database: Database, room: Room, kind: PaperKind, rules: tuple[str, ...]
) -> None:
    house = room.house
    papers = Papers(house.ledger, house.entropy)
    with database.read() as session:
        (paper,) = (one.id for one in papers.every(session) if one.paper.kind is kind)
    with database.write() as session:
        assert room.gate.check(session, room.case(), LATER).reasons == ()
        papers.end(session, paper, by="operator-1", now=LATER)

        assert room.gate.check(session, room.case(), LATER).reasons == rules


def test_a_use_in_a_place_whose_law_no_pack_states_is_refused(database: Database, room: Room) -> None:
    case = room.case()
    assert case.use is not None
    there = replace(case, use=replace(case.use, territories=("CN", "AQ")))

    with database.write() as session:
        assert "G-49" in room.gate.check(session, there, LATER).reasons


def test_the_law_of_the_seat_applies_wherever_it_is_shown(database: Database, room: Room) -> None:
    bench = replace(room.gate.bench, place=Place("US-IL", "CN"))
    gate = replace(room.gate, bench=bench)

    with database.write() as session:
        assert gate.check(session, room.case(), LATER).reasons == ("G-31", "G-50")


def test_data_that_leaves_her_country_needs_her_leave_and_a_ground(database: Database, room: Room) -> None:
    gate = replace(room.gate, bench=replace(room.gate.bench, place=Place("CN", "SG")))

    with database.write() as session:
        assert gate.check(session, room.case(), LATER).reasons == ("G-20", "G-25", "G-49", "G-52")


def test_her_leave_and_the_very_ground_she_was_told_let_it_leave(database: Database, tmp_path: Path) -> None:
    exports = frozenset({Export("users", "DE", ExportMechanism.CERTIFICATION)})
    with database.write() as session:
        room = a_room(
            session,
            tmp_path / "house",
            tenant="exporting",
            exports=exports,
            storage_regions=frozenset({"DE"}),
        )
        gate = replace(room.gate, bench=replace(room.gate.bench, place=Place("CN", "DE")))
        papers = Papers(room.house.ledger, room.house.entropy)

        def reasons(mechanism: ExportMechanism | None) -> tuple[str, ...]:
            if mechanism is not None:
                ground = Paper(
                    PaperKind.EXPORT_GROUND,
                    "d" * 64,
                    NOON,
                    LATER + timedelta(days=1),
                    regions=frozenset({"DE"}),
                    mechanism=mechanism,
                )
                papers.add(session, ground, by="operator-1", now=NOON)
            return gate.check(session, room.case(), LATER).reasons

        assert reasons(None) == ("G-20", "G-25", "G-52")
        assert reasons(ExportMechanism.ASSESSMENT) == ("G-20", "G-25", "G-52"), (
            "another ground than she was told"
        )
        assert reasons(ExportMechanism.CERTIFICATION) == ("G-25", "G-52")
    room.house.keystore.close()


def test_a_demo_is_asked_for_no_paper_but_those_a_court_asks_for(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", tenant="demo", mode=Mode.DEMO)
        papers = Papers(room.house.ledger, room.house.entropy)
        case_file = {PaperKind.PROCESSOR_CONTRACT, PaperKind.IMPACT_ASSESSMENT}
        filed = {one.paper.kind: one.id for one in papers.every(session)}
        for kind in filed.keys() - case_file:
            papers.end(session, filed[kind], by="operator-1", now=NOON)

        assert room.gate.check(session, room.case(mode=Mode.DEMO), LATER).reasons == ()

        for kind in case_file:
            papers.end(session, filed[kind], by="operator-1", now=NOON)
        assert room.gate.check(session, room.case(mode=Mode.DEMO), LATER).reasons == ("G-52",)
    room.house.keystore.close()


def test_papers_that_cannot_be_read_cover_nothing(database: Database, room: Room) -> None:
    with database.write() as session:
        session.connection().execute(text('UPDATE paper SET covers = \'{"engines":["*"]}\''))
        said = room.gate.check(session, room.case(), LATER)

    assert ("G-00", "DOCUMENT_MALFORMED") in {(o.rule, o.detail) for o in said.objections}
