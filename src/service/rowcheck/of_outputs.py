"""Rows of what was released, what it rests on, and who had copies of it."""

from collections.abc import Iterator
from typing import Any, cast

from audit.canonical import Json
from consent.hearing import SKEW
from service.rowcheck.of_swaps import DATE
from service.rowcheck.rule import Covered, Owed, Row, led, says
from service.rowcheck.said import Told
from swap.recipients import HANDED_OVER, KEPT


def _withdrawn(row: Row, value: Any) -> bool:
    """As its entry says; without one it went at its date, of which the purge only counts a total."""
    found = row.said.following("OutputWithdrawn", row["leaf_hash"])
    if found or value is None:
        return bool(value == (found[0].at if found else None))
    until = row["delete_after"]
    return until is not None and until <= value <= row.said.record.clock() + SKEW


def _release(row: Row) -> Told:
    return row.said.sure(_released(row)["leaf_hash"], row.said.tenant)


def _rests_on(row: Row, value: str) -> bool:
    return value in cast("dict[str, Json]", row.payload["rests_on"])


def _needs(row: Row, value: str) -> bool:
    rests_on = cast("dict[str, list[str]]", row.payload["rests_on"])
    return value == ",".join(sorted(rests_on[row["authorization_id"]]))


def _hers(row: Row, value: str) -> bool:
    return bool(row.said.where("signed_authorization", id=row["authorization_id"], person_id=value))


def _of_output(row: Row) -> Iterator[Owed]:
    """What it rests on; and who had a copy, while it must be told."""
    for authorization in sorted(cast("dict[str, Json]", row.payload["rests_on"])):
        yield Owed("output_consent", {"output_id": row["id"], "authorization_id": authorization})
    for told in row.said.following(HANDED_OVER, row["leaf_hash"]):
        if row.said.record.clock() + SKEW < _minute(told.at) + KEPT:
            yield Owed("recipient", {"output_id": row["id"], "requester": told.payload["to"]})


def _released(row: Row) -> dict[str, Any]:
    return dict(row.said.one("output", id=row["output_id"]).values)


def _handed(row: Row) -> list[Told]:
    return row.said.following(HANDED_OVER, _released(row)["leaf_hash"])


def _first_copy(row: Row) -> Told | None:
    _release(row)  # who had copies is said after it, and pruned after it
    # The last to this one: whoever was forgotten at his date and comes again has a row and an entry anew.
    handed = [one for one in _handed(row) if one.payload["to"] == row["requester"]]
    return handed[-1] if handed else None


def _copies(row: Row, value: int) -> bool:
    """All that is noted is what the output counted, until the first of those notes has reached its date."""
    noted = row.said.where("recipient", output_id=row["output_id"])
    copies, counted = sum(one.values["copies"] for one in noted), _released(row)["served"]
    return value > 0 and (copies == counted if len(noted) == len(_handed(row)) else copies <= counted)


def _minute(value: Any) -> Any:
    return value.replace(second=0, microsecond=0)


OUTPUTS = (
    Covered(
        "output",
        {
            "id": says("output"),
            "job_id": says("job"),
            "template_id": lambda row, value: (
                value == row.said.one("job", id=row["job_id"]).values["template_id"]
            ),
            "permit_id": says("permit"),
            "digest": says("digest"),
            "leaf_hash": led,
            "released_at": says("at"),
            "withdrawn_at": _withdrawn,
        },
        entry="leaf_hash",
        kinds=frozenset({"OutputReleased"}),
        plain={
            "size": "its length, to announce it with: the file has its digest",
            "served": "how often it was fetched: the count that a withdrawal tells, sealed only then",
            "delete_after": DATE,
            "frozen": "follows claims; serving asks for the consents and the claim again",
        },
        makes=frozenset({"OutputReleased"}),
        owes=_of_output,
    ),
    Covered(
        "output_consent",
        {
            "output_id": says("output"),
            "authorization_id": _rests_on,
            "person_id": _hers,
            "purposes": _needs,
        },
        entry="output_id",
        find=_release,
    ),
    Covered(
        "recipient",
        {
            "output_id": says("output"),
            "requester": says("to"),
            "copies": _copies,
            "first_at": lambda row, value: value == _minute(row.entry.at),
            "last_at": lambda row, value: row["first_at"] <= value == row["delete_after"] - KEPT,
            "delete_after": lambda row, value: value == row["last_at"] + KEPT,
        },
        entry="requester",
        leads="output_id",
        find=_first_copy,
    ),
)
