"""Templates: announced with source and cast, shown, scanned, published."""

from typing import Annotated, Literal

from pydantic import Field

from consent.case import SourceKind
from consent.words import Match, Role
from service.shapes.decisions import Permitted
from service.shapes.scans import Scan
from service.shapes.shape import LINES, Digest, Id, Instant, Label, Shape
from service.shapes.use import Use

Text = Annotated[str, Field(min_length=1, max_length=2000, pattern=LINES)]


class CastMember(Shape):
    """One person who is in the picture, and the authorization she gave; null: still to answer."""

    person: Id
    role: Role
    authorization: Id | None = None


class SourceRecord(Shape):
    """Where a video comes from, as its operator stated it."""

    supplier: str
    kind: SourceKind
    acquired_how: str
    acquired_at: Instant
    copyright_licence: str | None
    portrait_licences: dict[str, str]
    derived_from: str | None
    work: str | None
    original: bool
    upstream: str | None = None


class Source(Shape):
    """Where the video comes from, as its operator states it. What is left out is not there."""

    supplier: Text = Field(description="Who handed it over.")
    kind: SourceKind
    acquired_how: Text = Field(description="By what act: a contract, a shoot, an address.")
    acquired_at: Instant
    copyright_licence: Digest | None = Field(None, description="SHA-256 of the owner's licence.")
    portrait_licences: dict[Id, Digest] = Field(
        default_factory=dict, max_length=100, description="Person to SHA-256 of her portrait licence."
    )
    derived_from: Label | None = None
    work: Label | None = Field(None, description="The work it belongs to, as consents name it.")
    original: bool = Field(
        default=False, description="False: its performer was replaced before, or nobody says."
    )
    upstream: Digest | None = Field(
        None,
        description="SHA-256 of what whoever altered it before was allowed, if it carries marks of AI.",
    )


Cast = tuple[CastMember, ...]
LARGEST_CAST = 100


class Announce(Shape):
    """A video that will be uploaded: where it comes from, who is in it, and its SHA-256."""

    source: Source
    cast: Cast = Field(max_length=LARGEST_CAST)
    received: Digest = Field(description="SHA-256 of the file as it will be uploaded.")
    matching: Literal["CLOSED_SET", "ASSIGNED"] = Field(
        default="CLOSED_SET",
        description="ASSIGNED: no face is compared; tracks are assigned by hand and confirmed by people.",
    )


class Amend(Shape):
    """The cast anew, all of it."""

    cast: Cast = Field(max_length=LARGEST_CAST)


class Publish(Shape):
    """For what use the template is to be offered."""

    use: Use


class Announced(Permitted):
    """The video may come in: send its bytes to PUT /v1/templates/{template}/content."""

    template: Id


class Coverage(Shape):
    """What the scan looked at, and how small a face it could have seen."""

    frames: int
    unread: int = Field(description="Frames that gave no picture. Nobody knows who is in them.")
    side: int = Field(description="Longest side in pixels at which frames were searched.")
    smallest: int = Field(description="Width in source pixels of the smallest face that counts as seen.")


class Verdict(Shape):
    """What the matcher said of one track. Never a score."""

    track: str
    match: Match
    person: Id | None


class Sight(Shape):
    """What a scan saw; `verdicts` is null while nobody was compared with anybody."""

    scan: Digest
    size: tuple[int, int] = Field(description="Width and height of a frame.")
    coverage: Coverage
    most_at_once: int = Field(description="Faces in the fullest frame.")
    tracks: int
    verdicts: list[Verdict] | None


class Listed(Shape):
    """A template in a list."""

    template: Id
    state: str
    frozen: bool
    cast: int
    work: str | None
    supplier: str
    announced_at: Instant


class Template(Shape):
    """A template: its source, its cast, and what was seen in it."""

    template: Id
    state: str = Field(description="announced, quarantined, scanned, published, refused or purged.")
    frozen: bool = Field(description="Somebody in it withdrew or disputes. It serves no new use.")
    announced_at: Instant
    matching: str = Field(description="How its faces are told apart: CLOSED_SET or ASSIGNED.")
    source: SourceRecord
    received: Digest | None
    media: Digest | None = Field(description="SHA-256 of the normalised clip: what consents bind to.")
    published_by: Id | None = Field(description="The decision in force.")
    cast: list[CastMember]
    seen: Sight | None
    scan: Scan | None = Field(description="The scan that was asked for last.")


class Named(Shape):
    """A template as somebody sees it whom its cast names: what she needs to answer, of nobody else."""

    template: Id
    state: str
    frozen: bool
    announced_at: Instant
    work: str | None
    received: Digest | None
    media: Digest | None
    cast: list[CastMember] = Field(description="Where she is named.")


class Admitted(Shape):
    """The bytes are in quarantine and normalised. No model has read them."""

    template: Id
    frames: int
    sound: str = Field(description="kept, none or dropped.")
