"""A library with a template in it, as rows alone: no bytes, no gate, nobody recognised."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session

from audit.ids import fresh
from clips import a_clip
from consent.case import SourceKind
from consent.faces import Face
from consent.words import Match, Purpose, Role
from swap import casting, library, orders
from swap.casting import CastMember
from swap.coverage import Coverage
from swap.orders import Donor
from swap.scan import Scan
from swap.source import Source
from swap.tracks import Sighting, Track, packed

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
TENANT = "studio"
RECEIVED, MEDIA, DETECTOR = "aa" * 32, "bb" * 32, "dd" * 32
ANNA, BEA, CLEO = "a" * 32, "b" * 32, "c" * 32
CAST = [CastMember(ANNA, Role.PERFORMER, "1" * 32), CastMember(BEA, Role.BACKGROUND, "2" * 32)]
HERS, DONORS_CONSENT = "1" * 32, "3" * 32
_DICE = random.Random(7)


def an_id() -> str:
    return fresh(_DICE.randbytes)


def a_source() -> Source:
    return Source(
        supplier="a studio",
        kind=SourceKind.COMMISSIONED,
        acquired_how="contract 7",
        acquired_at=NOON,
        copyright_licence="ee" * 32,
        portrait_licences={ANNA: "ff" * 32},
        work="spring",
    )


def a_track(number: int, frames: Sequence[int], *, weak: bool = False) -> Track:
    face = Face(40.0 * number, 10, 30, 36, 0.9, tuple((40.0 * number + i, 20.0 + i) for i in range(5)))
    rows = [Sighting.of(index, index * 512, face) for index in frames]
    return Track(f"t{number:03}", 0, 480, not weak, (), weak, packed(rows))


def a_scan(*tracks: Track) -> Scan:
    """Two people, side by side through four frames, unless told otherwise."""
    clip = a_clip(frames=4)
    found = tracks or (a_track(1, range(4)), a_track(2, range(1, 4)))
    at_once = max(sum(i in track.frames for track in found) for i in range(4))
    return Scan(MEDIA, DETECTOR, clip, Coverage.of(clip, frames=4, unread=0, side=640), (), at_once, found)


def announced(session: Session, tenant: str = TENANT, *, now: datetime = NOON) -> str:
    template = an_id()
    library.announce(
        session, tenant, template, an_id(), a_source(), received=RECEIVED, permit=an_id(), now=now
    )
    casting.declare(session, tenant, template, CAST)
    return template


def scanned(session: Session, tenant: str = TENANT) -> str:
    template = announced(session, tenant)
    library.quarantined(session, tenant, template, received=RECEIVED, media=MEDIA, marked=False, now=NOON)
    scan = a_scan()
    library.scanned(session, tenant, template, digest=scan.digest, body=scan.to_bytes(), now=NOON)
    return template


def a_donor(**changes: object) -> Donor:
    donor = Donor(an_id(), CLEO, "3" * 32, "cc" * 32, False, 1, Match.MATCHED, an_id())
    return replace(donor, **changes)  # type: ignore[arg-type]


def a_job(session: Session, template: str, donor: Donor, tenant: str = TENANT) -> str:
    job = an_id()
    orders.add_job(session, tenant, job, template=template, donor_id=donor.id, permit=an_id(), now=NOON)
    return job


@dataclass
class Standing:
    """A consent as far as serving asks."""

    purposes: set[Purpose]

    def in_force(self, purpose: Purpose) -> bool:
        return purpose in self.purposes


@dataclass
class Registry:
    """Says of each authorization what the test says."""

    found: dict[str, Standing] = field(default_factory=dict)

    def standings(self, session: Session, tenant: str, ids: Sequence[str], **_: Any) -> dict[str, Any]:
        return {each: self.found[each] for each in ids if each in self.found}


def everybody(*purposes: Purpose) -> Any:
    """A registry in which performer and donor agree."""
    given = set(purposes or (Purpose.USER_SWAP,))
    return Registry({HERS: Standing(set(given)), DONORS_CONSENT: Standing(set(given))})
