"""Rows of what was in use when, and of what was done with the log as a whole."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from audit import adopted, instant, keyhistory
from audit.canonical import digest
from audit.checkpoint import Checkpoint
from audit.der import EXPLICIT_0, SEQUENCE, SET, children, only
from audit.pruned import PRUNED
from audit.stamprows import Stamp
from service.rowcheck.rule import Covered, Owed, Row, led, says, written
from service.rowcheck.said import Gone, Told
from service.stamping import holds


def _first_at(row: Row, value: datetime) -> bool:
    """When it was adopted: the entry's time, or the one it says again."""
    return bool(row.payload.get("since", instant.exact(row.entry.at)) == instant.exact(value))


def _ends(row: Row, kind: str) -> Sequence[Told]:
    return [one for one in row.said.of(kind, row["kid"]) if one.payload["duty"] == row["duty"]]


def _adoptions(row: Row) -> list[str]:
    """Its own entry, and those before that said the same: a pruning has it said again."""
    said = row.said.of(keyhistory.ADOPTED, row["kid"])
    return [one.leaf_hash for one in said if one.payload["number"] == row["number"]]


def _retired(row: Row, value: str | None) -> bool:
    if value is None:
        return not row.said.following(keyhistory.RETIRED, row["entry"])
    told = row.said.told(value, row.said.tenant)
    if isinstance(told, Gone):
        return True
    return told is not None and (told.kind, told.payload["kid"]) == (keyhistory.RETIRED, row["kid"])


def _retired_at(row: Row, value: datetime | None) -> bool:
    if row["retired"] is None or value is None:
        return row["retired"] is value
    told = row.said.told(row["retired"], row.said.tenant)
    if told is None or isinstance(told, Gone):
        return told is not None
    return bool(told.payload.get("since", instant.exact(told.at)) == instant.exact(value))


def _voided(row: Row, value: str | None) -> bool:
    found = _ends(row, keyhistory.COMPROMISED)
    return value == (found[-1].leaf_hash if found else None)


def _void_from(row: Row, value: int | None) -> bool:
    said = [cast(int, one.payload["from"]) for one in _ends(row, keyhistory.COMPROMISED)]
    return value == min(said, default=None)


def _void_at(row: Row, value: datetime | None) -> bool:
    found = _ends(row, keyhistory.COMPROMISED)
    if not found or value is None:
        return not found and value is None
    return bool(found[0].payload.get("since", instant.exact(found[0].at)) == instant.exact(value))


def _kept(row: Row, _value: Any) -> bool:
    """Whether the bytes are those of their name."""
    return bool(digest(row["data"]) == row["digest"])


def _checkpoint(row: Row) -> Checkpoint:
    note = row.said.one("log_checkpoint", size=row["size"]).values["note"]
    return Checkpoint.parse(note, row.said.record.log.verifier)


def _algorithms(response: bytes) -> bool:
    """Whether a stamp announces the digests that its signers use (RFC 5652, 5.1): nothing signs that list."""
    token = children(only(response, SEQUENCE))[1]
    signed = children(only(only(children(only(token, SEQUENCE))[1], EXPLICIT_0), SEQUENCE))
    listed = [children(only(one, SEQUENCE)) for one in children(only(signed[1], SET))]
    signers = [children(only(one, SEQUENCE)) for one in children(only(signed[-1], SET))]
    used = {children(only(one[2], SEQUENCE))[0] for one in signers}
    return {name for name, *_ in listed} == used and all(rest in ([], [b"\5\0"]) for _, *rest in listed)


def _stamped(row: Row, _value: Any) -> bool:
    """It holds, where its authority is one of ours; of another there is no certificate to ask."""
    ours = row.said.record.authorities
    if ours is None or row["authority"] not in ours.urls:
        return True
    columns = ("size", "authority", "digest", "response", "says", "at")
    held = Stamp(*(row[column] for column in columns))
    return holds(held, _checkpoint(row), ours) and _algorithms(held.response)


HISTORY = (
    Covered(
        "adoption",
        {
            "kind": lambda row, value: value == row.entry.kind,
            "number": says("number"),
            "digest": says("digest"),
            "at": written,
            "entry": led,
        },
        kinds=frozenset({adopted.MODELS, adopted.SETTINGS}),
        makes=frozenset({adopted.MODELS, adopted.SETTINGS}),
        owes=lambda row: [Owed("kept_bytes", {"digest": row["digest"]})],
    ),
    Covered(
        "duty_key",
        {
            "number": says("number"),
            "duty": says("duty"),
            "kid": says("kid"),
            "public": says("public"),
            "at": _first_at,
            "entry": led,
            "retired": _retired,
            "retired_at": _retired_at,
            "void_from": _void_from,
            "void_at": _void_at,
            "voided": _voided,
        },
        kinds=frozenset({keyhistory.ADOPTED}),
        makes=frozenset({keyhistory.ADOPTED}),
        made=_adoptions,
        owes=lambda row: [Owed("kept_bytes", {"digest": row["public"]})],
    ),
    Covered("kept_bytes", {"digest": _kept, "data": _kept}, alone=True),
    Covered(
        "log_pruning",
        {"minimum": says("minimum"), "entry": led, "at": written},
        kinds=frozenset({PRUNED}),
        plain={
            "shown": "how far a pruning has come: the receipt beside the checkpoint says the same",
            "done": "how far a pruning has come: done again it changes nothing",
        },
        makes=frozenset({PRUNED}),
    ),
    Covered(
        "log_stamp",
        {
            "size": _stamped,
            "digest": lambda row, value: value == _checkpoint(row).digest,
            "response": _stamped,
            "says": _stamped,
        },
        alone=True,
        plain={
            "authority": "the host that was asked: who signed stands in the stamp, and it is asked again",
            "at": "when we checked it, by our clock: nothing is proved from it",
        },
    ),
)
