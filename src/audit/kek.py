"""The key-encryption key: one a tenant, in a file that is in no backup of data.

Erasure ends by making a new one and destroying the old: every copy of the key store that somebody
kept is then unreadable. Hence the epoch. The next one lies beside it, as `kek.next`, until every key is
wrapped under it; which of the two is in use, the key store's rows say.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit import durable, secretfile
from audit.canonical import Json, canonical
from audit.errors import Diverged
from audit.ids import Entropy
from audit.keys import KeyMalformed
from audit.secretfile import KeyMissing

_FILE = re.compile(rb"consentry/kek/v1 ([1-9][0-9]{0,8}) ([0-9a-f]{64})\n")
_NONCE_SIZE = 12


class KekMismatch(Diverged):
    """A wrapped key does not open: key store and KEK are not of one tenant or time, or were changed."""

    code = "KEK_MISMATCH"
    zh = "密钥库与主密钥（KEK）不匹配。"
    hint = "Restore the key store and the KEK file that belong together, from their own backups."
    hint_zh = "请从各自的备份中恢复彼此对应的密钥库与 KEK 文件。"


@dataclass(frozen=True, slots=True, repr=False)
class Kek:
    """256 bits that wrap every other key of a tenant."""

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

    @classmethod
    def of_epoch(cls, path: Path, epoch: int) -> Self:
        """The KEK of an epoch: the one in use, or the next, which all keys may be wrapped under already.

        Raises `KekMismatch` when neither is, and as `load`.
        """
        # The file in use last as well: a rotation may have put the next one into its place in between.
        for file in (path, upcoming(path), path):
            with suppress(KeyMissing):
                kek = cls.load(file)
                if kek.epoch == epoch:
                    return kek
        raise KekMismatch(f"keys of epoch {epoch}, a KEK of epoch {cls.load(path).epoch}")

    def wrap(self, key: bytes, owner: Json, entropy: Entropy) -> bytes:
        """`key` for storage: nonce, then AES-256-GCM bound to its owner and to this epoch."""
        nonce = entropy(_NONCE_SIZE)
        return nonce + AESGCM(self.secret).encrypt(nonce, key, self._bound_to(owner))

    def unwrap(self, wrapped: bytes, owner: Json) -> bytes:
        """The key again. Raises `KekMismatch`."""
        nonce, rest = wrapped[:_NONCE_SIZE], wrapped[_NONCE_SIZE:]
        try:
            return AESGCM(self.secret).decrypt(nonce, rest, self._bound_to(owner))
        except (InvalidTag, ValueError):
            raise KekMismatch(f"a wrapped key does not open under epoch {self.epoch}") from None

    def _bound_to(self, owner: Json) -> bytes:
        return canonical([owner, self.epoch])


def upcoming(path: Path) -> Path:
    """Where the KEK after the one at `path` lies while keys are wrapped under it."""
    return path.with_name(f"{path.name}.next")


def promote(path: Path) -> None:
    """Put the next KEK into the place of the one in use, and overwrite that one. Durable on return.

    What a disk keeps of overwritten blocks (a journal, wear levelling) is beyond a file: for that the KEK
    belongs on a device of its own.
    """
    with durable.disk(path), path.open("r+b") as old:
        upcoming(path).replace(path)
        durable.sync_directory(path.parent)
        # Only now, and through the open file: before, it was the only one that opened anything.
        old.write(bytes(os.fstat(old.fileno()).st_size))
        old.flush()
        os.fsync(old.fileno())
