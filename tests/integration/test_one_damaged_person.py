"""One person's keys are damaged: everybody else's consents, references and erasures end as they should."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from sqlmodel import Session, col, select

from audit.fact import Subject
from audit.ids import fresh
from audit.keystore import KeyStore, SubjectKeys
from audit.ledger import Ledger
from audit.rewrapping import GRACE, KeyDamaged, KeysDamaged
from audit.sealing import SealBroken
from audit.tables import SealedRow
from consent import chain, reminding
from consent.erasures import Left, Step
from consent.tables import PortraitRow
from consent.withdrawal import By, How
from consent.words import Status
from service.erasing import erase, finish
from service.evidence.about import About, Kind
from service.evidence.making import make
from service.retention import purger
from service.subject import SubjectRights
from service.wiring import Record, open_record
from service.worker import working
from swap import hooks, tidings
from swap.hooks import Hook
from worlds import World

BY = By(How.OPERATOR, "operator-1")
YEARS = timedelta(days=800)
"""By when every term has ended."""


@pytest.fixture
def world(at_stage: Callable[[str], World]) -> World:
    return at_stage("consented")


def damage(world: World, name: str, key: str) -> None:
    """A bit of her wrapped key flips."""
    with closing(sqlite3.connect(world.record.layout.keystore, isolation_level=None)) as disk:
        person = world.people[name].person
        wrapped = bytearray(disk.execute(f"SELECT {key} FROM subject WHERE id = ?", (person,)).fetchone()[0])  # noqa: S608
        wrapped[15] ^= 1
        disk.execute(f"UPDATE subject SET {key} = ? WHERE id = ?", (bytes(wrapped), person))  # noqa: S608


@pytest.fixture
def cold(world: World) -> Iterator[Callable[[], Record]]:
    """Another process, which remembers nobody's keys."""
    opened: list[Record] = []

    def again() -> Record:
        world.record.keystore.close()
        opened.append(open_record(world.settings))
        return opened[-1]

    yield again
    for each in opened:
        each.close()


def later(record: Record, by: timedelta) -> Record:
    at = record.clock() + by
    return replace(record, clock=lambda: at)


def statuses(record: Record, world: World, name: str) -> set[Status]:
    """As the rows say."""
    authorization = world.people[name].authorization
    with record.database.read() as session:
        states = chain.states(session, world.tenant, [authorization])
    return {state.status for state in states[authorization]}


def steps(record: Record, world: World, *names: str) -> set[tuple[Left, Step]]:
    found = set()
    for name in names:
        with record.database.read() as session:
            erasure = SubjectRights(record).erasures.find(session, world.people[name].person)
        assert erasure is not None
        found.add((erasure.left, erasure.step))
    return found


def references(record: Record) -> list[str]:
    with record.database.read() as session:
        return list(session.exec(select(col(PortraitRow.person_id))).all())


