"""Erased is erased: in the live files, in every copy that somebody kept, and not for anybody beside her."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlmodel import Session

from audit.canonical import Json
from audit.errors import ConsentryError
from audit.fact import Fact, Part, Seal, Subject
from audit.ids import fresh
from audit.kek import KekFile
from audit.keystore import KeysErased, KeysInUse, KeyStore
from audit.leaf import Leaf
from audit.ledger import Ledger
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.rewrapping import GRACE, KeyDamaged, KeysDamaged
from consent import chain
from consent.erasures import Erasures, Left, Step
from consent.holds import HoldUnknown
from consent.withdrawal import By, How
from consent.words import Role
from service import alarms, erasing, revoking
from service.archive import BackupDamaged
from service.backup import backup_keys
from service.dossier import dossier
from service.erasedparts import erased_parts
from service.erasing import erase, finish, recipients
from service.evidence.about import About, Kind
from service.evidence.making import make
from service.facts import Lookout
from service.mending import mend
from service.retention import purger
from service.rowcheck.check import check
from service.subject import SubjectRights
from service.wiring import Record, open_record
from swap import hooks, tidings
from swap.hooks import Hook
from worlds import World

BY = By(How.OPERATOR, "operator-1")
AFTER = timedelta(days=1096)
STORED = 1
"""What her operational key seals of somebody who has only consented: that a reference of hers was stored."""
ON_SQLITE = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
"""The files of a PostgreSQL server are not ours to read: it vacuums as it is told."""


def subject(world: World, name: str) -> Subject:
    return Subject("person", world.people[name].person)


def seen(world: World) -> Fact:
    """An event about all three, in both kinds of seal."""
    parts = tuple(
        Part(subject(world, name), seal, {"seen": name, "seal": str(seal)})
        for name in world.people
        for seal in Seal
    )
    return Fact("Seen", parts)


def together(world: World) -> str:
    """Such an event, written. Its leaf hash."""
    with world.record.database.write() as session:
        return world.record.ledger.append(session, seen(world), world.record.clock()).leaf_hash


def says(world: World, entry: str, name: str) -> set[str]:
    with world.record.database.read() as session:
        opened = world.record.ledger.openings(session, entry, subject(world, name))
    assert all(one.opening.payload["seen"] == name for one in opened)
    return {str(one.seal) for one in opened}


def steps(world: World, name: str) -> tuple[Left, Step]:
    with world.record.database.read() as session:
        found = SubjectRights(world.record).erasures.find(session, world.people[name].person)
    assert found is not None
    return found.left, found.step


def sound(record: Record) -> None:
    """The log reads as it was signed, and what it misses is what it says was erased."""
    record.log.publish(now=record.clock())
    with record.database.read() as session:
        done = record.log.audit(session)
        assert done.sound, done.findings
        assert done.unopenable == Erasures(record.ledger, record.keystore).dropped(session)


def proven(world: World) -> int:
    """Every proof of every entry, checked with the public key alone. How many."""
    record = world.record
    record.log.publish(now=record.clock())
    verifier: NoteVerifier = record.log.verifier
    with record.database.read() as session:
        entries = list(record.ledger.every(session))
        for entry in entries:
            Proof.parse(record.log.proof(session, entry.leaf_hash)).check(entry.leaf, verifier)
    return len(entries)


@pytest.fixture
def world(at_stage: Callable[[str], World]) -> World:
    return at_stage("consented")


def test_of_three_in_one_event_two_still_open_and_the_counts_add_up(world: World) -> None:
    # Given
    shared = together(world)
    before = proven(world)
    sound(world.record)

    # When she is erased, then what her evidence key opens goes after its time
    done = erase(world.record, world.people["astronaut"].person, BY)

    # Then at first what is operational
    assert (done.left, done.step, done.parts, done.epoch) == (Left.EVIDENCE, Step.DONE, 1 + STORED, 2)
    assert says(world, shared, "astronaut") == {"evid"}
    assert says(world, shared, "hopper") == says(world, shared, "cameraman") == {"evid", "ops"}
    sound(world.record)

    # And then all of it, for her alone; every proof holds as before.
    later = replace(world.record, clock=lambda: done.evidence_until)
    with world.record.database.read() as session:
        hers = world.record.ledger.sealed(session, subject(world, "astronaut"), frozenset(Seal))
    assert finish(later) == 1
    assert steps(world, "astronaut") == (Left.NONE, Step.DONE)
    assert says(world, shared, "astronaut") == set()
    assert says(world, shared, "hopper") == says(world, shared, "cameraman") == {"evid", "ops"}
    with world.record.database.read() as session:
        assert Erasures(world.record.ledger, world.record.keystore).dropped(session) == 1 + STORED + len(hers)
    assert len(hers) > 3
    sound(world.record)
    assert proven(world) > before
    assert finish(later) == 0


def places_said(world: World, name: str) -> set[tuple[str, int]]:
    """Where what opens of her stands, as her copy of everything says."""
    with world.record.database.read() as session:
        log: Any = dossier(session, world.record, world.people[name].person)["log"]
    return {(one["entry"], one["part"]) for one in log}


def completed(world: World) -> list[Mapping[str, Json]]:
    tenant, ledger = Subject("tenant", world.tenant), world.record.ledger
    with world.record.database.read() as session:
        said = [
            ledger.opened(session, one.leaf_hash, tenant)
            for one in ledger.of_kind(session, "ErasureCompleted")
        ]
    return [one for one in said if one is not None]


def test_she_gets_the_list_of_what_went_and_no_entry_has_it(world: World) -> None:
    # Given events about her, and what her operational key seals of them
    record, person = world.record, world.people["astronaut"].person
    together(world)
    together(world)
    with record.database.read() as session:
        hers = record.ledger.sealed(session, subject(world, "astronaut"), frozenset({Seal.OPS}))

    # When
    done = erase(record, person, BY)

    # Then the list is as long as the log says, and each is a place of hers
    with record.database.read() as session:
        went = erased_parts(session, record, person)
        copy: Any = dossier(session, record, person)["erased"]
        there = {one.entry.leaf_hash: one.index for one in record.ledger.placed(session, 10_000)}
    assert went is not None
    assert len(went) == done.parts == completed(world)[0]["parts"] == 2 + STORED
    assert {(one.entry, one.part) for one in went} == {(one.leaf_hash, one.part) for one in hers}
    assert all(there[one.entry] == one.index for one in went)
    assert copy["places"] == [one.value for one in went]

    # And what goes with her last key stands in her copy as long as it is there, and is as many.
    left = places_said(world, "astronaut")
    finish(replace(record, clock=lambda: done.evidence_until))
    assert len(left) == completed(world)[1]["parts"]
    with record.database.read() as session:
        assert erased_parts(session, record, person) is None
        since = False
        for entry in record.ledger.every(session):
            since = since or entry.leaf_hash == done.entry
            whom = [*(subject(world, name) for name in world.people), Subject("tenant", world.tenant)]
            said = [record.ledger.opened(session, entry.leaf_hash, one) for one in whom]
            words = f"{Leaf.parse(entry.leaf).ref if since else ''} {said}"
            assert not any(one.entry in words for one in went)
    assert since
    sound(record)


def hears(world: World, name: str) -> dict[str, set[str]]:
    """What opens of her in the whole log: kinds of entries, by seal."""
    whose, found = subject(world, name), dict[str, set[str]]()
    with world.record.database.read() as session:
        for entry in world.record.ledger.every(session):
            for one in world.record.ledger.openings_in(session, entry, whose):
                found.setdefault(str(one.seal), set()).add(Leaf.parse(entry.leaf).t)
    return found


def about_all(world: World, kind: str) -> list[str]:
    """Leaf hashes of entries of a kind that open for each of the three."""
    record = world.record
    with record.database.read() as session:
        return [
            entry.leaf_hash
            for entry in record.ledger.of_kind(session, kind)
            if all(record.ledger.openings_in(session, entry, subject(world, name)) for name in world.people)
        ]


def opens_for(world: World, entry: str) -> set[str]:
    with world.record.database.read() as session:
        return {
            name
            for name in world.people
            if world.record.ledger.opened(session, entry, subject(world, name)) is not None
        }


def test_of_three_in_one_decision_and_one_naming_two_still_open(at_stage: Callable[[str], World]) -> None:
    """As the service writes them: the swap's decision is proof, that all three were named is detail."""
    # Given
    world = at_stage("asked")
    record, everybody = world.record, set(world.people)
    others = everybody - {"astronaut"}
    tries = SubjectRights(record).tries
    with record.database.write() as session:
        tries.turn_away(
            session, "operator-1", [one.person for one in world.people.values()], now=record.clock()
        )
    decided, named = about_all(world, "Decided")[-1], about_all(world, "CastTurnedAway")[-1]
    before, told = proven(world), hears(world, "hopper")
    assert {"PortraitsAdded", "CastTurnedAway"} <= hears(world, "astronaut")["ops"]
    sound(record)

    # When she is erased, and evidence is kept
    done = erase(record, world.people["astronaut"].person, BY)

    # Then the detail is gone, for her alone, and counted
    assert (opens_for(world, decided), opens_for(world, named)) == (everybody, others)
    assert set(hears(world, "astronaut")) == {"evid"}
    assert hears(world, "hopper") == told
    assert done.parts == 2
    sound(record)

    # When the period for claims is over
    finish(replace(record, clock=lambda: done.evidence_until))

    # Then the rest is too, for her alone, and counted.
    assert (opens_for(world, decided), opens_for(world, named)) == (others, others)
    assert hears(world, "astronaut") == {}
    assert hears(world, "hopper") == told
    sound(record)
    assert proven(world) > before


