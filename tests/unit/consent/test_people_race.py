"""What people's standing rests on, changed while somebody relies on it, on both databases."""

import threading
from collections.abc import Callable
from datetime import timedelta

from sqlmodel import select

from consent.capturing import CaptureClosed
from consent.estates import Estates
from consent.proofing import AttestationRefused
from consent.prooftables import AttestationRow
from consent.tables import PersonRow
from consent.words import Purpose
from consenting import NOON, House
from proofs import PAPER, an_adopted, proving
from service.database import Database
from unit.consent.test_capturing import attested_and_enrolled, captures

LATER = NOON + timedelta(minutes=1)
MANY = 6


def at_once(act: Callable[[], None], refusal: type[Exception]) -> tuple[int, int]:
    """How many of `MANY` who do it at the same moment may, and how many are refused."""
    start = threading.Barrier(MANY)
    done: list[bool] = []

    def run() -> None:
        start.wait()
        try:
            act()
        except refusal:
            done.append(False)
        else:
            done.append(True)

    threads = [threading.Thread(target=run) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done.count(True), done.count(False)


def test_one_attestation_in_many_hands_enrols_one_person(database: Database, house: House) -> None:
    with database.write() as session:
        signed = an_adopted(house, session, NOON).signed(NOON)

    def enrol() -> None:
        with database.write() as session:
            proving(house).enrol(session, signed, now=LATER)

    assert at_once(enrol, AttestationRefused) == (1, MANY - 1)
    with database.read() as session:
        assert (
            len(session.exec(select(PersonRow)).all()) == len(session.exec(select(AttestationRow)).all()) == 1
        )


def test_one_challenge_in_many_hands_is_one_attempt(database: Database, house: House) -> None:
    person, authorization = attested_and_enrolled(database, house)
    capture = captures(house)
    with database.write() as session:
        asked = capture.ask(session, authorization, now=NOON)

    def take() -> None:
        with database.write() as session:
            capture.take(session, person.id, asked.id, now=LATER)

    assert at_once(take, CaptureClosed) == (1, MANY - 1)


def test_a_death_waits_for_who_relies_on_her_consent_already(database: Database, house: House) -> None:
    # Given somebody who has read that she agreed, and will act on it
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON)
        authorization = house.grant(session, somebody, NOON).authorization
    relying, recorded = threading.Event(), threading.Event()

    def die() -> None:
        relying.wait()
        with database.write() as session:
            Estates(house.registry, house.portraits).record(
                session, somebody.id, PAPER, by="operator-1", now=LATER
            )
        recorded.set()

    thread = threading.Thread(target=die)
    thread.start()
    with database.write() as session:
        found = house.registry.standings(session, "default", [authorization], now=LATER, lock="share")
        assert found[authorization].in_force(Purpose.USER_SWAP)
        relying.set()

        # Then her death is not on record while he does, and is once he has.
        assert not recorded.wait(0.5)
    thread.join()
    with database.read() as session:
        found = house.registry.standings(session, "default", [authorization], now=LATER, lock=None)
    assert found[authorization].deceased
    assert not found[authorization].in_force(Purpose.USER_SWAP)
