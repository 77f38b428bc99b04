"""What an entry about a person says of her: all of it, each time, so that the newest entry is enough.

The row in the database repeats it. Whoever relies on the row compares it with the entry it names: a row
can be edited, an entry can't.
"""

from datetime import datetime

from audit import instant
from audit.canonical import Json
from consent.age import Ages
from consent.person import Proof

FIELDS = ("proof", "age", "attested_by", "attested_at", "fourteen_from", "adult_from", "deceased_at")
"""The facts that a standing rests on; those that are not known are left out."""


def facts(proof: Proof, ages: Ages, deceased_at: datetime | None) -> dict[str, Json]:
    """These facts as an entry has them."""
    every: dict[str, Json] = {
        "proof": str(proof.level),
        "age": str(ages.band),
        "attested_by": proof.attested_by,
        "attested_at": _exact(proof.attested_at),
        "fourteen_from": _exact(ages.fourteen_from),
        "adult_from": _exact(ages.adult_from),
        "deceased_at": _exact(deceased_at),
    }
    return {name: value for name, value in every.items() if value is not None}


def _exact(at: datetime | None) -> str | None:
    return None if at is None else instant.exact(at)