def test_who_was_erased_is_told_nothing_more_when_somebody_names_her(world: World) -> None:
    """Under no key: the naming is written all the same, and those beside her are told."""
    record = world.record
    done = erase(record, world.people["astronaut"].person, BY)
    finish(replace(record, clock=lambda: done.evidence_until))

    with record.database.write() as session:
        named = [one.person for one in world.people.values()]
        SubjectRights(record).tries.turn_away(session, "operator-1", named, now=record.clock())

    with record.database.read() as session:
        (entry,) = record.ledger.of_kind(session, "CastTurnedAway")
    assert opens_for(world, entry.leaf_hash) == {"cameraman", "hopper"}


def copies(world: World, to: Path) -> list[tuple[Path, Path, Path]]:
    """Database, key store and KEK as somebody keeps them who may read everything today."""
    layout = world.record.layout
    for source in (layout.keystore, layout.kek):
        (to / source.name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(layout.keystore)) as store, closing(sqlite3.connect(to / "keys.db")) as copy:
        store.backup(copy)
    shutil.copy2(layout.kek, to / "kek")
    (to / "keys.db").chmod(0o600)
    return []


def opens(world: World, folder: Path, entry: str, name: str) -> set[str]:
    """What these keys open of an entry, with every ciphertext that ever was."""
    with closing(
        KeyStore(folder / "keys.db", KekFile(folder / "kek"), world.tenant, world.record.entropy)
    ) as store:
        ledger = Ledger(world.tenant, store, world.record.entropy)
        with world.record.database.read() as session:
            return {str(one.seal) for one in ledger.openings(session, entry, subject(world, name))}


