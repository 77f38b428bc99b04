"""How long something may be kept that rests on people's consent: as long as the first of them said."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from consent.dimensions import DataClass
from consent.standing import Standing


def keep_until(
    standings: Iterable[Standing], classes: Collection[DataClass], *, now: datetime
) -> datetime | None:
    """The earliest end of a term, of an age band, or of the days somebody allowed for one of these classes.

    None: it rests on nobody.
    """
    dates = []
    for standing in standings:
        scope = standing.document.scope
        days = [now + timedelta(days=scope.retention[each]) for each in classes if each in scope.retention]
        grown = [] if standing.grown_at is None else [standing.grown_at]
        dates.append(min([scope.term.end, *days, *grown]))
    return min(dates, default=None)
