"""The operator's papers: assessments, filings, contracts, checked identities. Facts the rules read.

We keep the digest of a document and what it says it covers; that it is true and good is the operator's
word. What a paper does not name it does not cover, and one without the field its kind needs covers nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import cast

import sqlalchemy as core
from sqlmodel import Session

from audit import instant
from audit.canonical import Json, canonical
from audit.errors import BadInput
from audit.fact import Fact, Part
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from consent.dimensions import ExportMechanism
from consent.ruletables import PaperRow
from consent.strict import Fields, check_text, load
from consent.words import Purpose


class PaperWrong(BadInput):
    """A paper that covers nothing, or says what its kind can't."""

    code = "PAPER_WRONG"
    zh = "文件登记信息不完整，或与文件种类不符。"
    hint = "The message names the field; `consentry paper add --help` says what each kind must cover."
    hint_zh = "错误信息会指出字段；各类文件须覆盖的内容见 `consentry paper add --help`。"


class PaperUnknown(BadInput):
    """No paper in use has this id in this tenant."""

    code = "PAPER_UNKNOWN"
    zh = "该租户下没有此有效文件。"
    hint = "List them with `consentry paper list`; one that was ended is not ended again."
    hint_zh = "请用 `consentry paper list` 查看；已终止的文件不可再次终止。"


class PaperKind(StrEnum):
    """What kinds the rules know. They are in the log: the words never change meaning."""

    IMPACT_ASSESSMENT = "IMPACT_ASSESSMENT"
    """PIPL art. 55, FR Measures art. 9, GDPR art. 35 (G-25)."""
    SECURITY_ASSESSMENT = "SECURITY_ASSESSMENT"
    """Deep Synthesis Provisions art. 15 (G-26)."""
    ALGORITHM_FILING = "ALGORITHM_FILING"
    """Deep Synthesis Provisions art. 19 (G-26)."""
    PROCESSOR_CONTRACT = "PROCESSOR_CONTRACT"
    """PIPL art. 21, NDSR art. 12, GDPR art. 28; for an engine of the operator's own, the statement that it is
    (G-27)."""
    FACE_FILING = "FACE_FILING"
    """FR Measures art. 15 (G-28)."""
    EXPORT_GROUND = "EXPORT_GROUND"
    """PIPL art. 38, GDPR chapter V (G-20)."""
    RETENTION_POLICY = "RETENTION_POLICY"
    """740 ILCS 14/15(a) (G-50)."""
    IDENTITY_CHECK = "IDENTITY_CHECK"
    """Who asks is a checked identity: Deep Synthesis Provisions art. 9 (G-04)."""
    DUTY_NOTICE = "DUTY_NOTICE"
    """Who asks has confirmed the duties: Deep Synthesis Provisions arts. 8, 14 (G-04)."""


COVERS: Mapping[PaperKind, tuple[str, ...]] = {
    PaperKind.IMPACT_ASSESSMENT: ("purposes", "engines", "regions"),
    PaperKind.SECURITY_ASSESSMENT: ("engines",),
    PaperKind.ALGORITHM_FILING: ("engines",),
    PaperKind.PROCESSOR_CONTRACT: ("engines",),
    PaperKind.FACE_FILING: (),
    PaperKind.EXPORT_GROUND: ("regions",),
    PaperKind.RETENTION_POLICY: (),
    PaperKind.IDENTITY_CHECK: ("requesters",),
    PaperKind.DUTY_NOTICE: ("requesters",),
}
"""What each kind must say it covers. All other fields stay empty."""


@dataclass(frozen=True, slots=True)
class Paper:
    """One document, and what it covers."""

    kind: PaperKind
    digest: str
    """SHA-256 of the document. The document itself stays with the operator."""
    since: datetime
    until: datetime
    purposes: frozenset[Purpose] = frozenset()
    engines: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    requesters: frozenset[str] = frozenset()
    mechanism: ExportMechanism | None = None

    def __post_init__(self) -> None:
        if not self.since < self.until:
            raise PaperWrong("paper: expected an end after its start")
        for name in ("purposes", "engines", "regions", "requesters"):
            if bool(getattr(self, name)) is not (name in COVERS[self.kind]):
                due = "expected" if name in COVERS[self.kind] else "not expected"
                raise PaperWrong(f"paper.{name}: {due} for {self.kind}")
        if (self.mechanism is not None) is not (self.kind is PaperKind.EXPORT_GROUND):
            raise PaperWrong("paper.mechanism: expected for EXPORT_GROUND alone")

    def json(self) -> dict[str, Json]:
        """What it covers, as stored and logged."""
        covers: dict[str, Json] = {name: sorted(getattr(self, name)) for name in COVERS[self.kind]}
        if self.mechanism is not None:
            covers["mechanism"] = str(self.mechanism)
        return covers


