"""The service's keys over time: one entry for each change, and what a compromised one is worth where."""

import random
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from audit import adopted, keyhistory
from audit.adopted import SETTINGS, KeptBytesDiffer
from audit.fact import Subject
from audit.keyhistory import DutyKey, DutyKeyEnded, DutyKeyUnknown, PublicKey
from audit.keys import Duty, SigningKey
from consenting import NOON, House
from logbook import kinds_in
from service.database import Database

LATER = NOON + timedelta(hours=1)


def key(duty: Duty, seed: int) -> PublicKey:
    return PublicKey.of(SigningKey.generate(duty, random.Random(seed).randbytes).verifying)


PERMIT, EXPORT, NEXT = key(Duty.PERMIT, 1), key(Duty.EXPORT, 2), key(Duty.PERMIT, 3)
COUNSEL, CHAIN = key(Duty.POLICY, 4), PublicKey(Duty.MANIFEST, "f" * 16, "a certificate")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path / "house")


def started(database: Database, house: House, *keys: PublicKey) -> tuple[str, ...]:
    with database.write() as session:
        return keyhistory.start(session, house.ledger, keys, NOON)


def known(database: Database, house: House) -> tuple[DutyKey, ...]:
    with database.read() as session:
        return keyhistory.every(session, house.ledger)


def compromised(database: Database, house: House, it: PublicKey, since: int) -> DutyKey:
    with database.write() as session:
        return keyhistory.compromise(
            session, house.ledger, it.duty, it.kid, since=since, by="operator", now=LATER
        )


def placed(database: Database, *entries: str) -> None:
    """As the sequencer does: places in order."""
    with database.write() as session:
        for index, entry in enumerate(entries):
            where = {"index": index, "entry": entry}
            session.connection().execute(
                text("UPDATE log_entry SET idx = :index WHERE leaf_hash = :entry"), where
            )


def test_the_first_start_adopts_each_key_and_the_next_one_only_looks(
    database: Database, house: House
) -> None:
    # When
    first = started(database, house, PERMIT, EXPORT, CHAIN, COUNSEL)
    again = started(database, house, PERMIT, EXPORT, CHAIN, COUNSEL)

    # Then
    assert (len(first), again) == (4, ())
    assert kinds_in(database) == ["DutyKeyAdopted"] * 4
    assert [(one.key, one.entry, one.in_use) for one in known(database, house)] == [
        (it, entry, True) for it, entry in zip((PERMIT, EXPORT, CHAIN, COUNSEL), first, strict=True)
    ]
    with database.read() as session:
        said = house.ledger.opened(session, first[0], Subject("tenant", house.tenant))
        assert said is not None
        assert adopted.kept(session, house.tenant, str(said["public"])) == PERMIT.text.encode()
    assert said == {"duty": "permit", "kid": PERMIT.kid, "public": said["public"], "number": 1}


def test_another_key_retires_the_one_before_and_leaves_other_duties_alone(
    database: Database, house: House
) -> None:
    started(database, house, PERMIT, EXPORT)

    started(database, house, NEXT, EXPORT)

    assert kinds_in(database)[2:] == ["DutyKeyAdopted", "DutyKeyRetired"]
    assert [(one.key.kid, one.in_use) for one in known(database, house)] == [
        (PERMIT.kid, False),
        (EXPORT.kid, True),
        (NEXT.kid, True),
    ]


def test_a_key_of_ours_that_was_retired_changes_nothing_and_is_refused(
    database: Database, house: House
) -> None:
    # Given a host that still has the old file
    started(database, house, PERMIT, EXPORT)
    started(database, house, NEXT, EXPORT)

    # When it starts
    again = started(database, house, PERMIT, EXPORT)

    # Then
    assert again == ()
    with pytest.raises(DutyKeyEnded, match=PERMIT.kid):
        keyhistory.refuse_ended(known(database, house), (PERMIT, EXPORT))
    keyhistory.refuse_ended(known(database, house), (NEXT, EXPORT))


def test_certificates_and_signers_of_policies_come_back_after_they_went(
    database: Database, house: House
) -> None:
    started(database, house, PERMIT, CHAIN, COUNSEL)
    started(database, house, PERMIT)
    started(database, house, PERMIT, CHAIN, COUNSEL)

    assert kinds_in(database)[3:] == ["DutyKeyRetired"] * 2 + ["DutyKeyAdopted"] * 2
    keyhistory.refuse_ended(known(database, house), (PERMIT, CHAIN, COUNSEL))
    compromised(database, house, COUNSEL, 0)
    with pytest.raises(DutyKeyEnded, match=COUNSEL.kid):
        keyhistory.refuse_ended(known(database, house), (PERMIT, CHAIN, COUNSEL))


@pytest.mark.parametrize("before", [(), (PERMIT,)])
def test_two_processes_that_start_at_once_write_one_entry(
    database: Database, house: House, before: tuple[PublicKey, ...]
) -> None:
    started(database, house, *before)
    together, done = threading.Barrier(4), list[int]()

    def start() -> None:
        together.wait()
        started(database, house, NEXT, EXPORT)
        with database.write() as session:
            adopted.adopt(session, house.ledger, SETTINGS, {"mode": "demo"}, NOON)
        done.append(1)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(done) == 4
    kinds = kinds_in(database)
    assert kinds.count("DutyKeyAdopted") == 2 + len(before)
    assert kinds.count("DutyKeyRetired") == len(before)
    assert kinds.count("SettingsAdopted") == 1


