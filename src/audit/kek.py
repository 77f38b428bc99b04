"""The key-encryption key: one a tenant, in a file that is in no backup of data.

The next one lies beside it, as `kek.next`, until every key is wrapped under it (`audit.kms`).
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit import durable, secretfile
from audit.canonical import Json
from audit.ids import Entropy
from audit.keys import KeyMalformed
from audit.kms import NONCE_SIZE, KekMismatch, bound_to

_FILE = re.compile(rb"consentry/kek/v1 ([1-9][0-9]{0,8}) ([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True, repr=False)
class Kek:
    """256 bits that wrap every other key of a tenant: an `audit.kms.Wrapping`."""

    epoch: int
    secret: bytes

    @classmethod
    def create(cls, path: Path, entropy: Entropy, *, epoch: int = 1) -> Self:
        """Make a KEK, once, durable on return. Raises `audit.secretfile.KeyExists`."""
        kek = cls(epoch, entropy(32))
        secretfile.write(path, b"consentry/kek/v1 %d %s\n" % (kek.epoch, kek.secret.hex().encode()))
        return kek

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it. Raises `KeyMissing`, `KeyFileExposed` or `KeyMalformed`."""
        found = _FILE.fullmatch(secretfile.read(path))
        if not found:
            raise KeyMalformed(f"{path.name} is not a KEK file")
        return cls(int(found[1]), bytes.fromhex(found[2].decode()))

    def wrap(self, key: bytes, owner: Json, entropy: Entropy) -> bytes:
        nonce = entropy(NONCE_SIZE)
        return nonce + AESGCM(self.secret).encrypt(nonce, key, bound_to(owner, self.epoch))

    def unwrap(self, wrapped: bytes, owner: Json) -> bytes:
        nonce, rest = wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:]
        try:
            return AESGCM(self.secret).decrypt(nonce, rest, bound_to(owner, self.epoch))
        except (InvalidTag, ValueError):
            raise KekMismatch(f"a wrapped key does not open under epoch {self.epoch}") from None


@dataclass(frozen=True, slots=True)
class KekFile:
    """A tenant's KEK in a file: an `audit.kms.Kms`.

    What a disk keeps of overwritten blocks (a journal, wear levelling) is beyond a file: for that the KEK
    belongs in a token (`audit.tokenkek`).
    """

    path: Path

    def create(self, entropy: Entropy) -> None:
        Kek.create(self.path, entropy)

    def current(self) -> Kek:
        return Kek.load(self.path)

    def next(self) -> Kek | None:
        return Kek.load(self._upcoming) if durable.exists(self._upcoming) else None

    def begin(self, epoch: int, entropy: Entropy) -> Kek:
        return Kek.create(self._upcoming, entropy, epoch=epoch)

    def adopt(self) -> None:
        with durable.disk(self.path), self.path.open("r+b") as old:
            self._upcoming.replace(self.path)
            durable.sync_directory(self.path.parent)
            # Only now, and through the open file: before, it was the only one that opened anything.
            old.write(bytes(os.fstat(old.fileno()).st_size))
            old.flush()
            os.fsync(old.fileno())

    def abandon(self) -> None:
        with durable.disk(self._upcoming):
            self._upcoming.unlink()

    @property
    def _upcoming(self) -> Path:
        return self.path.with_name(f"{self.path.name}.next")
