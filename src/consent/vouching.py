"""For which of her keys a proof of who she is speaks: those she had then or, if she had none, the next.

She is proved, and then makes her key. Whatever key comes beside it may be anybody's who can enrol keys or
open a link: until she is proved anew, what it signs is worth as much as `self-asserted`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

import sqlalchemy as core
from sqlmodel import Session

from consent.person import PersonKey
from consent.tables import PersonKeyRow

_KEY = cast(core.Table, PersonKeyRow.__table__)  # type: ignore[attr-defined]
_HISTORY = core.select(
    _KEY.c.person_id, _KEY.c.key, _KEY.c.method, _KEY.c.valid_from, _KEY.c.valid_until
).where(
    _KEY.c.tenant_id == core.bindparam("tenant"),
    _KEY.c.person_id.in_(core.bindparam("people", expanding=True)),
)


def histories(session: Session, tenant: str, people: Collection[str]) -> dict[str, list[PersonKey]]:
    """All keys that these people ever had, by person."""
    found: dict[str, list[PersonKey]] = {}
    for row in session.connection().execute(_HISTORY, {"tenant": tenant, "people": sorted(people)}):
        found.setdefault(row.person_id, []).append(PersonKey(*row))
    return found


def speaks_for(key: str, history: Sequence[PersonKey], proved_at: datetime) -> bool:
    """Whether a proof of then says anything of this key, which is among `history`."""
    mine = next((each for each in history if each.key == key), None)
    if mine is None:
        return False
    before = [
        each
        for each in history
        if each.key != key and each.since <= mine.since and (each.until is None or each.until > proved_at)
    ]
    # A key that had ended by then counts for nothing: who has lost all is proved anew, and makes another.
    return mine.since <= proved_at or not before