def test_no_older_copy_of_the_keys_opens_anything_with_the_kek_of_now(world: World, tmp_path: Path) -> None:
    # Given copies of the key store from before, between and after, and of the ciphertexts
    shared = together(world)
    ciphertexts = rows(world)
    copies(world, tmp_path / "before")
    assert opens(world, tmp_path / "before", shared, "astronaut") == {"evid", "ops"}
    done = erase(world.record, world.people["astronaut"].person, BY)
    copies(world, tmp_path / "between")
    finish(replace(world.record, clock=lambda: done.evidence_until))
    copies(world, tmp_path / "after")

    # When somebody who has the KEK of now puts the old ciphertexts back
    put_back(world, ciphertexts)
    for folder in ("before", "between"):
        (tmp_path / folder / "kek").write_bytes(world.record.layout.kek.read_bytes())

    # Then no copy opens anything of hers, and the newest opens the others'.
    for folder in ("before", "between"):
        for name in world.people:
            with pytest.raises(ConsentryError, match="epoch"):
                opens(world, tmp_path / folder, shared, name)
    assert opens(world, tmp_path / "after", shared, "astronaut") == set()
    assert opens(world, tmp_path / "after", shared, "hopper") == {"evid", "ops"}


def rows(world: World) -> list[tuple[object, ...]]:
    with world.record.database.read() as session:
        statement = "SELECT tenant_id, leaf_hash, part, seal, ciphertext FROM log_sealed"
        return [tuple(row) for row in session.connection().exec_driver_sql(statement)]


