"""What the gate makes of keys that others had: nothing holds from there on, and everything before."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from audit import keyhistory
from audit.fact import Subject
from audit.keyhistory import DutyKeyEnded, PublicKey
from audit.keys import SigningKey
from consent import chain, countersigned
from consent.permit import Permit, Refusal
from consent.redemption import Redemption
from consent.signature import sign, to_reconfirm
from consenting import NOON
from gating import GOOD, Room, a_room, covered
from logbook import kinds_in
from service.database import Database

LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Iterator[Room]:
    """A gate whose keys were adopted, as at every start."""
    with database.write() as session:
        room = a_room(session, tmp_path / "house")
        keys = [PublicKey.of(one.verifying) for one in (room.gate.key, room.house.registry.countersign)]
        keyhistory.start(session, room.house.ledger, keys, NOON)
    bench = replace(room.gate.bench, keys=frozenset({room.gate.key.kid}))
    room.gate, room.permits = replace(room.gate, bench=bench), replace(room.permits, bench=bench)
    sequence(database)
    yield room
    room.house.keystore.close()


def sequence(database: Database) -> None:
    """Every entry gets its place, in order of writing."""
    with database.write() as session:
        run = session.connection().execute
        for index, (seq,) in enumerate(run(text("SELECT seq FROM log_entry ORDER BY seq")).all()):
            run(text("UPDATE log_entry SET idx = :index WHERE seq = :seq"), {"index": index, "seq": seq})


def place(session: Session, room: Room, entry: str) -> int:
    return keyhistory.places(session, room.tenant, [entry])[entry]


def had(session: Session, room: Room, key: SigningKey, since: int) -> None:
    keyhistory.compromise(
        session, room.house.ledger, key.duty, key.kid, since=since, by="operator-1", now=LATER
    )


@contextmanager
def unknown_to_it(room: Room) -> Iterator[Room]:
    """A gate of another process, with a key that was never compromised."""
    key = SigningKey.generate(room.gate.key.duty, room.house.entropy)
    trusted = {**room.gate.trusted, key.kid: key.verifying}
    bench = replace(room.gate.bench, keys=frozenset({key.kid}))
    yield replace(
        room,
        gate=replace(room.gate, bench=bench, key=key, trusted=trusted),
        permits=replace(room.permits, bench=bench, trusted=trusted),
    )


def permitted(database: Database, room: Room) -> Permit:
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), NOON)
    assert isinstance(decision, Permit)
    sequence(database)
    return decision


@pytest.mark.parametrize(("back", "holds"), [(0, False), (1, True)])
def test_a_permit_signed_from_there_on_gives_no_leave_and_one_before_does(
    database: Database, room: Room, back: int, holds: bool
) -> None:
    # Given a permit, and that its key was in other hands from its own place on, or from the next
    permit = permitted(database, room)
    with database.write() as session:
        had(session, room, room.gate.key, place(session, room, permit.ruling.entry) + back)

    # When it is presented to a process that has another key by now
    with unknown_to_it(room) as other, database.write() as session:
        answer = other.permits.redeem(session, permit.token, other.run(permit), LATER, covered)

    # Then
    assert isinstance(answer, Redemption) is holds
    if isinstance(answer, Refusal):
        assert answer.reasons == ("PERMIT_KEY_COMPROMISED",)


@pytest.mark.parametrize(("back", "holds"), [(0, False), (1, True)])
def test_what_was_made_under_it_is_released_or_not_likewise(
    database: Database, room: Room, back: int, holds: bool
) -> None:
    # Given a run that began before anybody knew
    permit = permitted(database, room)
    with database.write() as session:
        room.permits.redeem(session, permit.token, room.run(permit), NOON, covered)
    with database.write() as session:
        had(session, room, room.gate.key, place(session, room, permit.ruling.entry) + back)

    # When it is done
    with unknown_to_it(room) as other, database.write() as session:
        answer = other.gate.recheck(session, permit.id, job="job-1", attempt=1, output=GOOD, now=LATER)

    # Then
    assert isinstance(answer, Permit) is holds
    assert ("PERMIT_KEY_COMPROMISED" in answer.reasons) is not holds


def test_a_process_whose_key_has_ended_permits_nothing_more(database: Database, room: Room) -> None:
    # Given a running process, and another that was started with another permit key
    permit = permitted(database, room)
    new = SigningKey.generate(room.gate.key.duty, room.house.entropy)
    keys = [PublicKey.of(one.verifying) for one in (new, room.house.registry.countersign)]
    with database.write() as session:
        keyhistory.start(session, room.house.ledger, keys, LATER)

    # When the first is asked
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), LATER)
        redeemed = room.permits.redeem(session, permit.token, room.run(permit), LATER, covered)

    # Then
    assert isinstance(decision, Refusal)
    assert [one.detail for one in decision.objections] == ["DUTY_KEY_ENDED"]
    assert isinstance(redeemed, Refusal)
    with unknown_to_it(room) as other, database.write() as session:
        assert isinstance(
            other.permits.redeem(session, permit.token, other.run(permit), LATER, covered), Redemption
        )


def granted_at(session: Session, room: Room, authorization: str) -> int:
    (event, *_) = chain.events(session, room.tenant, [authorization])[authorization]
    return place(session, room, event.entry)


@pytest.mark.parametrize(("back", "holds"), [(0, False), (1, True)])
def test_a_consent_countersigned_from_there_on_is_no_ground_and_one_before_is(
    database: Database, room: Room, back: int, holds: bool
) -> None:
    # Given the donor's consent, which came last, and what was said of the key that countersigned it
    with database.write() as session:
        since = granted_at(session, room, room.given) + back
        had(session, room, room.house.registry.countersign, since)
        # When
        forecast = room.gate.check(session, room.case(), LATER)
        resting = countersigned.resting_on(session, room.tenant, room.house.registry.countersign.kid)

    # Then
    assert forecast.reasons == (() if holds else ("G-13",))
    assert resting == (() if holds else (room.given,))


def test_nothing_is_countersigned_with_a_key_that_has_ended(database: Database, room: Room) -> None:
    with database.write() as session:
        had(session, room, room.house.registry.countersign, 0)
    before = kinds_in(database)

    with database.write() as session, pytest.raises(DutyKeyEnded):
        room.house.grant(session, room.donor, LATER)

    assert kinds_in(database) == before


def test_she_confirms_it_anew_and_it_is_a_ground_again(database: Database, room: Room) -> None:
    # Given her consent, suspended because of the key
    registry = room.house.registry
    with database.write() as session:
        had(session, room, registry.countersign, granted_at(session, room, room.given))
        registry.suspend(
            session, countersigned.resting_on(session, room.tenant, registry.countersign.kid), now=LATER
        )
        standing = registry.standings(session, room.tenant, [room.given], now=LATER, lock=None)[room.given]
        refused = room.gate.check(session, room.case(), LATER)

        # When
        message = to_reconfirm(standing.head, standing.document.digest)
        evidence = sign(room.donor.private, message).encoded
        registry.reconfirm(session, room.given, evidence, now=LATER)

        # Then
        assert set(refused.reasons) >= {"G-13"}
        assert room.gate.check(session, room.case(), LATER).reasons == ()
        assert countersigned.resting_on(session, room.tenant, registry.countersign.kid) == ()


def test_a_confirmation_of_before_says_nothing_of_what_became_known_after(
    database: Database, room: Room
) -> None:
    registry = room.house.registry
    with database.write() as session:
        registry.suspend(session, (room.given,), now=NOON)
        standing = registry.standings(session, room.tenant, [room.given], now=NOON, lock=None)[room.given]
        message = to_reconfirm(standing.head, standing.document.digest)
        registry.reconfirm(session, room.given, sign(room.donor.private, message).encoded, now=NOON)
        had(session, room, registry.countersign, granted_at(session, room, room.given))

        assert room.gate.check(session, room.case(), LATER).reasons == ("G-13",)


def test_the_answer_says_which_key_signed_it(database: Database, room: Room) -> None:
    permit = permitted(database, room)

    with database.read() as session:
        said = room.house.ledger.openings(session, permit.ruling.entry, _tenant(room))
    assert said[0].opening.payload["kid"] == room.gate.key.kid


def _tenant(room: Room) -> Subject:
    return Subject("tenant", room.tenant)
