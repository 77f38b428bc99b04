"""The question: who is in the picture, where it comes from, and what is to be made of it.

A `Case` holds facts that were stated or measured, never a judgement; policy judges. It is stored in
canonical form with its decision, so that the release can ask the very same question again. What is
not known yet is None, and `consent.required` says which action can't do without what.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache

from audit.canonical import canonical, digest
from consent.dimensions import Modification
from consent.shape import LATER, from_json, to_json
from consent.strict import load
from consent.words import Action, Audience, Match, Monetisation, Purpose, Role


class Mode(StrEnum):
    """What the deployment is. Demo accepts self-asserted proof and prints it."""

    PRODUCTION = "production"
    DEMO = "demo"


class Matching(StrEnum):
    """How faces are told apart: against the declared cast only, or assigned by hand with nothing embedded."""

    CLOSED_SET = "CLOSED_SET"
    ASSIGNED = "ASSIGNED"
    OPEN = "OPEN"


class SourceKind(StrEnum):
    """How a source video came into being. The last three are refused (G-05)."""

    UPLOAD = "UPLOAD"
    COMMISSIONED = "COMMISSIONED"
    LICENSED = "LICENSED"
    DERIVED = "DERIVED"
    """Cured: trimmed or blurred from a source that is known."""
    PUBLIC_SPACE_CAMERA = "PUBLIC_SPACE_CAMERA"
    LEAKED = "LEAKED"
    SCRAPED = "SCRAPED"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the video comes from, as its supplier says (G-01, G-02, G-05, G-22)."""

    received_digest: str | None
    """SHA-256 of the bytes as uploaded; at intake, of the bytes as announced."""
    media_digest: str | None
    """SHA-256 of the normalised re-mux: what people, models and engines see. None before admission."""
    supplier: str | None
    acquired_how: str | None
    acquired_at: datetime | None
    kind: SourceKind | None
    origin_known: bool
    """Whether the original is here. False for an orphan: a template that was already swapped once."""
    copyright_licence: str | None
    """SHA-256 of the licence document of the video's owner."""
    upstream: str | None = field(default=None, metadata=LATER)
    """SHA-256 of what whoever altered it before was allowed, for a video that carries AI marks (G-03)."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """One person in one role. Somebody who was both filmed and gives a face appears twice."""

    person: str
    role: Role
    authorization: str | None = None
    """None: named, and still to answer."""
    portrait_licence: str | None = None
    """SHA-256 of her portrait licence, where it is not in the authorization itself (G-21)."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """What the scan found, as counts. No score, no box, no embedding."""

    total: int
    counted: int
    """Most faces seen at one time: so many people there are at least (G-08)."""
    unmatched: int
    ambiguous: int
    unresolvable: int
    """Too small, dark or turned to be compared."""
    weak: int
    """Seen in a single frame only, without enough confidence to stand."""
    unread: int
    """Frames that could not be read."""
    covered: bool
    """The coverage statement holds from the first frame to the last."""
    reviewed: bool
    """The person, or two reviewers, confirmed who is who (mode `ASSIGNED`)."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is to be made of it, and for whom. Each field is compared with what every person agreed to."""

    purpose: Purpose | None
    platform: str | None
    """The channel it is shown on."""
    recipient: str | None
    territories: tuple[str, ...]
    """ISO 3166-1 alpha-2. Empty is nowhere, not everywhere."""
    audience: Audience | None
    monetisation: Monetisation | None
    modifications: tuple[Modification, ...]
    intimate: bool
    voice_kept: bool
    engine: str | None
    unlabelled: bool = field(default=False, metadata=LATER)
    """A copy without the visible label is asked for (G-35)."""


@dataclass(frozen=True, slots=True)
class Donor:
    """The photo whose face is put in (G-29, G-45)."""

    digest: str | None
    faces: int | None
    """How many faces the detector found on it."""
    match: Match | None
    """Whether it shows the enrolled donor, compared with her reference alone. None before that."""
    is_self: bool
    """Whether the donor is the one who asks."""


@dataclass(frozen=True, slots=True)
class Output:
    """What was measured on the finished file, for the release stage only (G-32 to G-36)."""

    label: bool
    aigc: bool
    manifest: bool
    logged: bool
    """The record of the run is durable and under a checkpoint."""


@dataclass(frozen=True)
class Case:
    """One question to the gate."""

    action: Action
    tenant: str
    mode: Mode
    requester: str
    people: tuple[Appearance, ...]
    template: str | None = None
    """Id of the video template. None at its first intake, before there is one."""
    work: str | None = None
    """Label of the work it belongs to, as consents name it."""
    source: Source | None = None
    matching: Matching | None = None
    tracks: Tracks | None = None
    scan_digest: str | None = None
    tracks_digest: str | None = None
    use: Use | None = None
    donor: Donor | None = None
    model_digests: tuple[str, ...] = ()
    """SHA-256 of every model file the engine loads."""
    engine_version: str | None = field(default=None, metadata=LATER)
    """Of the engine that is to run: some agreed to named versions only (PIPL art. 21)."""
    asked: tuple[Purpose, ...] = field(default=(), metadata=LATER)
    """What a person is to be asked for, when that is the question (action `ask`)."""

    @property
    def depicted(self) -> tuple[Appearance, ...]:
        """Who is in the source video."""
        return tuple(one for one in self.people if one.role is not Role.DONOR)

    @property
    def donors(self) -> tuple[Appearance, ...]:
        """Whose face is put in."""
        return tuple(one for one in self.people if one.role is Role.DONOR)

    @property
    def authorizations(self) -> tuple[str, ...]:
        """The authorizations it cites, each once, in the order in which they are locked."""
        return tuple(sorted({one.authorization for one in self.people if one.authorization is not None}))

    @cached_property
    def encoded(self) -> bytes:
        """Canonical bytes."""
        return canonical(to_json(self))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes."""
        return digest(self.encoded)


@lru_cache(maxsize=256)
def parse(data: bytes) -> Case:
    """The case of its canonical bytes. Raises `NotCanonical` or `DocumentMalformed`.

    The same bytes are the same case, so it is remembered: published templates are asked about often.
    """
    return from_json(Case, load(data), "case")