def put_back(world: World, ciphertexts: list[tuple[object, ...]]) -> None:
    there = {row[1:3] for row in rows(world)}
    for tenant, leaf_hash, part, seal, ciphertext in ciphertexts:
        if (leaf_hash, part) not in there:
            world.edit(
                "INSERT INTO log_sealed VALUES (:t, :l, :p, :s, :c)",
                t=tenant,
                l=leaf_hash,
                p=part,
                s=seal,
                c=ciphertext,
            )


@ON_SQLITE
def test_no_file_holds_a_byte_that_opens_hers(world: World) -> None:
    """Every file is read: for her wrapped keys, the old KEK, her ciphertexts, her references."""
    record = world.record
    together(world)
    with record.database.read() as session:
        places = record.ledger.sealed(session, subject(world, "astronaut"), frozenset(Seal))
    her_ciphertexts = [
        bytes(row[4])  # type: ignore[call-overload]
        for row in rows(world)
        if any((row[1], row[2]) == (place.leaf_hash, place.part) for place in places)
    ]
    with closing(sqlite3.connect(record.layout.keystore)) as store:
        wrapped = store.execute(
            "SELECT link, ops, evid FROM subject WHERE id = ?", (world.people["astronaut"].person,)
        ).fetchone()
    reference = world.column("portrait", "ciphertext")
    kek = record.layout.kek.read_bytes().split()[2]
    done = erase(record, world.people["astronaut"].person, BY)
    finish(replace(record, clock=lambda: done.evidence_until))
    record.database.close()

    everything = b"".join(path.read_bytes() for path in world.folder.rglob("*") if path.is_file())

    assert len(wrapped) == 3
    assert not any(key in everything for key in wrapped)
    assert kek not in everything
    assert len(her_ciphertexts) == len(places) > 3
    assert not any(one in everything for one in her_ciphertexts)
    assert len(reference) == 3
    assert sum(bytes(one) in everything for one in reference) == 2


def told(world: World, hook: Hook) -> list[tuple[str, str, str]]:
    with world.record.database.read() as session:
        found = tidings.of_hook(session, world.tenant, hook.id)
    return sorted((str(one.type), one.subject, str(one.entry)) for one in found)


def test_who_has_a_bundle_with_her_in_it_is_told_in_each_turn_of_her_keys(world: World) -> None:
    # Given bundles of two of the three, and a hook
    record = world.record
    her, other = world.people["astronaut"].person, world.people["hopper"].person
    made = [make(record, About(Kind.PERSON, one), by=f"for {one}") for one in (her, other, her)]
    hook = Hook(fresh(record.entropy), "https://studio.example/hook", frozenset(), "op", record.clock())
    with record.database.write() as session:
        hooks.add(session, world.tenant, hook)

    # When she is erased, and is again
    done = erase(record, her, BY)
    erase(record, her, BY)

    # Then the operator sees hers, and each is told of once
    assert [(one.bundle, one.by, one.entry) for one in recipients(record, her)] == [
        (made[0].digest, f"for {her}", made[0].entry),
        (made[2].digest, f"for {her}", made[2].entry),
    ]
    news = [("evidence.erased", made[n].digest, made[n].entry) for n in (0, 2)]
    mine = [one for one in told(world, hook) if one[0] == "evidence.erased"]
    assert mine == sorted(news)
    with record.database.read() as session:
        said = [one for one in tidings.of_hook(session, world.tenant, hook.id) if one.subject == news[0][1]]
    assert her not in str(said[0].data)

    # And when the rest goes, of that too; then nobody can tell any more.
    finish(replace(record, clock=lambda: done.evidence_until))
    mine = [one for one in told(world, hook) if one[0] == "evidence.erased"]
    assert mine == sorted(news * 2)
    assert recipients(record, her) == []


@contextmanager
def dying(at: int) -> Iterator[list[str]]:
    """The process dies before its n-th step: each is one unit of work or one change of the key store."""
    done: list[str] = []

    def step(name: str, whole: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **more: object) -> object:
            if len(done) + 1 == at:
                done.append("died")
                raise KeyboardInterrupt
            done.append(name)
            return whole(*args, **more)

        return run

    with (
        patch.object(Erasures, "drop", step("drop", Erasures.drop)),
        patch.object(KeyStore, "destroy", step("destroy", KeyStore.destroy)),
        patch.object(Erasures, "_say", step("say", Erasures._say)),
        patch.object(KeyStore, "rotate", step("rotate", KeyStore.rotate)),
        patch.object(Erasures, "rotated", step("rotated", Erasures.rotated)),
        patch.object(Erasures, "complete", step("complete", Erasures.complete)),
    ):
        yield done


