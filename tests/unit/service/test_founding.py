"""Founding: everything once, nothing replaced, and a founding that was interrupted is simply run again."""

import os
from pathlib import Path

import pytest

from audit.certificate import load as load_chain
from audit.keys import Duty, VerifyingKey, load_private
from consenting import NOON
from service import founding, schema
from service.database import Database, DatabaseUnready
from service.founding import AlreadyFounded, found, write_settings
from service.layout import Layout
from service.settings import FILE, Settings, load
from service.wiring import open_record


def demo(folder: Path) -> Settings:
    return load(folder, mode="demo", deployment="demo", origin="log.example/founding")


def test_a_founded_folder_opens(tmp_path: Path) -> None:
    settings = demo(tmp_path)

    found(settings, now=NOON, entropy=os.urandom)

    record = open_record(settings)
    assert record.log.publish is not None
    record.close()


def test_private_keys_are_for_their_owner_alone_and_public_ones_match_them(tmp_path: Path) -> None:
    layout = found(demo(tmp_path), now=NOON, entropy=os.urandom)

    assert layout.private.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in layout.private.iterdir()} == {0o600}
    for duty in (Duty.LOG, Duty.PERMIT, Duty.COUNTERSIGN, Duty.EXPORT, Duty.WEBHOOK):
        handed_out = VerifyingKey.parse((layout.public / f"{duty}.pub").read_text())
        assert handed_out == load_private(layout.key(duty), duty).verifying


def test_mode_demo_gets_test_certificates_and_production_none(tmp_path: Path) -> None:
    now = NOON
    layout = found(demo(tmp_path / "demo"), now=now, entropy=os.urandom)
    assert load_chain(layout.chain, layout.key(Duty.MANIFEST), now).test

    layout = found(load(tmp_path / "real"), now=now, entropy=os.urandom)
    assert not layout.chain.exists()
    assert not layout.key(Duty.MANIFEST).exists()


def test_founding_twice_touches_no_key(tmp_path: Path) -> None:
    settings = demo(tmp_path)
    layout = found(settings, now=NOON, entropy=os.urandom)
    before = {path.name: path.read_bytes() for path in layout.private.iterdir()}

    with pytest.raises(AlreadyFounded):
        found(settings, now=NOON, entropy=os.urandom)

    assert {path.name: path.read_bytes() for path in layout.private.iterdir()} == before


def test_a_founding_that_was_interrupted_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = demo(tmp_path)

    def unreachable(_database: Database, _seal: object) -> None:
        raise DatabaseUnready("no answer")

    with monkeypatch.context() as broken:
        broken.setattr(founding.schema, "upgrade", unreachable)
        with pytest.raises(DatabaseUnready):
            found(settings, now=NOON, entropy=os.urandom)
    assert not Layout.of(settings).private.exists()

    found(settings, now=NOON, entropy=os.urandom)

    open_record(settings).close()


def test_a_folder_whose_keys_were_lost_is_not_founded_anew(tmp_path: Path) -> None:
    settings = demo(tmp_path)
    layout = found(settings, now=NOON, entropy=os.urandom)
    open_record(settings).close()
    layout.private.rename(tmp_path / "elsewhere")

    with pytest.raises(AlreadyFounded, match="restore"):
        found(settings, now=NOON, entropy=os.urandom)


def test_settings_are_written_as_they_will_be_read(tmp_path: Path) -> None:
    write_settings(tmp_path, {"mode": "demo", "origin": 'log.example/"quoted"\\'})

    assert load(tmp_path).origin == 'log.example/"quoted"\\'


def test_settings_that_are_there_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('mode = "demo"\n')

    with pytest.raises(AlreadyFounded):
        write_settings(tmp_path, {"mode": "production"})

    assert (tmp_path / FILE).read_text() == 'mode = "demo"\n'


def test_the_founded_tables_are_the_ones_the_code_describes(database: Database) -> None:
    from sqlmodel import SQLModel

    # Given an empty database of either engine.
    SQLModel.metadata.drop_all(database.engine)
    with pytest.raises(schema.SchemaBehind):
        schema.check(database)

    schema.upgrade(database)

    schema.check(database)
    assert schema.drift(database) == []
