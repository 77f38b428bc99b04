"""The record of processing: the log read once, each line written as it comes, the sums held together."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session

from audit import instant
from audit.canonical import Json, canonical
from audit.checkpoint import Checkpoint
from audit.log import EntryUnpublished
from service.reports import sealing, writers
from service.reports.choosing import Choosing
from service.reports.completeness import Census, Completeness
from service.reports.facts import Facts
from service.reports.lives import Life
from service.reports.measures import lowered
from service.reports.page import Page
from service.reports.questions import Questions
from service.reports.register import register
from service.reports.rows import row
from service.reports.seen import Seen
from service.reports.totals import Totals
from service.reports.wanted import Wanted
from service.reports.words import Language
from service.reports.writers import Lines
from service.wiring import Record

REPORT = "processing"


@dataclass(frozen=True, slots=True)
class Exported:
    """A record that was made."""

    facts: Facts
    manifest: str
    """SHA-256 of the manifest."""
    entry: str
    """Leaf hash of `ProcessingExported`."""


@dataclass(slots=True)
class _Reading:
    """One pass over the log."""

    wanted: Wanted
    choosing: Choosing
    questions: Questions
    lines: Lines | None
    census: Census
    totals: Totals = field(default_factory=Totals)
    notices: list[str] = field(default_factory=list)

    def take(self, seen: Seen, life: Life | None) -> None:
        if life is not None and self.lines is not None:
            self.lines.life(life)
        if seen.leaf.t == "NoticePublished" and self._begun(seen):
            self.notices.append(seen.word("sha256"))
        inside = self.wanted.period.has(seen.minute)
        if not inside and not self.wanted.filters:
            return
        question = self.choosing.question(seen)
        # Asked of what came before the period as well: what followed from it may lie inside.
        if self.choosing.takes(seen, question) and inside:
            line = row(seen, question, self.questions)
            self.totals.see(line)
            if self.lines is not None:
                self.lines.row(line)

    def end(self) -> None:
        if self.lines is not None:
            for life in self.census.lives.living():
                self.lines.life(life)

    def _begun(self, seen: Seen) -> bool:
        return self.wanted.period.until is None or seen.minute < self.wanted.period.until


def export(record: Record, wanted: Wanted, to: Path, *, by: str, languages: Iterable[Language]) -> Exported:
    """Write a record of processing into a new folder `to`.

    Raises `EntryUnpublished`, `NoSuchThing`, `PersonUnknown`, `DiskFull`, `DiskFailed`.
    """
    with sealing.folder(to) as there:
        facts = read(record, wanted, by=by, there=there)
        for language in languages:
            sealing.put(there, f"report.{language}.html", Page(facts, language).html())
        said: dict[str, Json] = {"report": REPORT, "asked": wanted.json(), "by": by}
        said["created"] = instant.exact(facts.at)
        manifest = sealing.listed(there, said, facts.checkpoint, record)
        entry = sealing.written_down(record, REPORT, manifest, wanted, facts.checkpoint.size, by=by)
        sealing.keep(there, to)
    return Exported(facts, manifest, entry)


def complete(record: Record) -> Completeness:
    """Whether the whole log adds up, as it lies there: of one that is edited too. Raises `EntryUnpublished`.

    Writes nothing, and gives no entry its place.
    """
    with record.database.read() as session:
        checkpoint = published(session, record)
        census = Census.begin(session, record)
        for _ in census.read(session, record.ledger, checkpoint.size):
            pass
        return census.close(session, record, checkpoint)


def read(record: Record, wanted: Wanted, *, by: str, there: Path | None = None) -> Facts:
    """Read the log once. With `there` each line goes into files of that folder as it is read."""
    # What was just decided too.
    record.log.publish(now=record.clock())
    with record.database.read() as session, nullcontext() if there is None else writers.lines(there) as lines:
        checkpoint = published(session, record)
        questions = Questions(session, record)
        census = Census.begin(session, record)
        reading = _Reading(wanted, Choosing(session, wanted, questions), questions, lines, census)
        for seen, life in reading.census.read(session, record.ledger, checkpoint.size):
            reading.take(seen, life)
        reading.end()
        now = record.clock()
        facts = Facts(
            wanted=wanted,
            by=by,
            at=now,
            checkpoint=checkpoint,
            items=register(session, record, reading.totals, reading.notices, now),
            totals=reading.totals,
            completeness=reading.census.close(session, record, checkpoint),
            lowered=lowered(record.settings),
        )
    if there is not None:
        sealing.put(there, "log/checkpoint", checkpoint.text.encode())
        sealing.put(there, "completeness.json", canonical(facts.completeness.json()))
        sealing.put(there, "totals.json", canonical(facts.totals.json()))
        sealing.put(there, "register.json", canonical([one.json() for one in facts.items]))
    return facts


def published(session: Session, record: Record) -> Checkpoint:
    """The checkpoint that others can see. Raises `EntryUnpublished`."""
    found = record.log.public(session)
    if found is None:
        raise EntryUnpublished("nothing is published yet, or nothing that a quorum of witnesses saw")
    return found
