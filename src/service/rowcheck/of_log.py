"""Rows of the log itself, as far as `Log.audit` does not hold them against tree and signatures already."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from audit import note, tree
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness
from audit.fact import Seal
from audit.leaf import Leaf
from audit.note import NoteSignature
from audit.tile import WIDTH, Tile
from service.rowcheck.rule import Broken, Covered, Row, known


def _commitments(row: Row) -> Sequence[str]:
    found = row.said.commitments.get(row["leaf_hash"])
    if found is None:
        raise Broken("leaf_hash")
    return found


def _part(row: Row, value: int) -> bool:
    """The commitment at this place of the leaf is to these bytes; where none is, they are to blame."""
    made, mine = _commitments(row), sha256(row["ciphertext"]).hexdigest()
    return 0 <= value < len(made) and (made[value] == mine or mine not in made)


def _committed(row: Row, value: bytes) -> bool:
    return sha256(value).hexdigest() in _commitments(row)


def _checkpoint(row: Row) -> Checkpoint:
    return Checkpoint.parse(row["note"], row.said.record.log.verifier)


def _line(row: Row) -> NoteSignature:
    return note.parse_line(row["line"].removesuffix("\n"))


def _holds(row: Row, value: str) -> bool:
    """It verifies, where its witness is one of ours with this key; by another key it once was one."""
    line, witness = _line(row), _witness(row)
    if line.line not in {value, f"{value}\n"}:
        return False
    if row.said.record.witnessing is None:
        return True
    if witness is None or not witness.signed(line):
        # Of one that is asked no more, or of an earlier key. As a vkey begins: trust that was in use stands
        # in the settings that were adopted.
        vkey = f"{line.name}+{line.key_id.hex()}+".encode()
        return any(vkey in one.values["data"] for one in row.said.where("kept_bytes"))
    under = row.said.one("log_checkpoint", size=row["size"])
    witness.check(note.parse(under.values["note"]).text, line)
    return True


def _witness(row: Row) -> Witness | None:
    known = row.said.record.witnessing
    return None if known is None else known.trust.witnesses.get(row["witness"], (None, ""))[0]


def _named(row: Row, value: str) -> bool:
    """No other witness of ours signs as this line does: one that is asked no more left its lines here."""
    known, line = row.said.record.witnessing, _line(row)
    ours = known.trust.witnesses.items() if known else ()
    makers = {name for name, (witness, _) in ours if witness.signed(line)}
    return value in makers or not makers


def _size(row: Row) -> int:
    """Of the largest checkpoint that is one."""
    return max((one.values.get("size", 0) for one in row.said.where("log_checkpoint")), default=0)


def _in_files(row: Row) -> str | None:
    """The hash that the tile's file has at the entry's place; None before it has one."""
    if row["idx"] is None:
        return None
    size = _size(row)
    n, at = divmod(row["idx"], WIDTH)
    width = min(WIDTH, size - n * WIDTH)
    data = row.said.tile(Tile(0, n, width)) if width > 0 else None
    return None if data is None else data[at * tree.HASH_SIZE : (at + 1) * tree.HASH_SIZE].hex()


def _leaf(row: Row, value: bytes) -> bool:
    """Its hash is the one beside it; where they differ, the tile says which of them is wrong."""
    mine = tree.leaf_hash(value).hex()
    return mine == row["leaf_hash"] or mine == _in_files(row)


def _leaf_hash(row: Row, value: str) -> bool:
    return value == tree.leaf_hash(row["leaf"]).hex() or value == _in_files(row)


def _index(row: Row, value: Any) -> bool:
    if value is None:
        return True
    mine = {None, tree.leaf_hash(row["leaf"]).hex(), row["leaf_hash"]}
    return bool(0 <= value < _size(row)) and _in_files(row) in mine


LOG = (
    Covered(
        "log_entry",
        {
            "idx": _index,
            "eid": lambda row, value: value == Leaf.parse(row["leaf"]).eid,
            "leaf": _leaf,
            "leaf_hash": _leaf_hash,
        },
        alone=True,
        plain={
            "seq": "the order of writing: the tree has its own, and nothing is proved from this one",
            "at": "`Log.audit` compares the minute, which a leaf has; the sealed instant is held against it"
            " wherever a row leads to the entry",
        },
    ),
    Covered(
        "log_sealed",
        {
            "leaf_hash": lambda row, value: value in row.said.commitments,
            "part": _part,
            "seal": lambda _row, value: value in set(Seal),
            "ciphertext": _committed,
        },
        alone=True,
    ),
    Covered(
        "log_checkpoint",
        {
            "size": lambda row, value: _checkpoint(row).size == value,
            "digest": lambda row, value: _checkpoint(row).digest == value,
            "note": lambda row, _value: bool(_checkpoint(row)),
        },
        alone=True,
        plain={"at": "our clock's word: witnesses and time stamps say when it was there"},
    ),
    Covered(
        "log_cosignature",
        {
            "size": known("log_checkpoint", "size"),
            "witness": _named,
            "line": _holds,
            "at": lambda row, value: value == int.from_bytes(_line(row).blob[:8]),
        },
        alone=True,
    ),
)