@pytest.mark.parametrize("at", range(1, 9))
def test_wherever_an_erasure_dies_the_purge_ends_it_and_the_counts_add_up(world: World, at: int) -> None:
    # Given two erasures, of which the first dies at its n-th step
    shared = together(world)
    with dying(at) as done, pytest.raises(KeyboardInterrupt) if at < 8 else nothing():
        erase(world.record, world.people["astronaut"].person, BY)
    assert done.count("died") == (at < 8)

    # When
    with patch("service.erasing.finish"):
        erase(world.record, world.people["hopper"].person, BY)
    purged = purger(world.record).run()

    # Then
    assert purged.failed == {}
    for name in ("astronaut", "hopper"):
        assert steps(world, name) == (Left.EVIDENCE, Step.DONE)
        assert says(world, shared, name) == {"evid"}
    kinds = world.kinds()
    assert kinds.count("KeysDestroyed") == kinds.count("ErasureCompleted") == 2
    sound(world.record)


def test_what_is_granted_while_she_is_erased_does_not_outlive_it(world: World) -> None:
    # Given somebody who grants once more between the withdrawals and her erasure, which then dies
    withdraw_all, late = erasing._withdraw_all, list[str]()

    def once(record: Record, person: str, by: By) -> None:
        if late:
            raise KeyboardInterrupt
        withdraw_all(record, person, by)
        late.append(world.agrees("hopper", Role.DONOR).authorization)

    hopper = world.people["hopper"].person
    with patch.object(erasing, "_withdraw_all", once), pytest.raises(KeyboardInterrupt):
        erase(world.record, hopper, BY)
    assert not denied(world.record, late[0])

    # When the worker's purge ends it
    assert purger(world.record).run().failed == {}

    # Then that consent has ended with the others.
    assert steps(world, "hopper") == (Left.EVIDENCE, Step.DONE)
    assert denied(world.record, late[0])
    with world.record.database.read() as session:
        now = world.record.clock()
        found = world.record.registry.standings(session, world.tenant, late, now=now, lock=None)
    assert {status.valid for status in found[late[0]].status.values()} == {False}
    sound(world.record)


@pytest.mark.parametrize("at", [4, None], ids=["up to the new KEK", "to its end"])
def test_of_two_workers_at_one_erasure_the_slower_takes_no_key_before_its_time(
    world: World, at: int | None
) -> None:
    # Given an erasure that one worker has found due, and another brings on before the first goes on
    shared, record, sealed, passed = together(world), world.record, erasing._sealed, list[str]()
    with patch("service.erasing.finish"):
        done = erase(record, world.people["astronaut"].person, BY)

    def overtaken(*args: Any) -> Any:
        if not passed:
            passed.append("by")
            with dying(at or 99), pytest.raises(KeyboardInterrupt) if at else nothing():
                finish(record)
        return sealed(*args)

    with patch.object(erasing, "_sealed", overtaken):
        finish(record)

    # When the purge comes by later, and later again
    for _ in range(2):
        assert purger(record).run().failed == {}

    # Then her evidence key is there until its date, and goes then.
    assert steps(world, "astronaut") == (Left.EVIDENCE, Step.DONE)
    assert says(world, shared, "astronaut") == {"evid"}
    assert world.kinds().count("KeysDestroyed") == 1
    with record.database.read() as session:
        assert check(session, record).differs == ()
    sound(record)
    assert finish(replace(record, clock=lambda: done.evidence_until)) == 1
    assert steps(world, "astronaut") == (Left.NONE, Step.DONE)


def test_neither_evidence_nor_its_key_goes_before_its_date_whatever_a_row_came_to(world: World) -> None:
    done = erase(world.record, world.people["astronaut"].person, BY)
    erasures = SubjectRights(world.record).erasures
    early = done.evidence_until - timedelta(seconds=1)
    hers = erasing._sealed(world.record, done)
    assert hers
    # As two workers could leave it before: as if its turn had begun.
    assert world.edit("UPDATE erasure SET step = 'dropped'") == 1

    with world.record.database.write() as session:
        assert not erasures.drop(session, done, hers, now=early)
        assert not erasures.destroy(session, done, now=early)
    assert erasing._sealed(world.record, done) == hers
    assert world.record.keystore.get(subject(world, "astronaut")) is not None
    with world.record.database.write() as session:
        assert erasures.drop(session, done, hers, now=done.evidence_until)
        assert erasures.destroy(session, done, now=done.evidence_until)