def test_what_can_never_be_written_is_tried_twice_and_said(
    database: Database, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def refuse(*_: object) -> str:
        tries.append(1)
        raise IntegrityError("INSERT", {}, ValueError("no"))

    monkeypatch.setattr(keyhistory, "_adopt", refuse)

    with pytest.raises(IntegrityError):
        started(database, house, PERMIT)
    assert len(tries) == 2


def test_from_its_place_on_nothing_holds_and_before_it_all_does(database: Database, house: House) -> None:
    # Given three entries with a place and one without
    first, second, third, waits = started(database, house, PERMIT, EXPORT, CHAIN, COUNSEL)
    placed(database, first, second, third)

    # When
    said = compromised(database, house, PERMIT, 1)

    # Then
    assert (said.void_from, said.in_use) == (1, False)
    with database.read() as session:
        worthless = {
            entry: keyhistory.void(session, house.tenant, PERMIT.kid, entry)
            for entry in (first, second, third, waits, "0" * 64)
        }
        assert worthless == {first: False, second: True, third: True, waits: True, "0" * 64: True}
        assert not keyhistory.void(session, house.tenant, EXPORT.kid, third)
        assert not keyhistory.may_sign(session, house.tenant, [EXPORT.kid, PERMIT.kid])
        assert keyhistory.may_sign(session, house.tenant, [EXPORT.kid])
        with pytest.raises(DutyKeyEnded):
            keyhistory.expect(session, house.tenant, PERMIT.kid)
    with database.write() as session:
        keyhistory.hold(session, house.tenant, EXPORT.kid)
        with pytest.raises(DutyKeyEnded):
            keyhistory.hold(session, house.tenant, PERMIT.kid)


def test_what_was_said_of_a_key_is_never_taken_back_and_only_reaches_further(
    database: Database, house: House
) -> None:
    placed(database, *started(database, house, PERMIT, EXPORT))

    said = [compromised(database, house, PERMIT, since).void_from for since in (1, 2, 1, 0)]

    assert said == [1, 1, 1, 0]
    assert kinds_in(database).count("DutyKeyCompromised") == 2


@pytest.mark.parametrize(
    ("it", "since"), [(NEXT, 0), (replace(PERMIT, duty=Duty.EXPORT), 0), (PERMIT, 3), (PERMIT, -1)]
)
def test_of_a_key_or_a_place_that_never_was_nothing_is_said(
    database: Database, house: House, it: PublicKey, since: int
) -> None:
    placed(database, *started(database, house, PERMIT, EXPORT))

    with pytest.raises(DutyKeyUnknown):
        compromised(database, house, it, since)

    assert kinds_in(database) == ["DutyKeyAdopted"] * 2


def test_a_place_is_an_index_or_an_entry(database: Database, house: House) -> None:
    first, second = started(database, house, PERMIT, EXPORT)
    placed(database, first)

    with database.read() as session:
        assert keyhistory.place_of(session, house.tenant, "17") == 17
        assert keyhistory.place_of(session, house.tenant, first) == 0
        for nowhere in (second, "0" * 64, "-1", "two", "", "²", "9" * 5000):
            with pytest.raises(DutyKeyUnknown):
                keyhistory.place_of(session, house.tenant, nowhere)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE duty_key SET kid = '0123456789abcdef'",
        "UPDATE duty_key SET duty = 'countersign'",
        "UPDATE kept_bytes SET data = :data",
    ],
)
def test_a_row_that_says_otherwise_than_its_entry_verifies_nothing(
    database: Database, house: House, edit: str
) -> None:
    started(database, house, PERMIT)
    with database.write() as session:
        session.connection().execute(text(edit), {"data": b"another key"} if ":data" in edit else {})

    with pytest.raises(KeptBytesDiffer):
        known(database, house)


def test_settings_that_come_back_are_adopted_again_and_each_is_kept(database: Database, house: House) -> None:
    for mode in ("demo", "production", "production", "demo"):
        with database.write() as session:
            adopted.adopt(session, house.ledger, SETTINGS, {"mode": mode}, NOON)

    with database.read() as session:
        found = adopted.every(session, house.tenant, SETTINGS)
        kept = [adopted.kept(session, house.tenant, one.digest) for one in found]
        assert adopted.is_last(session, house.tenant, SETTINGS, {"mode": "demo"})
        assert not adopted.is_last(session, house.tenant, SETTINGS, {"mode": "production"})
        assert not adopted.is_last(session, "another", SETTINGS, {"mode": "demo"})
    assert [one.number for one in found] == [3, 2, 1]
    assert kept == [b'{"mode":"demo"}', b'{"mode":"production"}', b'{"mode":"demo"}']
    assert kinds_in(database) == [SETTINGS] * 3
