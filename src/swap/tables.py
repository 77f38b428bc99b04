"""Rows of the swap room. Dumb SQLModel; each table has one storekeeper that touches it."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from audit.columns import Digest, Identifier, Instant


class SourceRow(SQLModel, table=True):
    """Where a video comes from: announced before its bytes are accepted (`library`)."""

    __tablename__ = "source"
    __table_args__ = (
        Index("ix_source_due", "tenant_id", "retention", "delete_after"),
        Index("ix_source_announced", "tenant_id", "announced_at"),
    )
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    record: bytes
    """Canonical JSON of `swap.source.Source`: supplier, acquisition, licences."""
    received_digest: str | None = None
    media_digest: str | None = None
    marked: bool | None = None
    """Whether the file says of itself that AI made or altered it. Null: nobody looked."""
    announced_at: datetime = Field(sa_type=Instant)
    delete_after: datetime | None = Field(default=None, sa_type=Instant)
    """Null: rests on nobody's consent, or its bytes are gone."""
    retention: str
    """What it is kept as (`swap.retention.Kept`), or `gone`."""


class TemplateRow(SQLModel, table=True):
    """A video offered for swapping, and how far it came (`library`)."""

    __tablename__ = "template"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "source_id"], ["source.tenant_id", "source.id"]),
        Index("ix_template_source", "tenant_id", "source_id"),
    )
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    source_id: str
    state: str
    frozen: bool = False
    """Set by a withdrawal or dispute; a published template that is frozen serves no new use."""
    scan_digest: str | None = None
    published_by: str | None = None
    """The publish decision in force."""
    taken_in_by: str | None = Field(default=None, sa_type=Identifier)
    """The permit to take its video in, given before there was a template (G-52)."""
    changed_at: datetime = Field(sa_type=Instant)
    matching: str = "CLOSED_SET"
    """How its faces are told apart, from its announcement on (`consent.case.Matching`)."""


class CastRow(SQLModel, table=True):
    """One person a template's uploader says is in the picture, and her authorization (`library`)."""

    __tablename__ = "cast_member"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "template_id"], ["template.tenant_id", "template.id"]),
        Index("ix_cast_member_authorization", "tenant_id", "authorization_id"),
    )
    tenant_id: str = Field(primary_key=True)
    template_id: str = Field(primary_key=True)
    person_id: str = Field(primary_key=True)
    role: str = Field(primary_key=True)
    authorization_id: str | None = None
    """Null: named, and still to answer."""


class ScanRow(SQLModel, table=True):
    """What was seen in a template, as geometry: no embeddings, no crops (`library`)."""

    __tablename__ = "scan"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "template_id"], ["template.tenant_id", "template.id"]),
    )
    tenant_id: str = Field(primary_key=True)
    template_id: str = Field(primary_key=True)
    digest: str
    body: bytes
    verdicts: bytes | None = None
    """Canonical JSON: track id to match and person; null until matched."""
    scanned_at: datetime = Field(sa_type=Instant)


class ScanOrderRow(SQLModel, table=True):
    """A scan that was asked for and is a worker's to do (`scans`)."""

    __tablename__ = "scan_order"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "template_id"], ["template.tenant_id", "template.id"]),
        Index("ix_scan_order_template", "tenant_id", "template_id", "asked_at"),
    )
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=Identifier)
    template_id: str
    requester: str
    """Who asked: a consent to be matched may be for some requesters only."""
    state: str
    attempt: int = 0
    done: int = 0
    """Frames searched by the present attempt."""
    total: int | None = None
    """Frames expected; null until the first was read."""
    decision_id: str | None = Field(default=None, sa_type=Identifier)
    """The gate's last answer, once it is done."""
    outcome: str | None = None
    """The code of what made it fail."""
    asked_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class DonorRow(SQLModel, table=True):
    """A face to be put in: its photo waits in quarantine and goes with the job (`orders`)."""

    __tablename__ = "donor"
    __table_args__ = (Index("ix_donor_due", "tenant_id", "deleted", "delete_after"),)
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    person_id: str
    authorization_id: str
    photo_digest: str
    is_self: bool
    faces: int
    match: str
    """Whether the photo shows the enrolled donor: a word, never a score."""
    decided_by: str
    received_at: datetime = Field(sa_type=Instant)
    delete_after: datetime = Field(sa_type=Instant)
    deleted: bool = False