@contextmanager
def nothing() -> Iterator[None]:
    yield


def test_what_is_sealed_while_the_keys_go_is_dropped_and_counted_too(world: World) -> None:
    late = list[str]()
    drop = Erasures.drop

    def and_meanwhile(erasures: Erasures, session: Session, *args: Any, **more: Any) -> bool:
        going = drop(erasures, session, *args, **more)
        late.append(world.record.ledger.append(session, seen(world), world.record.clock()).leaf_hash)
        return going

    with patch.object(Erasures, "drop", and_meanwhile):
        done = erase(world.record, world.people["astronaut"].person, BY)

    assert (done.step, done.parts) == (Step.DONE, 1 + STORED)
    assert says(world, late[0], "astronaut") == {"evid"}
    sound(world.record)


def test_a_legal_hold_keeps_keys_and_nothing_else_until_it_ends(world: World) -> None:
    # Given a hold on her
    shared = together(world)
    person, record = world.people["astronaut"].person, world.record
    holds = SubjectRights(record).holds
    with record.database.write() as session:
        placed = holds.place(session, person, by="counsel", order="ab" * 32, now=record.clock())

    # When she is erased, and the purge runs, and years go by
    done = erase(record, person, BY)
    purger(record).run()
    assert finish(replace(record, clock=lambda: done.evidence_until + AFTER)) == 0

    # Then she is out of use and everything is there
    assert (done.left, done.step) == (Left.ALL, Step.DUE)
    assert says(world, shared, "astronaut") == {"evid", "ops"}
    assert world.rows("portrait", f"person_id = '{person}'") == 0
    assert {"LegalHoldPlaced", "PersonErased"} <= set(world.kinds())

    # And when it ends, it goes.
    with record.database.write() as session:
        ended = holds.end(session, placed.id, by="counsel", reason="settled", now=record.clock())
        assert ended.ended_at is not None
        assert holds.of(session) == ()
        assert holds.of(session, person) == (ended,)
        with pytest.raises(HoldUnknown):
            holds.end(session, placed.id, by="counsel", reason="again", now=record.clock())
    assert purger(record).run().gone["keys-of-the-erased"] == 1
    assert says(world, shared, "astronaut") == {"evid"}
    sound(record)


def test_a_hold_that_comes_while_keys_are_about_to_go_is_in_time(world: World) -> None:
    person, record = world.people["astronaut"].person, world.record
    drop = Erasures.drop

    def and_meanwhile(erasures: Erasures, session: Session, *args: Any, **more: Any) -> bool:
        going = drop(erasures, session, *args, **more)
        SubjectRights(record).holds.place(session, person, by="x", order="ab" * 32, now=record.clock())
        return going

    with patch.object(Erasures, "drop", and_meanwhile):
        done = erase(record, person, BY)

    assert (done.left, done.step) == (Left.ALL, Step.DROPPED)
    assert record.keystore.get(Subject("person", person)) is not None
    sound(record)


