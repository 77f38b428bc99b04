"""Founding a data folder: settings, keys, journal, tables, notices. Each made once, never replaced."""

import json
import os
from datetime import datetime
from pathlib import Path
from shutil import rmtree

from audit import durable, secretfile
from audit.errors import BadInput
from audit.ids import Entropy
from audit.journal import DenyJournal
from audit.keys import Duty, SigningKey, save_private
from audit.keystore import KeyStore
from audit.note import NoteVerifier
from audit.testchain import make_test_chain
from service import schema
from service.database import Database
from service.layout import Layout
from service.sealer import sealer
from service.settings import FILE, Mode, Settings
from service.wrapping import open_kms


class AlreadyFounded(BadInput):
    """The folder holds a data folder of ours with keys in it."""

    code = "ALREADY_FOUNDED"
    zh = "该目录已初始化。"
    hint = "Use it as it is; `consentry upgrade` brings its tables to this version."
    hint_zh = "请直接使用；`consentry upgrade` 可将数据表升级至当前版本。"


def found(settings: Settings, *, now: datetime, entropy: Entropy) -> Layout:
    """Make everything a new tenant needs. Raises `AlreadyFounded` rather than touch a key."""
    layout = Layout.of(settings)
    if layout.private.exists():
        raise AlreadyFounded(f"{layout.root.name} has keys already")
    if layout.head.exists():
        # Its log has begun under keys that are not here: new ones would sign a fork and open nothing.
        raise AlreadyFounded(f"{layout.root.name} has a log but no keys; restore its private folder")
    for folder in (layout.root, layout.public, layout.keystore.parent, layout.guard, layout.work):
        folder.mkdir(parents=True, exist_ok=True)
    # Keys are made beside their place and moved there last: an init that dies half-way, or can't
    # reach its database, leaves no folder that looks founded, and is simply run again.
    making = layout.private.with_name("private.new")
    rmtree(making, ignore_errors=True)
    for folder in (making, layout.work, layout.keystore.parent):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    kms = open_kms(settings, making / layout.kek.name)
    KeyStore.create(layout.keystore, kms, settings.tenant, entropy).close()
    for duty in (Duty.LOG, Duty.PERMIT, Duty.COUNTERSIGN, Duty.EXPORT, Duty.WEBHOOK):
        key = SigningKey.generate(duty, entropy)
        save_private(key, making / layout.key(duty).name)
        (layout.public / f"{duty}.pub").write_text(key.verifying.text)
        if duty is Duty.LOG:
            layout.vkey.write_text(NoteVerifier(settings.origin, key.verifying).text + "\n")
    if settings.mode is Mode.DEMO:
        chain = make_test_chain(now)
        secretfile.write(making / layout.key(Duty.MANIFEST).name, chain.key_pem.encode())
        layout.chain.write_text(chain.chain_pem)
        layout.trust.write_text(chain.root_pem)
    DenyJournal.create(layout.journal)
    database = Database(settings.database_url)
    try:
        with sealer(settings, entropy) as seal:
            schema.upgrade(database, seal)
    finally:
        database.close()
    with durable.disk(layout.private):
        making.rename(layout.private)
        durable.sync_directory(layout.root)
    return layout


def write_settings(data: Path, values: dict[str, str]) -> None:
    """Write `consentry.toml` for a new folder, durable before this returns."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / FILE
    if path.exists():
        raise AlreadyFounded(f"{FILE} is there already")
    with path.open("xb") as file:
        # A JSON string is a TOML basic string; nothing else is ever written here.
        file.write("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()).encode())
        file.flush()
        os.fsync(file.fileno())
