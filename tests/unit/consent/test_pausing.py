"""A consent that rests: nothing is permitted on it, nothing of it is lost, and only she lets it go on."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from audit.canonical import Json
from audit.errors import BadInput, Diverged
from audit.fact import Subject
from consent import chain, pausing
from consent.age import Ages
from consent.asking_errors import ResumeNotHers
from consent.capacity import Capacity, Representative
from consent.errors import AuthorizationDiverged, AuthorizationUnknown, PurposeNotGiven, RecoveryCodeWrong
from consent.kinship import Kinship, NotHerRepresentative
from consent.permit import Permit, Refusal
from consent.registry import Granted
from consent.signature import sign, to_sign
from consent.standing import Standing
from consent.tables import ConsentStateRow
from consent.withdrawal import By, How
from consent.words import AgeBand, Purpose, Status
from consenting import NOON, SWAP, Effects, House, Somebody
from gating import a_room, covered
from proofs import PAPER, guards
from service.database import Database

SOON, LATER = NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)


@pytest.fixture
def given(database: Database, house: House) -> tuple[Somebody, Granted]:
    with database.write() as session:
        house.publish(session, NOON)
        her = house.enrol(session, NOON)
        return her, house.grant(session, her, NOON)


def hers(person: Somebody) -> By:
    return By(How.OWN_SESSION, person.id)


def stands(database: Database, house: House, authorization: str) -> Standing:
    with database.read() as session:
        found = house.registry.standings(session, house.tenant, [authorization], now=LATER, lock=None)
    return found[authorization]


def test_what_rests_is_not_in_force_until_she_resumes_it(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given

    with database.write() as session:
        rest = pausing.pause(session, house.ledger, granted.authorization, by=hers(her), now=SOON)
    resting = stands(database, house, granted.authorization)
    with database.write() as session:
        goes_on = pausing.resume(session, house.ledger, granted.authorization, by=hers(her), now=LATER)
    after = stands(database, house, granted.authorization)

    assert rest.changed == rest.paused == resting.paused == SWAP
    assert not any(resting.in_force(p) or resting.status[p].valid for p in SWAP)
    assert goes_on.changed == SWAP
    assert goes_on.paused == after.paused == frozenset()
    assert all(after.in_force(p) for p in SWAP)
    assert resting.head == rest.entry != after.head == goes_on.entry
    assert after.uses_left == resting.uses_left


def test_one_purpose_rests_beside_others(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given

    with database.write() as session:
        one = {Purpose.USER_SWAP}
        pausing.pause(session, house.ledger, granted.authorization, by=hers(her), now=SOON, purposes=one)

    found = stands(database, house, granted.authorization)
    assert {p for p in SWAP if found.in_force(p)} == SWAP - {Purpose.USER_SWAP}


def test_the_same_again_changes_nothing_and_is_no_second_entry(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given
    with database.write() as session:
        first = pausing.pause(session, house.ledger, granted.authorization, by=hers(her), now=SOON)
        again = pausing.pause(session, house.ledger, granted.authorization, by=hers(her), now=LATER)

        events = chain.events(session, house.tenant, [granted.authorization])[granted.authorization]

    assert (again.changed, again.entry, again.paused) == (frozenset(), first.entry, SWAP)
    assert [past.kind for past in events] == ["ConsentGranted", "ConsentPaused"]


def test_the_code_of_the_receipt_pauses_and_resumes_and_no_other_code_does(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given
    with database.write() as session:
        with pytest.raises(RecoveryCodeWrong):
            pausing.by_code(session, house.tenant, granted.authorization, "AAAA-BBBB")
        by = pausing.by_code(session, house.tenant, granted.authorization, granted.recovery_code.lower())
        pausing.pause(session, house.ledger, granted.authorization, by=by, now=SOON)
        pausing.resume(session, house.ledger, granted.authorization, by=by, now=LATER)

    assert by == By(How.RECOVERY_CODE, her.id)
    assert stands(database, house, granted.authorization).in_force(Purpose.USER_SWAP)


def test_the_code_does_not_undo_what_she_paused_with_a_key(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    # Given one purpose paused with the code, and then all in her session
    her, granted = given
    ledger, one = house.ledger, granted.authorization
    code = By(How.RECOVERY_CODE, her.id)
    with database.write() as session:
        first = pausing.pause(session, ledger, one, by=code, now=SOON, purposes=[Purpose.MATCHING])
        second = pausing.pause(session, ledger, one, by=hers(her), now=SOON)
        again = pausing.pause(session, ledger, one, by=code, now=SOON)

        # When
        with pytest.raises(ResumeNotHers):
            pausing.resume(session, ledger, one, by=code, now=LATER, purposes=[Purpose.MATCHING])
        resumed = pausing.resume(session, ledger, one, by=hers(her), now=LATER)

    # Then
    assert (first.changed, second.changed, again.changed) == ({Purpose.MATCHING}, SWAP, frozenset())
    assert resumed.changed == SWAP
    assert stands(database, house, one).in_force(Purpose.MATCHING)


def test_who_acts_for_her_is_recorded_to(database: Database, house: House) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        guardian, other = house.enrol(session, NOON), house.enrol(session, NOON)
        people, ages = house.registry.people, Ages(AgeBand.UNDER_14, None, NOON + timedelta(days=99))
        child = people.enrol(session, guardian.person.proof, ages.band, now=NOON, ages=ages)
        kin = guards(house, session, child.id, guardian.id, NOON)
        capacity = Capacity(ages.band, guardian=Representative(guardian.id, PAPER))
        document = house.document(Somebody(child, b"", ""), NOON, capacity=capacity).encoded
        evidence = sign(guardian.private, to_sign(document)).encoded
        one = house.registry.grant(session, document, evidence, now=NOON).authorization
        acting = By(How.REPRESENTATIVE, guardian.id)

        for change in (pausing.pause, pausing.resume):
            with pytest.raises(NotHerRepresentative):
                change(session, house.ledger, one, by=By(How.REPRESENTATIVE, other.id), now=SOON)
            assert change(session, house.ledger, one, by=acting, now=SOON).changed == SWAP
        pausing.pause(session, house.ledger, one, by=acting, now=SOON)
        Kinship(house.ledger, house.entropy).end(session, child.id, kin.id, by="operator-1", now=SOON)
        with pytest.raises(NotHerRepresentative):
            pausing.resume(session, house.ledger, one, by=acting, now=LATER)


@pytest.mark.parametrize("how", sorted(set(How) - pausing.HERS))
def test_nobody_else_ends_a_pause(
    how: How, database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    _, granted = given
    with database.write() as session:
        pausing.pause(session, house.ledger, granted.authorization, by=By(how, "desk"), now=SOON)
        with pytest.raises(ResumeNotHers):
            pausing.resume(session, house.ledger, granted.authorization, by=By(how, "desk"), now=LATER)

    assert stands(database, house, granted.authorization).paused == SWAP


def test_withdrawing_what_rests_ends_it_and_no_resumption_brings_it_back(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given
    with database.write() as session:
        pausing.pause(session, house.ledger, granted.authorization, by=hers(her), now=SOON)
        done = house.registry.withdraw(session, Effects(), granted.authorization, by=hers(her), now=LATER)
        rest = pausing.resume(session, house.ledger, granted.authorization, by=hers(her), now=LATER)

    assert done.purposes == SWAP
    assert rest.changed == frozenset()
    assert set(stands(database, house, granted.authorization).status.values()) == {Status.WITHDRAWN}


def test_a_pause_outlasts_a_dispute_and_a_suspension(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given
    registry, authorization = house.registry, granted.authorization
    with database.write() as session:
        pausing.pause(session, house.ledger, authorization, by=hers(her), now=SOON)
        registry.dispute(session, authorization, by=hers(her), now=SOON)
        registry.settle(session, authorization, by=By(How.OPERATOR, "desk"), now=LATER)
        registry.suspend_all(session, now=LATER)

    found = stands(database, house, authorization)
    assert found.paused == SWAP
    assert not found.disputed


@pytest.mark.parametrize("paused", [True, False])
def test_a_mark_that_no_event_put_there_is_noticed(
    paused: bool, database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given
    with database.write() as session:
        if not paused:
            pausing.pause(session, house.ledger, granted.authorization, by=hers(her), now=SOON)
        row = session.get(ConsentStateRow, (house.tenant, granted.authorization, "USER_SWAP"))
        assert row is not None
        session.refresh(row)
        row.paused = paused
        session.add(row)

    with pytest.raises(AuthorizationDiverged):
        stands(database, house, granted.authorization)


def test_a_pause_is_an_entry_about_her(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given
    with database.write() as session:
        rest = pausing.pause(session, house.ledger, granted.authorization, by=hers(her), now=SOON)
        said: Json = dict(house.ledger.opened(session, rest.entry, Subject("person", her.id)) or {})

    assert isinstance(said, dict)
    assert said["authorization"] == granted.authorization
    assert said["by"] == "own-session"
    assert not house.journal.denies(granted.authorization, Purpose.USER_SWAP), "that would be for good"


def test_what_was_never_given_can_not_rest(
    database: Database, house: House, given: tuple[Somebody, Granted]
) -> None:
    her, granted = given
    wrong: list[tuple[str, list[Purpose], type[BadInput] | type[Diverged]]] = [
        (granted.authorization, [Purpose.TRAINING], PurposeNotGiven),
        (granted.authorization, [], PurposeNotGiven),
        ("0" * 32, [Purpose.USER_SWAP], AuthorizationUnknown),
    ]
    with database.write() as session:
        for authorization, purposes, error in wrong:
            with pytest.raises(error):
                pausing.pause(session, house.ledger, authorization, by=hers(her), now=SOON, purposes=purposes)


def test_the_gate_refuses_while_it_rests_and_a_permit_from_before_is_void(
    database: Database, tmp_path: Path
) -> None:
    """Without a rule of its own: a purpose that rests has no valid status."""
    with database.write() as session:
        room = a_room(session, tmp_path / "room")
        before = room.gate.decide(session, room.case(), NOON)
        assert isinstance(before, Permit)
        _rest(session, room.house, room.performed, room.performer, paused=True)
        during = room.gate.decide(session, room.case(), SOON)
        redeemed = room.permits.redeem(session, before.token, room.run(before), SOON, covered)
        _rest(session, room.house, room.performed, room.performer, paused=False)
        after = room.gate.decide(session, room.case(), LATER)
    room.house.keystore.close()

    assert isinstance(during, Refusal)
    assert "G-10" in {objection.rule for objection in during.objections}
    assert isinstance(redeemed, Refusal)
    assert isinstance(after, Permit)


def _rest(session: Session, house: House, authorization: str, her: Somebody, *, paused: bool) -> None:
    change = pausing.pause if paused else pausing.resume
    change(session, house.ledger, authorization, by=hers(her), now=SOON)
