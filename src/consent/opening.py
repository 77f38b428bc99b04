"""What an authorization's row holds of hers, opened: the document and the signatures under it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from audit.cells import Cells
from audit.keystore import KeysErased
from audit.sealing import SealBroken
from consent.errors import AuthorizationDiverged
from consent.seals import Cell


@dataclass(frozen=True, slots=True)
class Opened:
    """As they arrived, byte for byte."""

    document: bytes
    evidence: bytes
    second: bytes | None
    """Of the cosignature; None without one."""


def readable(rows: Sequence[Any], cells: Cells) -> dict[str, Opened]:
    """The same by authorization. What was erased is absent: nobody knows any more what was agreed to.

    Raises `AuthorizationDiverged`.
    """
    found = {}
    for row in rows:
        with suppress(KeysErased):
            found[row.id] = opened(row, cells)
    return found


def opened(row: Any, cells: Cells) -> Opened:
    """One of them. Raises `audit.keystore.KeysErased`, `AuthorizationDiverged`."""
    id_, her = row.id, row.person_id
    try:
        return Opened(
            cells.open(Cell.DOCUMENT, id_, her, row.document),
            cells.open(Cell.EVIDENCE, id_, her, row.evidence),
            None if row.second is None else cells.open(Cell.SECOND, id_, her, row.second),
        )
    except SealBroken:
        raise AuthorizationDiverged("what was signed is of another row or person, or was changed") from None
