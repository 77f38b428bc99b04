"""Keys of subjects: random, each subject's own, destroyed to erase what they sealed.

Random and never derived from anything: a key that could be computed again could not be destroyed.
"""

import threading
import time
from collections import OrderedDict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit import durable, keydb, keymend, rewrapping, wrappedrows
from audit.canonical import canonical
from audit.errors import BadInput, Unready
from audit.fact import Seal, Subject
from audit.ids import Entropy
from audit.keydb import KeyDatabase
from audit.kms import Kms, Wrapping
from audit.rewrapping import KeyDamaged, KeysDamaged
from audit.sealing import NONCE_SIZE, SealBroken, derive
from audit.secretfile import KeyMissing
from audit.wrappedrows import COLUMNS, Owner, WrappedRow

_REMEMBERED = 1024
_TRUSTED_SECONDS = 0.25


class KeysErased(BadInput):
    """A subject's keys were destroyed. Nothing can be sealed for it, or opened, any more."""

    code = "KEYS_ERASED"
    zh = "该主体的密钥已销毁，无法再封存或读取。"
    hint = "Erasure is final. A person who comes back is enrolled anew, under another id."
    hint_zh = "删除不可撤销。若本人再次使用，请以新的编号重新登记。"


class KeysInUse(Unready):
    """Keys were destroyed, and their old bytes lie in the store's write-ahead log as long as it is read."""

    code = "KEYS_IN_USE"
    zh = "密钥库正被读取，已销毁密钥的残留尚未清除。"
    hint = "Nothing to do: the worker's purge destroys them again until they are gone."
    hint_zh = "无需处理：工作进程会再次清除，直至完成。"


UNSEALABLE = (KeysErased, KeyDamaged)
"""Why nothing can be sealed for one subject. It says nothing of any other, who must not wait for that."""


@dataclass(frozen=True, slots=True, repr=False)
class SubjectKeys:
    """32 bytes each: one that recognises the subject's entries, two that open them."""

    link: bytes
    ops: bytes | None
    """None: destroyed. What proves consent and decision is still opened with the other."""
    evid: bytes
    spoilt: bool = False
    """Whether there is an operational key, and it does not open. What rests on the others goes on."""
    opened: dict[tuple[str, str, bytes], bytes] = field(default_factory=dict, compare=False)
    """What was opened with these (`audit.cells`): forgotten whenever they are."""

    def sealing(self, seal: Seal) -> bytes:
        """The key for one kind of seal. Raises `KeysErased`, `KeyDamaged`."""
        if seal is Seal.EVID:
            return self.evid
        if self.spoilt:
            raise KeyDamaged("the operational key of this subject does not open")
        if self.ops is None:
            raise KeysErased("the operational key of this subject was destroyed")
        return self.ops