class JobRow(SQLModel, table=True):
    """One permitted swap on its way to release or refusal (`orders`)."""

    __tablename__ = "job"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "template_id"], ["template.tenant_id", "template.id"]),
        ForeignKeyConstraint(["tenant_id", "donor_id"], ["donor.tenant_id", "donor.id"]),
        UniqueConstraint("tenant_id", "permit_id"),
        Index("job_state", "tenant_id", "state", "changed_at"),
        Index("ix_job_asked_at", "tenant_id", "asked_at", "id"),
    )
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    template_id: str
    donor_id: str
    permit_id: str
    state: str
    attempt: int = 0
    cancelled: bool = False
    """Set by a withdrawal, or by an operator; the render loop polls it, the release reads it."""
    outcome: bytes | None = None
    """Canonical JSON: rule ids or an error code once it ended otherwise than released."""
    started: str | None = None
    """Leaf hash of `RunStarted` of the current attempt."""
    done: int = 0
    """Frames of the current attempt, as of a second or so ago."""
    total: int | None = None
    """Frames it is about; null until that is known."""
    asked_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class OutputRow(SQLModel, table=True):
    """A released file. This row alone makes the file reachable (`outputs`)."""

    __tablename__ = "output"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        UniqueConstraint("tenant_id", "job_id"),
        Index("ix_output_digest", "tenant_id", "digest"),
        Index("ix_output_due", "tenant_id", "delete_after"),
    )
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    job_id: str
    template_id: str
    permit_id: str
    digest: str
    size: int
    leaf_hash: str
    """The `OutputReleased` entry."""
    released_at: datetime = Field(sa_type=Instant)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)
    served: int = 0
    delete_after: datetime | None = Field(default=None, sa_type=Instant)
    frozen: bool = False
    """Set while a claim about it is looked at, and for good once one is confirmed."""


class OutputConsentRow(SQLModel, table=True):
    """Which authorizations an output rests on, and whether it goes with them (`outputs`)."""

    __tablename__ = "output_consent"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "output_id"], ["output.tenant_id", "output.id"]),
        Index("ix_output_consent_authorization", "tenant_id", "authorization_id"),
    )
    tenant_id: str = Field(primary_key=True)
    output_id: str = Field(primary_key=True)
    authorization_id: str = Field(primary_key=True)
    person_id: str
    purposes: str
    """Comma-separated purposes of that person which the output needs while it is served."""


class DutyRow(SQLModel, table=True):
    """Work owed because of a fact, written with the fact: the queue of record (`duties`)."""

    __tablename__ = "duty"
    __table_args__ = (Index("ix_duty_open", "tenant_id", "done_at"),)
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    subject_id: str
    """A job, output or person, by kind."""
    owed_at: datetime = Field(sa_type=Instant)
    attempts: int = 0
    done_at: datetime | None = Field(default=None, sa_type=Instant)


class SlotRow(SQLModel, table=True):
    """A place to run jobs in; the executor that holds it beats here (`slots`)."""

    __tablename__ = "slot"
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    holder: str
    token: int
    until: datetime = Field(sa_type=Instant)


class AssignmentRow(SQLModel, table=True):
    """Who put which track to whom, by hand: the assignment in force of a template (`assignments`)."""

    __tablename__ = "assignment"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "template_id"], ["template.tenant_id", "template.id"]),
    )
    tenant_id: str = Field(primary_key=True)
    template_id: str = Field(primary_key=True)
    id: str = Field(sa_type=Identifier)
    binding: str = Field(sa_type=Digest)
    """SHA-256 over the digests of the scan and of the tracks."""
    by: str
    at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class ConfirmationRow(SQLModel, table=True):
    """That somebody confirmed who is who: the person herself, or a reviewer (`confirmations`)."""

    __tablename__ = "confirmation"
    tenant_id: str = Field(primary_key=True)
    about: str = Field(primary_key=True, sa_type=Identifier)
    """An assignment, or a donor whose photo nobody compares."""
    by: str = Field(primary_key=True)
    person_id: str | None = Field(default=None, sa_type=Identifier)
    """Of the person herself; null: a reviewer."""
    binding: str = Field(sa_type=Digest)
    at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)