def test_a_key_store_that_is_read_is_cleared_by_the_next_purge(world: World) -> None:
    record = world.record
    with closing(sqlite3.connect(record.layout.keystore)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM subject").fetchone()
        done = erase(record, world.people["astronaut"].person, BY)
        assert done.step is not Step.DONE
        with pytest.raises(KeysInUse):
            finish(record)
        assert purger(record).run().failed == {"keys-of-the-erased": "KEYS_IN_USE"}

    assert purger(record).run().failed == {}
    assert steps(world, "astronaut") == (Left.EVIDENCE, Step.DONE)


def test_what_is_missing_beyond_what_was_erased_is_seen(world: World) -> None:
    together(world)
    erase(world.record, world.people["astronaut"].person, BY)
    sound(world.record)

    world.edit("DELETE FROM log_sealed WHERE leaf_hash = (SELECT min(leaf_hash) FROM log_sealed)")

    with world.record.database.read() as session:
        done = world.record.log.audit(session)
        assert done.unopenable > Erasures(world.record.ledger, world.record.keystore).dropped(session)


def test_nobody_can_tell_from_leaves_which_were_hers(world: World) -> None:
    shared = together(world)
    erase(world.record, world.people["astronaut"].person, BY)
    with world.record.database.read() as session:
        for entry in world.record.ledger.every(session):
            leaf = Leaf.parse(entry.leaf)
            assert world.people["astronaut"].person.encode() not in entry.leaf
            # What follows from an erasure refers to that she was, and not to what it dropped.
            assert leaf.t == "Seen" or shared not in leaf.ref
    with pytest.raises(KeysErased):
        world.record.keystore.encrypt(subject(world, "astronaut"), "reference", b"x")


def damage(world: World, name: str, key: str = "ops") -> None:
    """A bit of her wrapped key flips."""
    with closing(sqlite3.connect(world.record.layout.keystore, isolation_level=None)) as disk:
        person = world.people[name].person
        wrapped = bytearray(disk.execute(f"SELECT {key} FROM subject WHERE id = ?", (person,)).fetchone()[0])  # noqa: S608
        wrapped[15] ^= 1
        disk.execute(f"UPDATE subject SET {key} = ? WHERE id = ?", (bytes(wrapped), person))  # noqa: S608


def rung(record: Record) -> set[str]:
    found = alarms.ringing(Lookout.of(record.settings, record.database, record.journal, record.clock).facts())
    return {look.alarm.code for look in found if look.alarm} & {"ERASURES_STAND", "KEYS_DAMAGED", "KEYS_LOST"}


def test_a_damaged_key_rings_and_delays_the_erasure_of_others_by_a_week_and_no_longer(world: World) -> None:
    # Given somebody's damaged key
    record, now = world.record, world.record.clock()
    damage(world, "hopper")
    assert rung(record) == set()

    # When another is erased
    done = erase(record, world.people["astronaut"].person, BY)

    # Then her key is gone, the end of it waits, and it is said; after an hour also that it does.
    assert done.step is Step.DESTROYED
    with pytest.raises(KeysErased):
        record.keystore.encrypt(subject(world, "astronaut"), "reference", b"x")
    assert purger(record).run().failed == {"keys-of-the-erased": "KEYS_DAMAGED"}
    assert rung(record) == {"KEYS_DAMAGED"}
    hour = replace(record, clock=lambda: now + timedelta(hours=2))
    assert rung(hour) == {"KEYS_DAMAGED", "ERASURES_STAND"}

    # And after a week it comes to its end, and the log says how many keys do not open.
    later = replace(record, clock=lambda: now + GRACE + timedelta(hours=1))
    assert finish(later) == 1
    assert steps(world, "astronaut") == (Left.EVIDENCE, Step.DONE)
    assert rung(later) == {"KEYS_LOST"}
    tenant = Subject("tenant", world.tenant)
    with record.database.read() as session:
        (entry,) = record.ledger.of_kind(session, "KekRotated")
        said = record.ledger.opened(session, entry.leaf_hash, tenant)
    assert said is not None
    assert (said["epoch"], said["damaged"]) == (2, 1)
    sound(record)


def test_a_damaged_key_is_put_back_from_a_backup_and_the_erasure_ends(world: World, tmp_path: Path) -> None:
    # Given a copy of the keys, then damage that an erasure finds
    record = world.record
    backup_keys(world.settings, tmp_path / "keys", record.clock())
    shared = together(world)
    damage(world, "hopper")
    erase(record, world.people["astronaut"].person, BY)
    assert rung(record) == {"KEYS_DAMAGED"}

    # When
    assert mend(record, tmp_path / "keys").keys == 1

    # Then
    assert rung(record) == set()
    assert purger(record).run().failed == {}
    assert steps(world, "astronaut") == (Left.EVIDENCE, Step.DONE)
    assert says(world, shared, "hopper") == {"evid", "ops"}
    assert says(world, shared, "astronaut") == {"evid"}
    with pytest.raises(BackupDamaged):
        mend(record, tmp_path)


def test_whose_own_keys_are_damaged_is_erased_as_well(world: World) -> None:
    # Given two erasures that a reader kept from their end, and then damage to the keys of one of them
    record = world.record
    with patch("service.erasing.finish"):
        for name in ("astronaut", "hopper"):
            erase(record, world.people[name].person, BY)
    damage(world, "astronaut", "link")
    record.keystore.close()
    fresh = open_record(world.settings)

    # Then both go on, and end after the week: of hers nobody can tell what to drop, or read it.
    with pytest.raises(KeysDamaged):
        finish(fresh)
    assert steps(world, "astronaut") == steps(world, "hopper") == (Left.EVIDENCE, Step.DESTROYED)
    assert finish(replace(fresh, clock=lambda: fresh.clock() + GRACE)) == 2
    assert steps(world, "astronaut") == steps(world, "hopper") == (Left.EVIDENCE, Step.DONE)
    sound(fresh)
    fresh.close()


def test_an_erasure_rings_once_it_has_stood_for_an_hour_and_never_for_a_hold(world: World) -> None:
    record, now = world.record, world.record.clock()

    def at(when: timedelta) -> set[str]:
        return rung(replace(record, clock=lambda: now + when))

    with patch("service.erasing.finish"):
        done = erase(record, world.people["astronaut"].person, BY)
    assert at(timedelta(minutes=50)) == set()
    assert at(timedelta(hours=2)) == {"ERASURES_STAND"}

    # A hold keeps the keys for good reason; when it ends they are due again.
    with record.database.write() as session:
        held = SubjectRights(record).holds.place(session, done.person, by="x", order="ab" * 32, now=now)
    assert at(timedelta(hours=2)) == set()
    with record.database.write() as session:
        SubjectRights(record).holds.end(session, held.id, by="x", reason="over", now=now)
    finish(record)
    assert at(timedelta(hours=2)) == set()

    # Years later her last key has its turn.
    due = done.evidence_until - now
    assert at(due + timedelta(minutes=50)) == set()
    assert at(due + timedelta(hours=2)) == {"ERASURES_STAND"}
    with patch.object(KeyStore, "rotate", side_effect=KeysInUse("read")), pytest.raises(KeysInUse):
        finish(replace(record, clock=lambda: done.evidence_until))
    assert steps(world, "astronaut") == (Left.NONE, Step.DESTROYED)
    assert at(due + timedelta(hours=2)) == {"ERASURES_STAND"}
    finish(replace(record, clock=lambda: done.evidence_until))
    assert at(due + timedelta(hours=2)) == set()


def denied(record: Record, authorization: str) -> bool:
    """Whether the deny journal has every purpose of it."""
    with record.database.read() as session:
        (states,) = chain.states(session, record.settings.tenant, [authorization]).values()
    return all(record.journal.denies(authorization, one.purpose) for one in states)


@pytest.mark.parametrize("key", ["link", "evid"])
def test_while_her_keys_are_damaged_her_withdrawal_denies_and_is_written_once_they_are_mended(
    world: World, tmp_path: Path, key: str
) -> None:
    # Given a copy of the keys, two consents of hers, and damage
    first, second = world.people["hopper"].authorization, world.agrees("hopper", Role.DONOR).authorization
    granted = world.people["hopper"].granted
    assert granted is not None
    backup_keys(world.settings, tmp_path / "keys", world.record.clock())
    damage(world, "hopper", key)
    world.record.keystore.close()
    record = open_record(world.settings)
    words = {second: revoking.Word(code=granted.recovery_code), first: revoking.Word(by=BY)}
    assert not denied(record, first)

    # When she withdraws both, or has herself erased
    for authorization, word in words.items():
        with pytest.raises(KeyDamaged):
            revoking.withdraw(record, authorization, word, None)
        # Then nothing can be written about her, and it is denied.
        assert denied(record, authorization)
        # What she signed is sealed for her too: nobody can say of it that it is in force.
        with record.database.read() as session, pytest.raises(KeyDamaged):
            record.registry.standings(session, world.tenant, [authorization], now=record.clock(), lock=None)
    assert "ConsentWithdrawn" not in world.kinds()

    # And once they are mended, saying it again writes it down.
    assert mend(record, tmp_path / "keys").keys == 1
    for authorization, word in words.items():
        assert revoking.withdraw(record, authorization, word, None).purposes
    assert world.kinds().count("ConsentWithdrawn") == 2
    sound(record)
    record.close()


def test_whose_keys_are_damaged_and_who_is_erased_has_every_consent_denied(world: World) -> None:
    both = {world.people["hopper"].authorization, world.agrees("hopper", Role.DONOR).authorization}
    damage(world, "hopper", "link")
    world.record.keystore.close()
    record = open_record(world.settings)

    with pytest.raises(KeyDamaged):
        erase(record, world.people["hopper"].person, BY)

    assert len(both) == 2
    assert {one for one in both if denied(record, one)} == both
    record.close()