class KeyStore:
    """The subjects' keys of one tenant. For many threads; several processes may share its files.

    Trusted: whoever holds both this store and the KEK reads everything that was sealed.
    """

    def __init__(self, path: Path, kms: Kms, tenant: str, entropy: Entropy) -> None:
        self.tenant = tenant
        self._kms = kms
        self._kek = kms.current()
        self._proven: Wrapping | None = None
        self._database = KeyDatabase(path)
        self._entropy = entropy
        self._lock = threading.Lock()
        self._remembered: OrderedDict[Subject, SubjectKeys] = OrderedDict()
        self._version: int | None = None
        self._look_again = 0.0

    @classmethod
    def create(cls, path: Path, kms: Kms, tenant: str, entropy: Entropy) -> "KeyStore":
        """Make the KEK and, if no other tenant has done so, the store: `consentry init`, and nobody else."""
        kms.create(entropy)
        if not durable.exists(path):
            KeyDatabase.create(path).close()
        return cls(path, kms, tenant, entropy)

    @property
    def fault(self) -> str:
        """The code of what keeps this process from ever sealing again, if something does."""
        return self._database.fault

    def get_or_create(self, subject: Subject) -> SubjectKeys:
        """The subject's keys, durable before this returns: a row sealed with a lost key is lost too.

        Raises `KeysErased`, `KekMismatch`, `KeyDamaged`, `audit.durable.DiskFull` or `DiskFailed`, and
        whatever keeps the KEK from being used; after a failed write `audit.keydb.KeysPoisoned`, always.
        """
        with self._lock:
            self._database.expect_sound()
            keys = self._recall(subject)
            if keys is not None:
                return keys
            keys = self._look(subject)
            if keys is None:
                with self._database.writing() as connection:
                    self._insert(connection, subject)
                with self._database.connection():
                    keys = self._find(subject)
            if keys is None:
                raise KeysErased(f"the keys of this {subject.kind} were destroyed as they were made")
            return keys

    def get(self, subject: Subject) -> SubjectKeys | None:
        """The subject's keys, or None if there never were any. Raises as `get_or_create`."""
        with self._lock:
            keys = self._recall(subject)
            if keys is not None:
                return keys
            return self._look(subject)

    def encrypt(self, subject: Subject, purpose: str, data: bytes) -> bytes:
        """`data` for storage, readable until the subject is erased: for biometric references."""
        key, bound = self._blob_key(self.get_or_create(subject), subject, purpose)
        nonce = self._entropy(NONCE_SIZE)
        return nonce + AESGCM(key).encrypt(nonce, data, bound)

    def decrypt(self, subject: Subject, purpose: str, blob: bytes) -> bytes:
        """What `encrypt` was given for this subject and purpose. Raises `SealBroken` or `KeysErased`."""
        keys = self.get(subject)
        if keys is None:
            raise SealBroken(f"no keys for this {subject.kind}")
        key, bound = self._blob_key(keys, subject, purpose)
        try:
            return AESGCM(key).decrypt(blob[:NONCE_SIZE], blob[NONCE_SIZE:], bound)
        except (InvalidTag, ValueError):
            raise SealBroken(f"not sealed for this {subject.kind} and purpose, or changed since") from None

    def destroy(self, subject: Subject, *, evidence: bool) -> bool:
        """Destroy the subject's operational key; with `evidence` all of its keys. Durable, and final.

        False: nothing was left to destroy. Raises `KeysInUse` while somebody reads the store: the keys are
        unusable by then and their bytes not yet gone; do it again. Copies that somebody kept of the store end
        with the KEK's epoch.
        """
        columns = COLUMNS if evidence else ("ops",)
        with self._lock:
            with self._database.writing() as connection:
                self._put_in_order(connection, subject)
                done = connection.execute(
                    f"UPDATE subject SET {', '.join(f'{one} = NULL' for one in columns)}"  # noqa: S608
                    " WHERE tenant = ? AND kind = ? AND id = ?"
                    f" AND ({' OR '.join(f'{one} IS NOT NULL' for one in columns)})",
                    (self.tenant, subject.kind, subject.id),
                ).rowcount
                connection.executemany(
                    "DELETE FROM damaged WHERE tenant = ? AND kind = ? AND id = ? AND key = ?",
                    [(self.tenant, subject.kind, subject.id, one) for one in columns],
                )
            # Our own commit does not change data_version, so nothing else would make us forget it.
            self._remembered.pop(subject, None)
            # The old page is in the write-ahead log as well, until that is emptied.
            self._empty()
        return bool(done)

    def erased(self) -> tuple[str, ...]:
        """People whose operational key is destroyed, or every key: they were erased. Ids."""
        with self._lock, self._database.connection():
            rows = wrappedrows.rows(self._database.reader)
        erased = (row.owner for row in rows if row.keys[1] is None)
        return tuple(sorted(id_ for tenant, kind, id_ in erased if (tenant, kind) == (self.tenant, "person")))

    def rotate(self, now: datetime) -> int:
        """Wrap every key of this tenant under a new KEK and destroy the old one. The epoch of the new.

        Ends an erasure: no copy that anybody kept of the store opens again, of no subject. Dying anywhere
        leaves one KEK under which every key opens, and doing it again goes on. Raises `KeysInUse` while
        somebody reads the store, `KeysDamaged` for `GRACE` after keys were found that do not open, and
        whatever the KEK's keeper raises; then the KEK in use is the one of before, and nothing is lost.
        """
        with self._lock:
            # First as well: under a reader that stays, each try would add a copy of the store to its log.
            self._empty()
            with self._database.writing() as connection:
                old = self._settled()
                waits = rewrapping.awaited(self._database.reader, self.tenant, old, now)
                if waits is None:
                    waits = self._wrap_anew(connection, old, now)
            if waits is not None:
                raise KeysDamaged(
                    f"wrapped keys do not open; their KEK stays until {waits:%Y-%m-%d %H:%M} UTC"
                )
            # After the commit: until then the old one alone opens what is in the store. Under the lock again,
            # or we might put in place what somebody who rotates after us has wrapped nothing under yet.
            with self._database.writing():
                self._kek = self._settled()
            self._empty()
            return old.epoch + 1

    def damaged(self) -> int:
        """How many wrapped keys do not open, as the last rotation found."""
        with self._lock, self._database.connection() as connection:
            count = connection.execute("SELECT count(*) FROM damaged WHERE tenant = ?", (self.tenant,))
            return int(count.fetchone()[0])

    def check(self) -> int:
        """The epoch of the KEK in use. Raises `KekMismatch` if it opens no key."""
        with self._lock, self._database.connection():
            return self._in_use().epoch

    def mend(self, copy: Path) -> int:
        """Put wrapped keys that do not open back from a copy of this store, of the same epoch. How many.

        Raises as `get_or_create`.
        """
        with self._lock, closing(keydb.opened(copy)) as source:
            with self._database.writing() as connection:
                self._kek = self._settled()
                mended = keymend.mend(connection, self._database.reader, source, self.tenant, self._kek)
            self._remembered.clear()
            return mended

    def close(self) -> None:
        """Close the store's file and forget every key."""
        with self._lock:
            self._remembered.clear()
            self._database.close()

    def _insert(self, connection: Connection, subject: Subject) -> None:
        # Inside the store's only write transaction: whoever rotates the KEK holds it meanwhile, so
        # the one in the file now is the one that will open this.
        self._kek = self._settled()
        wrapped = [
            self._kek.wrap(self._entropy(32), self._owner(subject, column), self._entropy)
            for column in COLUMNS
        ]
        # Another process may have been first. Then its keys are the subject's, and ours never were.
        connection.execute(
            "INSERT INTO subject VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (self.tenant, subject.kind, subject.id, self._kek.epoch, *wrapped),
        )

    def _settled(self) -> Wrapping:
        """The KEK in use, in the store's write transaction. A rotation that broke off is ended or undone.

        Raises `KekMismatch` for a store of another time than the KEK: what is wrapped now would never open.
        """
        kek, after = self._kms.current(), self._kms.next()
        if after is not None:
            # What opens says which of the two it is. The epoch beside it is a byte that may be damaged.
            if rewrapping.opens_any(self._database.reader, self.tenant, after):
                self._kms.adopt()
                return self._kms.current()
            # A KEK that came back from a backup looks the same, and the other would be destroyed for nothing.
            rewrapping.expect_opens(self._database.reader, self.tenant, kek)
            self._kms.abandon()
        first = next(iter(wrappedrows.some(self._database.reader, self.tenant, kek.epoch, 1)), None)
        if kek != self._proven or (first is not None and first.epoch != kek.epoch):
            # Of the same epoch and another history: two people's keys would need two KEKs from then on.
            rewrapping.expect_opens(self._database.reader, self.tenant, kek)
            self._proven = kek
        return kek

    def _in_use(self) -> Wrapping:
        """The KEK under which keys open: the one in use, or the next. `KekMismatch` for keys without one."""
        # The one in use twice: a rotation may have put the next one into its place in between.
        for look in (self._kms.current, self._kms.next, self._kms.current):
            with suppress(KeyMissing):
                kek = look()
                if kek is not None and rewrapping.opens_any(self._database.reader, self.tenant, kek):
                    return kek
        kek = self._kms.current()
        rewrapping.expect_opens(self._database.reader, self.tenant, kek)
        return kek

    def _put_in_order(self, connection: Connection, subject: Subject) -> None:
        """Write the table anew where a search passes her by: she would get other keys, or keep hers."""
        if wrappedrows.astray(self._database.reader, self._name(subject)):
            kek = self._in_use()
            rows = wrappedrows.rows(self._database.reader)
            wrappedrows.write(connection, rows, lambda row: rewrapping.opens(kek, row))

    def _wrap_anew(self, connection: Connection, old: Wrapping, now: datetime) -> datetime | None:
        """Every key from the old KEK to the next. Until when to wait instead: then nothing was wrapped."""
        new = self._kms.begin(old.epoch + 1, self._entropy)
        anew = rewrapping.rewrap(self._database.reader, self.tenant, old, new, self._entropy)
        waits = rewrapping.note(connection, self.tenant, anew.spoilt, now)
        if waits is not None:
            self._kms.abandon()
            return waits
        anew.write(connection, new)
        if not anew.wrapped:
            # Nothing tells which of the two is in use, so there must never be two.
            self._kms.adopt()
        return None

    def _empty(self) -> None:
        if not self._database.emptied():
            raise KeysInUse("the key store is being read; its old pages are still there")

    def _recall(self, subject: Subject) -> SubjectKeys | None:
        # data_version changes when anybody else commits. A key that was destroyed elsewhere must
        # not live on in our memory, so then all of it is forgotten. Asked now and then only: what
        # is sealed in between with a destroyed key can't be opened, which is what was wanted.
        if time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + _TRUSTED_SECONDS
            with self._database.connection() as connection:
                (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                self._remembered.clear()
                self._version = version
        keys = self._remembered.get(subject)
        if keys is not None:
            self._remembered.move_to_end(subject)
        return keys

    def _look(self, subject: Subject) -> SubjectKeys | None:
        with self._database.connection():
            keys = self._find(subject)
            if keys is not None or not wrappedrows.astray(self._database.reader, self._name(subject)):
                return keys
        with self._database.writing() as connection:
            self._put_in_order(connection, subject)
        with self._database.connection():
            return self._find(subject)

    def _find(self, subject: Subject) -> SubjectKeys | None:
        row = wrappedrows.find(self._database.reader, self._name(subject))
        if row is None:
            return None
        link, _, evid = row.keys
        if link is None or evid is None:
            raise KeysErased(f"the keys of this {subject.kind} were destroyed")
        # Another process rotated it since we started, or is about to put the new one in its place.
        keys = _opened(self._kek, row) if row.epoch == self._kek.epoch else None
        if keys is None:
            self._kek = self._in_use()
            keys = _opened(self._kek, row)
        if keys is None:
            raise KeyDamaged(f"the keys of this {subject.kind} do not open, and others do")
        self._remembered[subject] = keys
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return keys

    def _name(self, subject: Subject) -> Owner:
        return self.tenant, subject.kind, subject.id

    def _owner(self, subject: Subject, column: str) -> list[str]:
        return [*self._name(subject), column]

    def _blob_key(self, keys: SubjectKeys, subject: Subject, purpose: str) -> tuple[bytes, bytes]:
        # `blob|` keeps these apart from keys of entries, whose info is 32 hex digits.
        return derive(keys.sealing(Seal.OPS), f"blob|{purpose}".encode()), canonical(
            self._owner(subject, purpose)
        )


def _opened(kek: Wrapping, row: WrappedRow) -> SubjectKeys | None:
    """What opens under this KEK; None without the two that everything needs."""
    link, ops, evid = (rewrapping.unwrapped(kek, row, column) for column in COLUMNS)
    if link is None or evid is None:
        return None
    return SubjectKeys(link, ops, evid, spoilt=ops is None and row.keys[1] is not None)
