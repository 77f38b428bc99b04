"""What lay open in rows of the version before is sealed by the upgrade, all of it or nothing."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from audit.errors import ConsentryError
from audit.sealing import SealBroken
from audit.secretfile import KeyMissing
from cells import Kept, kept
from consent.errors import AuthorizationDiverged
from consent.seals import Cell
from consent.withdrawal import By, How
from crowd import crowded
from grounds import open_world
from service import schema
from service.database import Database
from service.dump import SQLITE
from service.erasing import erase, finish
from service.rowcheck.check import check
from service.schema import SchemaBehind
from service.sealer import sealer
from worlds import World

Stage = Callable[..., World]
BEFORE = "0027"
SINCE = [("link", "about"), ("api_key", "entry"), ("appeal", "entry")]


def lays_open(world: World) -> dict[tuple[Cell, str], bytes]:
    """The rows as the version before had them. What lies in each cell now."""
    record = world.record
    with record.database.read() as session:
        found = kept(session.connection())
    plain = {}
    for one in found:
        try:
            said = record.ledger.cells.open(one.cell, one.row, one.person, one.data)
        except ConsentryError:
            said = b'{"person":"%s"}' % one.person.encode()  # hers, whose keys are gone by now
        if one.cell is Cell.LINKED:
            said = b'{"person":"%s"}' % one.person.encode()
        plain[one.cell, one.row] = said
        put(world, one, said)
    with record.database.connection() as connection:
        for table, column in SINCE:
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": BEFORE})
    return plain


def put(world: World, one: Kept, data: bytes) -> None:
    table, _, column = one.cell.partition(".")
    first, _, number = one.row.partition("/")
    keys = {"cosignature": "authorization_id", "consent_event": "authorization_id", "attestation": "nonce"}
    key = keys.get(table, "key" if table == "passkey" else "id")
    and_number = " AND number = :number" if number else ""
    statement = f'UPDATE "{table}" SET {column} = :data WHERE {key} = :key{and_number}'  # noqa: S608
    more = {"number": int(number)} if number else {}
    assert world.edit(statement, data=data, key=first, **more) == 1


def upgraded(world: World) -> None:
    database = Database(world.settings.database_url)
    try:
        with sealer(world.settings, os.urandom) as seal:
            assert schema.upgrade(database, seal) == BEFORE
    finally:
        database.close()


def test_an_upgrade_seals_what_lay_open_for_whom_it_is_about(at_stage: Stage) -> None:
    # Given rows of the version before, some of somebody whose keys are gone
    world = at_stage("asked")
    crowded(world)
    record = world.record
    with record.database.read() as session:
        (gone,) = session.connection().execute(text("SELECT person_id FROM erasure")).scalars()
    until = erase(record, gone, By(How.OPERATOR, "desk")).evidence_until
    finish(replace(record, clock=lambda: until))
    plain = lays_open(world)
    assert {cell for cell, _ in plain} == set(Cell)

    # When
    upgraded(world)

    # Then each opens for its person in its place, hers is gone, and all is what the log says it was.
    again = open_world(world.settings)
    cells = again.record.ledger.cells
    with again.record.database.read() as session:
        found = kept(session.connection())
        assert {(one.cell, one.row) for one in found} == plain.keys()
        for one in found:
            if one.person == gone:
                assert one.data == b""
            else:
                assert cells.open(one.cell, one.row, one.person, one.data) == plain[one.cell, one.row]
        assert any(one.person == gone for one in found)
        differs = {(one.table, one.column) for one in check(session, again.record).differs}
        assert differs <= {("link", "document")}, "the world's link asked for no real document"
    assert schema.drift(again.record.database) == []
    again.close()
    if world.record.database.embedded:
        world.record.database.close()
        held = (world.folder / SQLITE).read_bytes()
        assert not any(said in held for said in plain.values() if len(said) > 100)


def test_an_upgrade_without_somebody_s_keys_changes_nothing(at_stage: Stage, tmp_path: Path) -> None:
    world = at_stage("consented")
    plain = lays_open(world)
    world.record.keystore.close()
    store = world.record.layout.keystore
    store.rename(tmp_path / "keys.db")

    with pytest.raises(KeyMissing):
        upgraded(world)

    with world.record.database.connection() as connection:
        rows = connection.execute(text("SELECT document FROM signed_authorization")).scalars()
        assert {bytes(one) for one in rows} <= set(plain.values())
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert revision == BEFORE
    (tmp_path / "keys.db").rename(store)
    upgraded(world)


def test_what_lies_open_after_the_upgrade_is_believed_by_nobody(at_stage: Stage) -> None:
    # Given somebody who writes what was signed into the row as it was signed
    world = at_stage("consented")
    record = world.record
    with record.database.read() as session:
        one = next(each for each in kept(session.connection()) if each.cell is Cell.DOCUMENT)
    said = record.ledger.cells.open(one.cell, one.row, one.person, one.data)
    put(world, one, said)

    # Then it is a fault and not a consent, and it is found.
    with record.database.read() as session:
        with pytest.raises(AuthorizationDiverged):
            record.registry.standings(session, world.tenant, [one.row], now=record.clock(), lock=None)
        with pytest.raises(SealBroken):
            record.ledger.cells.open(one.cell, one.row, one.person, said)
        differs = check(session, record, only={"signed_authorization"}).differs
        assert ("signed_authorization", "document") in {(each.table, each.column) for each in differs}


def test_a_process_of_this_version_does_not_start_on_rows_that_lie_open(at_stage: Stage) -> None:
    world = at_stage("consented")
    lays_open(world)

    with pytest.raises(SchemaBehind):
        open_world(world.settings)
