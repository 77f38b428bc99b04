"""Who wraps keys: the key-encryption key (KEK) of a tenant, one epoch after another.

Erasure ends by making another KEK and destroying the old: every copy of the key store that somebody kept is
then unreadable. Hence the epoch, and hence two of them for a while: the next one stands beside the one in use
until every key is wrapped under it. Which of the two is in use, the key store's rows say, and nobody else:
`begin` and `adopt` can't be one step with the store's commit, whatever keeps the KEK.
"""

from contextlib import suppress
from typing import Protocol

from audit.canonical import Json, canonical
from audit.errors import Diverged
from audit.ids import Entropy
from audit.secretfile import KeyMissing

NONCE_SIZE, TAG_SIZE = 12, 16
"""AES-256-GCM. A wrapped key is nonce, ciphertext, tag."""


class KekMismatch(Diverged):
    """A wrapped key does not open: key store and KEK are not of one tenant or time, or were changed."""

    code = "KEK_MISMATCH"
    zh = "密钥库与主密钥（KEK）不匹配。"
    hint = "Restore the key store and the KEK that belong together, from their own backups."
    hint_zh = "请从各自的备份中恢复彼此对应的密钥库与 KEK。"


class Wrapping(Protocol):
    """The KEK of one epoch: 256 bits that wrap every other key of a tenant."""

    @property
    def epoch(self) -> int:
        """Counts from 1."""
        ...

    def wrap(self, key: bytes, owner: Json, entropy: Entropy) -> bytes:
        """`key` for storage: nonce, then AES-256-GCM bound to its owner and to this epoch."""
        ...

    def unwrap(self, wrapped: bytes, owner: Json) -> bytes:
        """The key again. Raises `KekMismatch`, and only if these bytes do not open under a KEK that works."""
        ...


class Kms(Protocol):
    """What keeps the KEKs of one tenant.

    Trusted: whoever holds it and the key store reads everything that was sealed. Called under the key store's
    write lock, except for `current` and `next`; each step is durable before it returns, and dying between two
    leaves one KEK, or one and the next. Everything raises the `Unready` that says why the KEK can't be used.
    """

    def create(self, entropy: Entropy) -> None:
        """Make the first KEK, of epoch 1, once. Raises `audit.secretfile.KeyExists`."""
        ...

    def current(self) -> Wrapping:
        """The KEK in use. Raises `KeyMissing`."""
        ...

    def next(self) -> Wrapping | None:
        """The one after it, if somebody has begun it and not adopted it yet."""
        ...

    def begin(self, epoch: int, entropy: Entropy) -> Wrapping:
        """Make the next KEK, beside the one in use. Raises `audit.secretfile.KeyExists`."""
        ...

    def adopt(self) -> None:
        """Put the next into the place of the one in use, and destroy that one for good."""
        ...

    def abandon(self) -> None:
        """Destroy the next: nothing is wrapped under it."""
        ...


def of_epoch(kms: Kms, epoch: int) -> Wrapping:
    """The KEK of an epoch: the one in use, or the next, which all keys may be wrapped under already.

    Raises `KekMismatch` when neither is, and as `Kms.current`.
    """
    # The one in use last as well: a rotation may have put the next one into its place in between.
    for look in (kms.current, kms.next, kms.current):
        with suppress(KeyMissing):
            kek = look()
            if kek is not None and kek.epoch == epoch:
                return kek
    raise KekMismatch(f"keys of epoch {epoch}, a KEK of epoch {kms.current().epoch}")


def bound_to(owner: Json, epoch: int) -> bytes:
    """What a wrapped key is authenticated with: it opens as this owner's, and under this epoch, alone."""
    return canonical([owner, epoch])
