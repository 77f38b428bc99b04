"""Her own keys are damaged, and she wants to go: nothing of hers stays in force, and mended she is erased."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from audit.rewrapping import KeyDamaged
from consent import chain
from consent.erasures import Left, Step
from consent.permit import Permit
from consent.withdrawal import By, How
from consent.words import Status
from service.backup import backup_keys
from service.erasing import erase
from service.mending import mend
from service.revoking import Word, withdraw
from service.studio import open_studio
from service.subject import SubjectRights
from service.wiring import Record, open_record
from service.worker import working
from swap import outputs
from swap.orders import Progress
from swap.outputs import Output
from worlds import OPERATOR, ROLES, USE, World

BY = By(How.OPERATOR, "operator-1")


def damage(world: World, key: str) -> None:
    """A bit of the performer's wrapped key flips."""
    with closing(sqlite3.connect(world.record.layout.keystore, isolation_level=None)) as disk:
        person = world.people["astronaut"].person
        wrapped = bytearray(disk.execute(f"SELECT {key} FROM subject WHERE id = ?", (person,)).fetchone()[0])  # noqa: S608
        wrapped[15] ^= 1
        disk.execute(f"UPDATE subject SET {key} = ? WHERE id = ?", (bytes(wrapped), person))  # noqa: S608


@pytest.fixture
def cold() -> Iterator[Callable[[World], Record]]:
    """Another process, which remembers nobody's keys."""
    opened: list[Record] = []

    def another(world: World) -> Record:
        opened.append(open_record(world.settings))
        return opened[-1]

    yield another
    for each in opened:
        each.close()


def released(world: World) -> Output:
    with working(world.record, world.studio) as worker:
        assert worker.wait_for(world.known["job"], lambda *_: None).progress is Progress.RELEASED
    with world.record.database.read() as session:
        found = outputs.of_job(session, world.tenant, world.known["job"])
    assert found is not None
    return found


def two_consents(world: World) -> tuple[str, str]:
    """What the performer has signed: for the template, and for something else."""
    first = world.people["astronaut"].authorization
    other = world.agrees("astronaut", ROLES["astronaut"], photo=None, works=frozenset({"dance-05"}))
    return first, other.authorization


def statuses(record: Record, authorization: str) -> set[Status]:
    """As the rows say."""
    with record.database.read() as session:
        states = chain.states(session, "default", [authorization])[authorization]
    return {state.status for state in states}


def denied(record: Record, authorization: str) -> bool:
    """Whether the journal says no to each of its purposes."""
    with record.database.read() as session:
        states = chain.states(session, "default", [authorization])[authorization]
    asked = {(authorization, str(state.purpose)) for state in states}
    return record.journal.denied(asked) == asked


def erased(record: Record, person: str) -> tuple[Left, Step] | None:
    with record.database.read() as session:
        found = SubjectRights(record).erasures.find(session, person)
    return None if found is None else (found.left, found.step)


def test_all_she_signed_is_denied_at_once_and_once_mended_she_is_erased(
    at_stage: Callable[[str], World], cold: Callable[[World], Record], tmp_path: Path
) -> None:
    # Given two consents of hers, a released file, and then damage
    world = at_stage("asked")
    output, person = released(world), world.people["astronaut"].person
    both = two_consents(world)
    world.receive()
    backup_keys(world.settings, tmp_path / "keys", world.record.clock())
    damage(world, "link")
    record = cold(world)

    # When she withdraws one, and then all of it
    with pytest.raises(KeyDamaged):
        withdraw(record, both[1], Word(by=BY), None)
    assert [denied(record, each) for each in both] == [False, True]
    with pytest.raises(KeyDamaged):
        erase(record, person, BY)

    # Then the journal says no to each purpose of both; nobody serves her, or permits anything,
    assert all(denied(record, each) for each in both)
    for each in (cold(world), world.record):
        with suppress(KeyDamaged):
            assert not isinstance(each.delivery.deliver(output.id), Path)
    studio = open_studio(cold(world))
    with closing(studio), suppress(KeyDamaged):
        asked = studio.pipeline.ask(world.known["template"], world.known["donor"], OPERATOR, USE)
        assert not isinstance(asked.decision, Permit)
    with suppress(KeyDamaged):
        assert not isinstance(world.ask().decision, Permit)

    # and with her keys mended the same again ends it.
    assert mend(record, tmp_path / "keys").keys == 1
    erase(record, person, BY)
    assert statuses(record, both[0]) == statuses(record, both[1]) == {Status.REVOKED}
    assert erased(record, person) == (Left.EVIDENCE, Step.DONE)
    assert not isinstance(cold(world).delivery.deliver(output.id), Path)


def test_where_her_operational_key_alone_is_damaged_all_goes_its_way(
    at_stage: Callable[[str], World], cold: Callable[[World], Record]
) -> None:
    # Given
    world = at_stage("consented")
    person, both = world.people["astronaut"].person, two_consents(world)
    damage(world, "ops")
    record = cold(world)

    # When one is withdrawn, and the other ends
    withdraw(record, both[0], Word(by=BY), None)
    later = record.clock() + timedelta(days=800)
    with record.database.write() as session:
        assert both[1] in record.registry.expire(session, now=later)
    assert statuses(record, both[0]) == {Status.REVOKED}
    assert statuses(record, both[1]) == {Status.EXPIRED}

    # And she is erased, then that is what happens, and the damaged key goes.
    done = erase(record, person, BY)
    assert (done.left, done.step) == (Left.EVIDENCE, Step.DONE)
    assert record.keystore.damaged() == 0
    record.log.publish(now=record.clock())
    with record.database.read() as session:
        audited = record.log.audit(session)
        assert audited.sound
        assert audited.unopenable == SubjectRights(record).erasures.dropped(session)
    assert erased(replace(record), person) == (Left.EVIDENCE, Step.DONE)


def test_whoever_dies_while_she_is_erased_leaves_nothing_in_force(at_stage: Callable[[str], World]) -> None:
    world = at_stage("consented")
    both = two_consents(world)

    with patch("service.revoking.withdraw", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        erase(world.record, world.people["astronaut"].person, BY)

    assert all(denied(world.record, each) for each in both)
