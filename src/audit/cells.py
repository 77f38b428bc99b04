"""Cells: what a row holds of one person, sealed under her evidence key for that one place, and gone with it.

What she signed lies in rows, byte for byte, beside entries that hold its digests. Rows are copied into every
backup and stay for what refers to them; so what is hers in them is under the key that her erasure destroys.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.canonical import canonical
from audit.fact import Subject
from audit.ids import Entropy
from audit.keystore import KeyStore, SubjectKeys
from audit.sealing import NONCE_SIZE, SealBroken, derive, pad, unpad

_V1 = b"\x01"
"""What a sealed cell begins with: no document, signature or registration does."""
_INFO = b"cell"
"""Apart from keys of entries (32 hex digits) and of references (`blob|...`)."""
_REMEMBERED = 16
"""Cells a person: her consents and licences of a usual day."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The sealed cells of one tenant. A cell moved to another row, column, person or tenant opens nothing."""

    keystore: KeyStore
    entropy: Entropy

    def seal(self, column: str, row: str, person: str, data: bytes) -> bytes:
        """`data` for this `column` (`table.column`) of the row with this key, about `person`.

        A byte of version, the nonce, then AES-256-GCM of it padded. Raises as `KeyStore.get_or_create`.
        """
        keys, nonce = self.keystore.get_or_create(Subject("person", person)), self.entropy(NONCE_SIZE)
        return _V1 + nonce + _box(keys).encrypt(nonce, pad(data), self._bound(column, row, person))

    def open(self, column: str, row: str, person: str, cell: bytes) -> bytes:
        """What `seal` was given for this place.

        Raises `audit.keystore.KeysErased` once her keys are destroyed: it is erased, and not damaged. Raises
        `SealBroken` for anything else that does not open, plaintext too; otherwise as `KeyStore.get`.
        """
        # Asked each time, whatever is remembered: what was opened before is erased with the key.
        keys = self.keystore.get(Subject("person", person))
        if keys is None:
            raise SealBroken("no keys for whom the row is about")
        place = (column, row, cell)
        found = keys.opened.get(place)
        if found is None:
            found = self._opened(keys, column, row, person, cell)
            if len(keys.opened) >= _REMEMBERED:
                keys.opened.clear()
            keys.opened[place] = found
        return found

    def _opened(self, keys: SubjectKeys, column: str, row: str, person: str, cell: bytes) -> bytes:
        rest = cell.removeprefix(_V1)
        nonce, ciphertext = rest[:NONCE_SIZE], rest[NONCE_SIZE:]
        if rest == cell:
            raise SealBroken(f"{column} is not sealed")
        try:
            return unpad(_box(keys).decrypt(nonce, ciphertext, self._bound(column, row, person)))
        except (InvalidTag, ValueError):
            raise SealBroken(f"{column} was not sealed for this row, or changed since") from None

    def _bound(self, column: str, row: str, person: str) -> bytes:
        return canonical([self.keystore.tenant, "person", person, column, row])


def _box(keys: SubjectKeys) -> AESGCM:
    return AESGCM(derive(keys.evid, _INFO))
