"""What is stored, as what, and how long: the whole table, and the purger that keeps it.

A new kind of thing that is stored joins here: a line in `CLASSES`, and its `Purge` in `steps`.
"""

from dataclasses import dataclass

from consent.links import Links
from consent.portraits import Portraits
from service import erasing, pruning, receiving
from service.once import Once
from service.wiring import Record
from swap import claims, recipients, tidings
from swap.limits import Limits
from swap.purging import Purging
from swap.quarantine import Quarantine
from swap.retention import Chore, Kept, Purge, Purger
from swap.store import MediaStore

REFERENCE = "face-reference"
ANSWER = "repeated-answer"
UPLOAD = "unfinished-upload"
LINK = "link"
KEYS = "keys-of-the-erased"
RECIPIENT = "recipient"
TIDING = "tiding"
CONTACT = "claim-contact"
ENTRY = "log-entry"


@dataclass(frozen=True, slots=True)
class Class:
    """One line of the table."""

    name: str
    what: str
    until: str
    source: str
    """On what ground: a statute, or a decision of ours."""


CLASSES = (
    Class(
        Kept.UNANSWERED,
        "bytes and scan of a template announced, uploaded or scanned, and never decided on",
        "14 days after it was announced, or its cast amended",
        "PIPL 19; NDSR 24; design decision 30",
    ),
    Class(
        Kept.REFUSED,
        "bytes and scan of a template that was refused; of one on hold, from the end of the hold",
        "24 hours",
        "PIPL 47; NDSR 24; design decision 30",
    ),
    Class(
        Kept.WITHDRAWN,
        "bytes and scan of a template somebody in which withdrew",
        "24 hours",
        "PIPL 47",
    ),
    Class(
        Kept.PUBLISHED,
        "bytes and scan of a published template",
        "the first end of a term in its cast, or of the days for SOURCE or TEMPLATE",
        "PIPL 19, 47; the signed scopes",
    ),
    Class(
        Kept.OUTPUT,
        "a released file",
        "the first end of a term it rests on, or of the days for OUTPUT; at once when withdrawn",
        "PIPL 19, 47; the signed scopes",
    ),
    Class(Kept.DONOR, "a donor's photo", "the end of its job, 24 hours without one", "PIPL 19; GB/T 35273"),
    Class(
        REFERENCE,
        "an encrypted biometric reference",
        "the end of her term, or of the days for REFERENCE; at once when withdrawn",
        "PIPL 19, 47; FR Measures 8; the signed scope",
    ),
    Class(Kept.WORK, "frames and drafts of a job", "its end, an hour after a crash", "PIPL 19"),
    Class(Kept.DRAFT, "a file that broke off while it was written", "6 hours", "PIPL 19"),
    Class(Kept.ORPHAN, "a whole file that no row names", "24 hours", "PIPL 19"),
    Class(
        ANSWER,
        "the answer to a POST, sealed under its caller's key, to be given again",
        "24 hours",
        "design decision 31",
    ),
    Class(
        LINK,
        "a link handed to a person, as a hash; the draft it shows goes when it is signed",
        "a day after it ends, which is a week after it was issued at most",
        "PIPL 19",
    ),
    Class(UPLOAD, "an upload in parts that was not completed", "24 hours after its last byte", "PIPL 19"),
    Class(
        KEYS,
        "the keys that open what the log holds about somebody who had herself erased",
        "the operational key at once, the evidence key after 1095 days; later if a pack or a legal hold asks",
        "PIPL 47, 56; GDPR 17(3)(e)",
    ),
    Class(
        RECIPIENT,
        "who was served an output: the name of an API key, a count, two minutes; no address",
        "1095 days after the last copy",
        "PIPL 55, 56",
    ),
    Class(
        TIDING,
        "an event told to a hook: ids and codes",
        "30 days after it was delivered or given up",
        "PIPL 19",
    ),
    Class(
        CONTACT,
        "who made a takedown request and what was stated, sealed",
        "30 days after the answer",
        "PIPL 19",
    ),
    Class(
        ENTRY,
        "entries of the log and what they sealed; their hashes stay in the tree",
        "not pruned, or after `log_retention` days where set, from the first on that nothing needs any more",
        "PIPL 19, 56; AI Act 19, 26(6); c2sp.org/tlog-tiles",
    ),
    Class(
        "record",
        "decisions, signed consents and their events, source records: no faces, no media",
        "not purged: at least 1095 days after the last use",
        "PIPL 56; NDSR 12; FR Measures 9; Civil Code 188",
    ),
)


def steps(record: Record) -> tuple[Purge | Chore, ...]:
    """The purges of one tenant, one a class that is purged."""
    layout, ledger = record.layout, record.ledger
    portraits = Portraits(record.settings.tenant, record.keystore, record.entropy)
    once = Once(record.settings.tenant, record.entropy)
    links = Links(ledger, record.entropy)
    media = Purging(ledger, Quarantine(layout.quarantine, Limits()), MediaStore(layout.media), layout.work)
    return (
        *media.steps,
        Purge(REFERENCE, lambda session, now: portraits.purge(session, ledger, now=now)),
        Purge(ANSWER, lambda session, now: once.purge(session, now=now)),
        Purge(LINK, lambda session, now: links.purge(session, now=now)),
        Chore(KEYS, lambda: erasing.finish(record)),
        Chore(ENTRY, lambda: pruning.due(record), hourly=True),
        Purge(RECIPIENT, lambda session, now: recipients.purge(session, ledger.tenant, now=now)),
        Purge(TIDING, lambda session, now: tidings.purge(session, ledger.tenant, now=now)),
        Purge(CONTACT, lambda session, now: claims.purge(session, ledger.tenant, now=now)),
        Purge(UPLOAD, lambda session, now: receiving.purge(record, session, now=now)),
    )


def purger(record: Record) -> Purger:
    """Whoever runs it, the worker does so every minute."""
    return Purger(record.database, record.ledger, steps(record), record.clock)
