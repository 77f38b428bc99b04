"""Policies in use: one row and one entry for each change, and the exact bytes for whoever reads them."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from audit.canonical import digest, digest_of
from audit.fact import Subject
from consent import adoption
from consent.adoption import Adopted, KeptPolicyDiffers, PolicyUnknown
from consent.policy import Policy, of_files
from consenting import NOON, House
from gating import POLICY
from logbook import kinds_in
from service.database import Database

NAMES = tuple(pack.name for pack in POLICY.packs)


def other(word: str = "Portrait licence is absent.") -> Policy:
    files = dict(POLICY.files)
    files["base.cedar"] = files["base.cedar"].replace(b"Portrait licence is missing.", word.encode())
    return of_files(files)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path / "house")


def adopted(database: Database, house: House, policy: Policy, *signers: str) -> Adopted:
    with database.write() as session:
        return adoption.adopt(session, house.ledger, policy, signers=signers, now=NOON)


def test_the_first_start_adopts_and_the_next_one_under_the_same_rules_only_looks(
    database: Database, house: House
) -> None:
    first = adopted(database, house, POLICY, "counsel")
    again = adopted(database, house, POLICY)

    assert again == first
    assert (first.number, first.digest, first.packs, first.signers) == (1, POLICY.digest, NAMES, ("counsel",))
    assert kinds_in(database) == ["PolicyAdopted"]


def test_the_entry_names_digest_files_packs_and_who_signed(database: Database, house: House) -> None:
    entry = adopted(database, house, POLICY, "counsel").entry

    with database.read() as session:
        said = house.ledger.opened(session, entry, Subject("tenant", house.tenant))
    assert said == {
        "digest": POLICY.digest,
        "files": {name: digest(data) for name, data in POLICY.files.items()},
        "packs": list(NAMES),
        "signers": ["counsel"],
        "number": 1,
    }


def test_going_back_to_older_rules_is_an_adoption_too(database: Database, house: House) -> None:
    for policy in (POLICY, other(), POLICY):
        adopted(database, house, policy)

    with database.read() as session:
        found = adoption.every(session, house.tenant)
    assert [one.digest for one in found] == [POLICY.digest, other().digest, POLICY.digest]
    assert kinds_in(database) == ["PolicyAdopted"] * 3


def test_two_processes_that_start_at_once_write_one_entry(database: Database, house: House) -> None:
    together, done = threading.Barrier(4), list[Adopted]()

    def start() -> None:
        together.wait()
        done.append(adopted(database, house, POLICY))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(done) == 4
    assert {one.entry for one in done} == {done[0].entry}
    assert kinds_in(database) == ["PolicyAdopted"]


def test_what_can_never_be_written_is_tried_twice_and_said(
    database: Database, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a database that refuses the row whatever its number is
    tries: list[int] = []

    def refuse(*_: object) -> Adopted:
        tries.append(1)
        if len(tries) > 5:
            pytest.fail("it is tried for ever")
        raise IntegrityError("INSERT", {}, ValueError("no"))

    monkeypatch.setattr(adoption, "_write", refuse)

    with pytest.raises(IntegrityError):
        adopted(database, house, POLICY)
    assert len(tries) == 2


def test_an_old_policy_is_read_from_the_bytes_of_its_day(database: Database, house: House) -> None:
    old = other("Portrait licence is lacking.")
    adopted(database, house, old)
    adopted(database, house, POLICY)

    with database.read() as session:
        found = adoption.of_its_day(session, house.tenant, POLICY, old.digest)
        by_its_start = adoption.kept(session, house.tenant, old.digest[:12])
        assert adoption.of_its_day(session, house.tenant, POLICY, "0" * 64) is None
        assert adoption.of_its_day(session, house.tenant, POLICY, POLICY.digest) is POLICY
    assert found is not None
    assert found.rules["G-21"].message == "Portrait licence is lacking."
    assert by_its_start.files == old.files


def test_a_digest_that_is_nobodys_or_everybodys_is_refused(database: Database, house: House) -> None:
    adopted(database, house, POLICY)
    adopted(database, house, other())

    with database.read() as session:
        for start in ("0" * 64, "", "%"):
            with pytest.raises(PolicyUnknown):
                adoption.kept(session, house.tenant, start)
        with pytest.raises(PolicyUnknown):
            adoption.kept(session, "another-tenant", POLICY.digest)


def test_kept_files_that_were_edited_explain_nothing(database: Database, house: House) -> None:
    adopted(database, house, POLICY)
    with database.write() as session:
        session.connection().execute(text("UPDATE kept_policy SET files = :it"), {"it": b'{"a.cedar":"x"}'})

    with database.read() as session, pytest.raises(KeptPolicyDiffers):
        adoption.kept(session, house.tenant, POLICY.digest)


def test_what_a_later_version_can_no_longer_read_is_said_to_be_unread(
    database: Database, house: House
) -> None:
    files = {**POLICY.files, "base.cedar": b"permit (principal, action, resource);"}
    strange = digest_of({name: digest(data) for name, data in files.items()})
    with database.write() as session:
        adoption.keep(session, house.tenant, replace(POLICY, digest=strange, files=files))

    with database.read() as session:
        assert adoption.of_its_day(session, house.tenant, POLICY, strange) is None
        assert adoption.kept(session, house.tenant, strange).files == files
