"""The service's own books when all is over: its rows, and its log as it lies there for anybody to read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text

from audit import tree
from audit.checkpoint import Checkpoint
from audit.files import CHECKPOINT_PATH
from audit.leaf import Leaf
from audit.note import NoteVerifier
from audit.tile import Tile, grown, parse_bundle
from service.database import Database
from soak.journal import Stake


class Job(NamedTuple):
    """A row of `job`."""

    id: str
    state: str
    attempt: int
    permit: str


class Output(NamedTuple):
    """A row of `output`."""

    id: str
    job: str
    entry: str
    withdrawn: bool


class Permit(NamedTuple):
    """A row of `permit`."""

    id: str
    state: str
    job: str | None


class Decided(NamedTuple):
    """A decision that was a permit, and what it rested on."""

    id: str
    action: str
    stage: str
    entry: str
    rests_on: frozenset[Stake]


class Event(NamedTuple):
    """Something that happened to a consent."""

    kind: str
    authorization: str
    purposes: frozenset[str]
    entry: str


class Uses(NamedTuple):
    """Uses of one purpose of an authorization."""

    stake: Stake
    most: int | None
    reserved: int
    spent: int


@dataclass(frozen=True, slots=True)
class Published:
    """The log as its files have it."""

    entries: Sequence[str]
    """Leaf hashes, by index."""
    kinds: Sequence[str]
    root: str
    """Computed anew from the entries."""
    signed_root: str
    size: int

    @classmethod
    def read(cls, folder: Path, vkey: str) -> "Published":
        """From the checkpoint, whose signature is checked, and the bundles of entries it covers."""
        note = (folder / CHECKPOINT_PATH).read_text()
        checkpoint = Checkpoint.parse(note, NoteVerifier.parse(vkey))
        leaves = [
            leaf for place in bundles(checkpoint.size) for leaf in parse_bundle((folder / place).read_bytes())
        ]
        hashes = [tree.leaf_hash(leaf) for leaf in leaves]
        return cls(
            [each.hex() for each in hashes],
            [Leaf.parse(leaf).t for leaf in leaves],
            tree.root(hashes).hex(),
            checkpoint.root,
            checkpoint.size,
        )


def bundles(size: int) -> Sequence[str]:
    """Where the entries of a log of this size lie, in order."""
    level = sorted(place for place in grown(0, size) if place.level == 0)
    return [Tile(place.level, place.n, place.width).bundle_path for place in level]


@dataclass(frozen=True, slots=True)
class Books:
    """Everything the promises are held against."""

    log: Published
    jobs: Sequence[Job]
    outputs: Sequence[Output]
    permits: Sequence[Permit]
    decided: Sequence[Decided]
    events: Sequence[Event]
    counters: Sequence[Uses]
    rests_on: Mapping[str, frozenset[Stake]]
    """By output."""
    rows: Mapping[str, int]
    """Rows for each kind of entry that has rows of its own."""
    open_duties: int
    unfinished_scans: int

    @classmethod
    def read(cls, database: Database, log: Published) -> "Books":
        """From a database that nobody writes to any more."""
        with database.read() as session:

            def rows(query: str) -> Sequence[Any]:
                return session.connection().execute(text(query)).all()

            def count(table: str, where: str = "1 = 1") -> int:
                return int(rows(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])  # noqa: S608

            jobs = [Job(*row) for row in rows("SELECT id, state, attempt, permit_id FROM job")]
            outputs = [
                Output(row.id, row.job_id, row.leaf_hash, row.withdrawn_at is not None)
                for row in rows("SELECT id, job_id, leaf_hash, withdrawn_at FROM output")
            ]
            permits = [Permit(*row) for row in rows("SELECT id, state, job FROM permit")]
            events = [
                Event(row.kind, row.authorization_id, _names(row.purposes), row.leaf_hash)
                for row in rows("SELECT kind, authorization_id, purposes, leaf_hash FROM consent_event")
            ]
            counters = [
                Uses((row.authorization_id, row.purpose), row.most, row.reserved, row.spent)
                for row in rows(
                    "SELECT authorization_id, purpose, most, reserved, spent FROM consent_counter"
                )
            ]
            named: dict[str, set[Stake]] = {}
            for row in rows("SELECT decision_id, authorization_id, purposes FROM decision_person"):
                if row.authorization_id is not None:
                    stakes = ((row.authorization_id, purpose) for purpose in _names(row.purposes))
                    named.setdefault(row.decision_id, set()).update(stakes)
            decided = [
                Decided(row.id, row.action, row.stage, row.entry, frozenset(named.get(row.id, ())))
                for row in rows("SELECT id, action, stage, entry FROM decision WHERE answer = 'permit'")
            ]
            resting: dict[str, set[Stake]] = {}
            for row in rows("SELECT output_id, authorization_id, purposes FROM output_consent"):
                stakes = ((row.authorization_id, purpose) for purpose in row.purposes.split(","))
                resting.setdefault(row.output_id, set()).update(stakes)
            consented = Counter(event.kind for event in events)
            kinds = {
                "PersonEnrolled": count("person"),
                "NoticePublished": count("notice"),
                "Decided": count("decision"),
                "TemplateAdmitted": count("template", "state <> 'announced'"),
                "RunStarted": sum(job.attempt for job in jobs),
                "OutputReleased": len(outputs),
                "OutputWithdrawn": sum(output.withdrawn for output in outputs),
                "JobEnded": sum(job.state in {"refused", "failed"} for job in jobs),
                "PermitVoided": sum(permit.state == "void" for permit in permits),
                "PermitExpired": sum(permit.state == "expired" for permit in permits),
                "DonorPhotoDeleted": count("donor", "deleted"),
                **consented,
            }
            return cls(
                log,
                jobs,
                outputs,
                permits,
                decided,
                events,
                counters,
                {output: frozenset(stakes) for output, stakes in resting.items()},
                kinds,
                count("duty", "done_at IS NULL"),
                count("scan_order", "state NOT IN ('done', 'failed')"),
            )


def _names(purposes: str) -> frozenset[str]:
    """Of a column that holds canonical JSON, or words between commas."""
    return frozenset(word for word in purposes.strip("[]").replace('"', "").split(",") if word)