@pytest.mark.parametrize("key", ["link", "evid"])
def test_what_has_ended_ends_for_the_others(
    world: World, cold: Callable[[], Record], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    assert len(references(world.record)) == 3
    damage(world, "hopper", key)
    record = later(cold(), YEARS)

    # When a worker works
    with working(record, world.studio) as worker:
        for _ in range(2):
            worker.turn()

    # Then the others' consents are expired, everybody's references gone, and the log goes on.
    assert statuses(record, world, "astronaut") == statuses(record, world, "cameraman") == {Status.EXPIRED}
    assert statuses(record, world, "hopper") == {Status.GIVEN}
    kinds = world.kinds()
    assert (kinds.count("ConsentExpired"), kinds.count("Purged")) == (2, 1)
    assert references(record) == []
    assert world.rows("log_entry", "idx IS NULL") == 0
    assert "a step of the worker failed" not in caplog.text


def test_references_of_all_that_are_due_go_and_are_counted(world: World, cold: Callable[[], Record]) -> None:
    damage(world, "hopper", "link")
    record = later(cold(), YEARS)

    done = purger(record).run()

    assert (done.failed, done.gone["face-reference"]) == ({}, 3)
    assert references(record) == []
    assert world.kinds().count("PortraitsPurged") == 2


def test_the_others_are_reminded(world: World, cold: Callable[[], Record]) -> None:
    damage(world, "hopper", "ops")
    record = cold()
    with record.database.read() as session:
        until = min(
            at
            for _, at in chain.ending(
                session, world.tenant, after=record.clock(), until=record.clock() + YEARS, limit=9
            )
        )
    near = until - timedelta(days=5)

    for expected in (2, 0):
        with record.database.write() as session:
            told = reminding.remind(session, record.ledger, near)
        assert len(told) == expected
        assert world.people["hopper"].person not in {one.person for one in told}


def test_rows_that_contradict_themselves_keep_neither_the_rest_nor_the_log_back(
    world: World, cold: Callable[[], Record], caplog: pytest.LogCaptureFixture
) -> None:
    # Given a word in somebody's state that is none of ours
    hers = {"id": world.people["hopper"].authorization}
    which = "authorization_id = :id AND purpose = 'MATCHING'"
    assert world.edit(f"UPDATE consent_state SET purpose = 'x' WHERE {which}", **hers)  # noqa: S608
    record = later(cold(), YEARS)

    with working(record, world.studio) as worker:
        worker.turn()
        worker.turn()

    assert references(record) == []
    assert world.rows("log_entry", "idx IS NULL") == 0
    assert caplog.text.count("a step of the worker failed") == 1


@pytest.mark.parametrize("about", ["cameraman", "hopper"])
def test_the_others_are_erased_though_bundles_were_made(
    world: World, cold: Callable[[], Record], about: str
) -> None:
    # Given a bundle, two erasures that stand, and damage to the keys of the first
    make(world.record, About(Kind.PERSON, world.people[about].person), by="x")
    with patch("service.erasing.finish"):
        for name in ("hopper", "astronaut"):
            erase(world.record, world.people[name].person, BY)
    damage(world, "hopper", "link")
    record = cold()

    # Then both go on, and end after the week.
    with pytest.raises(KeysDamaged):
        finish(record)
    assert steps(record, world, "hopper", "astronaut") == {(Left.EVIDENCE, Step.DESTROYED)}
    assert finish(later(record, GRACE)) == 2
    assert steps(record, world, "hopper", "astronaut") == {(Left.EVIDENCE, Step.DONE)}


def test_who_has_a_bundle_is_told_though_another_of_hers_was_damaged(
    world: World, cold: Callable[[], Record]
) -> None:
    # Given two bundles with her in them, a hook, and one flipped bit in what the first one's entry sealed
    record, person = world.record, world.people["hopper"].person
    first, second = (make(record, About(Kind.PERSON, person), by="x") for _ in range(2))
    with record.database.write() as session:
        for one in session.exec(select(SealedRow).where(SealedRow.leaf_hash == first.entry)).all():
            one.ciphertext = bytes([*one.ciphertext[:40], one.ciphertext[40] ^ 1, *one.ciphertext[41:]])
    hook = Hook(fresh(record.entropy), "https://studio.example/hook", frozenset(), "op", record.clock())
    with record.database.write() as session:
        hooks.add(session, world.tenant, hook)

    # When
    erase(record, person, BY)

    # Then
    assert steps(record, world, "hopper") == {(Left.EVIDENCE, Step.DONE)}
    with record.database.read() as session:
        found = tidings.of_hook(session, world.tenant, hook.id)
    assert [one.subject for one in found if one.type == "evidence.erased"] == [second.digest]


def test_an_erasure_that_fails_keeps_nobody_elses_and_is_said(world: World) -> None:
    # Given two that are due, and rows of the first that contradict themselves
    record = world.record
    with patch("service.erasing.finish"):
        for name in ("hopper", "astronaut"):
            erase(record, world.people[name].person, BY)
    sealed = Ledger.sealed

    def broken(ledger: Ledger, session: Session, subject: Subject, *rest: object) -> object:
        if subject.id == world.people["hopper"].person:
            raise SealBroken("x")
        return sealed(ledger, session, subject, *rest)

    with patch.object(Ledger, "sealed", broken), pytest.raises(SealBroken):
        finish(record)

    assert steps(record, world, "astronaut") == {(Left.EVIDENCE, Step.DONE)}
    assert steps(record, world, "hopper") == {(Left.ALL, Step.DUE)}
    assert finish(record) == 1


def test_her_photo_goes_with_those_of_the_others(at_stage: Callable[[str], World]) -> None:
    # Given a donor who withdrew, and whose keys were damaged then
    world = at_stage("received")
    photos = len(world.files("quarantine"))
    world.withdraws("hopper")
    keys, her = KeyStore.get_or_create, world.people["hopper"].person

    def damaged(store: KeyStore, subject: Subject) -> SubjectKeys:
        if subject.id == her:
            raise KeyDamaged("x")
        return keys(store, subject)

    with patch.object(KeyStore, "get_or_create", damaged):
        done = purger(world.record).run()

    assert (done.gone, done.failed) == ({"donor-photo": 1}, {})
    assert len(world.files("quarantine")) == photos - 1
    assert world.kinds()[-1] == "Purged"