@dataclass(frozen=True, slots=True)
class Registered:
    """A paper in the files."""

    id: str
    paper: Paper
    by: str
    at: datetime
    ended_at: datetime | None
    entry: str


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The papers in force at one instant."""

    papers: tuple[Paper, ...] = ()
    faces: int = 0
    """How many people have a reference stored; counted only where something is to be embedded."""

    def has(self, kind: PaperKind, **wanted: Collection[str]) -> bool:
        """Whether one paper of this kind covers all that is wanted: two halves don't make a whole.

        Of something wanted nothing is named: no paper covers that.
        """
        return all(wanted.values()) and any(
            paper.kind is kind and all(set(asked) <= getattr(paper, name) for name, asked in wanted.items())
            for paper in self.papers
        )


@dataclass(frozen=True, slots=True)
class Papers:
    """The papers of one tenant."""

    ledger: Ledger
    entropy: Entropy

    def add(self, session: Session, paper: Paper, *, by: str, now: datetime) -> Registered:
        """Register a paper. Raises `DocumentMalformed` for a text that is none."""
        for name in ("engines", "regions", "requesters"):
            for label in getattr(paper, name):
                check_text(label, f"paper.{name}", at_most=200)
        tenant, key = self.ledger.tenant, fresh(self.entropy)
        payload: dict[str, Json] = {
            "paper": key,
            "kind": str(paper.kind),
            "digest": paper.digest,
            "from": instant.exact(paper.since),
            "until": instant.exact(paper.until),
            "covers": paper.json(),
            "by": by,
            "at": instant.exact(now),
        }
        entry = self.ledger.append(session, _fact("PaperRegistered", tenant, payload), now).leaf_hash
        session.add(
            PaperRow(
                tenant_id=tenant,
                id=key,
                kind=str(paper.kind),
                document=paper.digest,
                covers=canonical(paper.json()).decode(),
                valid_from=paper.since,
                valid_until=paper.until,
                registered_by=by,
                registered_at=now,
                entry=entry,
            )
        )
        session.flush()
        return Registered(key, paper, by, now, None, entry)

    def end(self, session: Session, paper: str, *, by: str, now: datetime) -> Registered:
        """A contract ended, an assessment fell: it covers nothing from now on. Raises `PaperUnknown`."""
        row = session.get(PaperRow, (self.ledger.tenant, paper), with_for_update=True)
        if row is None or row.ended_at is not None:
            raise PaperUnknown(f"no paper {paper!r:.40} in use in this tenant")
        payload: dict[str, Json] = {"paper": paper, "by": by, "at": instant.exact(now)}
        self.ledger.append(session, _fact("PaperEnded", self.ledger.tenant, payload, row.entry), now)
        row.ended_at = now
        session.add(row)
        session.flush()
        return _registered(row)

    def every(self, session: Session) -> tuple[Registered, ...]:
        """All of them, newest first, ended ones too."""
        rows = session.execute(
            core.select(PaperRow)
            .where(_PAPER.c.tenant_id == self.ledger.tenant)
            .order_by(_PAPER.c.registered_at.desc(), _PAPER.c.id)
        ).scalars()
        return tuple(_registered(row) for row in rows)


_PAPER = cast(core.Table, PaperRow.__table__)  # type: ignore[attr-defined]
_IN_FORCE = core.select(
    _PAPER.c.kind, _PAPER.c.document, _PAPER.c.valid_from, _PAPER.c.valid_until, _PAPER.c.covers
).where(
    _PAPER.c.tenant_id == core.bindparam("tenant"),
    _PAPER.c.ended_at.is_(None),
    _PAPER.c.valid_from <= core.bindparam("now"),
    _PAPER.c.valid_until > core.bindparam("now"),
)


_HELD = _IN_FORCE.with_for_update(read=True)


def in_force(session: Session, tenant: str, *, now: datetime, locked: bool = False) -> tuple[Paper, ...]:
    """The papers that cover something now. Locked, until the commit: after authorizations in its order.

    One statement locks and reads: what a row says stands in that row alone, and is read again after a wait.
    """
    rows = session.connection().execute(_HELD if locked else _IN_FORCE, {"tenant": tenant, "now": now})
    return tuple(_paper(*row) for row in rows)


@lru_cache(maxsize=256)
def _paper(kind: str, document: str, since: datetime, until: datetime, covers: str) -> Paper:
    # By what its row says: every decision reads all that are in force.
    f = Fields(load(covers.encode()), "paper")
    paper = Paper(
        PaperKind(kind),
        document,
        since,
        until,
        f.words("purposes", Purpose),
        f.labels("engines"),
        f.labels("regions"),
        f.labels("requesters"),
        f.word("mechanism", ExportMechanism) if f.has("mechanism") else None,
    )
    f.end()
    return paper


def _registered(row: PaperRow) -> Registered:
    paper = _paper(row.kind, row.document, row.valid_from, row.valid_until, row.covers)
    return Registered(row.id, paper, row.registered_by, row.registered_at, row.ended_at, row.entry)


def _fact(kind: str, tenant: str, payload: dict[str, Json], *refs: str) -> Fact:
    return Fact(kind, (Part.of_tenant(tenant, payload),), refs)
