"""For which of her keys a proof of who she is speaks: those she had then or, if she had none, the next.

She is proved, and then makes her key. Whatever key comes beside it may be anybody's who can enrol keys or
open a link: until she is proved anew, what it signs is worth as much as `self-asserted`.
"""

from collections.abc import Sequence
from datetime import datetime

from consent.person import PersonKey


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
