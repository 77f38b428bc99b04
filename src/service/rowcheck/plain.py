"""Tables that nothing in the log speaks of, each with the reason: what it is for, and what a change can do.

Whoever adds a table has to put it here or into the lists of rules; a test sees to it.
"""

from collections.abc import Mapping
from typing import Final

REPLAYED: Final[Mapping[str, str]] = {
    "log_tile": "`Log.audit` grows the tree again and compares every tile",
}

BOOKKEEPING: Final[Mapping[str, str]] = {
    "log_lease": "who sequences now; it ends by itself, and its token is fenced by the database",
    "slot": "a heartbeat of executors: a changed one is taken over or waits a minute",
    "duty": "work that is owed: done twice it changes nothing; a lost one is found again from its fact",
    "scan_order": "a job of looking at a video: its outcome is an entry, a lost one is asked for again",
    "upload": "bytes on their way: the whole file is held against its announced digest",
    "once": "answers kept for a repeated request, sealed under the caller's own secret",
    "hold_approval": "the first of two names: with the second both are sealed in the decision",
    "status_handle": "an unguessable name for asking how a consent stands: changed, it names nothing",
    "cast_tally": "a limit on attempts, and a lock",
    "cast_trial": "a limit on attempts; who was turned away is an entry of its own",
    "capture": "a challenge of minutes: its outcome is sealed in an entry of its own",
    "hook": "an address that events go to, signed: nothing is read from what it answers",
    "tiding": "an event on its way: signed when sent, told again from the log by whoever asks",
}
