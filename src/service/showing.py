"""Templates and scans as they are shown, by the API and on the command line alike."""

from collections.abc import Sequence

from sqlmodel import Session

from consent import docket
from consent.words import Match
from service.shapes import assignments, scans, templates
from service.shapes.problem import Objection
from swap import cases, library
from swap.cases import Verdict
from swap.library import StoredScan, Template
from swap.scan import Scan
from swap.scans import ScanOrder, last
from swap.tracks import GRID, Track


def template(session: Session, tenant: str, found: Template) -> templates.Template:
    """All of a template."""
    stored = library.scan_of(session, tenant, found.id)
    order = last(session, tenant, found.id)
    return templates.Template(
        template=found.id,
        state=found.state,
        frozen=found.frozen,
        announced_at=found.announced_at,
        matching=found.matching,
        source=templates.SourceRecord.model_validate(
            {name: value for name, value in found.source.to_json().items() if name != "v"}
        ),
        received=found.received_digest,
        media=found.media_digest,
        published_by=found.published_by,
        cast=members(found),
        seen=None if stored is None else sight(*read(stored)),
        scan=None if order is None else scan(session, tenant, order),
    )


def listed(found: Template) -> templates.Listed:
    """A template in a list."""
    return templates.Listed(
        template=found.id,
        state=found.state,
        frozen=found.frozen,
        cast=len(found.cast),
        work=found.source.work,
        supplier=found.source.supplier,
        announced_at=found.announced_at,
    )


def named(found: Template, person: str) -> templates.Named:
    """A template as a person of its cast sees it."""
    return templates.Named(
        template=found.id,
        state=found.state,
        frozen=found.frozen,
        announced_at=found.announced_at,
        work=found.source.work,
        received=found.received_digest,
        media=found.media_digest,
        cast=[one for one in members(found) if one.person == person],
    )


def members(found: Template) -> list[templates.CastMember]:
    """The declared cast."""
    return [templates.CastMember.model_validate(one, from_attributes=True) for one in found.cast]


def read(stored: StoredScan) -> tuple[Scan, Sequence[Verdict] | None]:
    """A stored scan and its verdicts. Raises `ScanMalformed`, `Tampered`."""
    said = None if stored.verdicts is None else cases.verdicts_of(stored.verdicts)
    return Scan.from_bytes(stored.body), said


def sight(seen: Scan, verdicts: Sequence[Verdict] | None) -> templates.Sight:
    """What a scan saw, and who was recognised of the cast."""
    return templates.Sight(
        scan=seen.digest,
        size=(seen.clip.width, seen.clip.height),
        coverage=templates.Coverage.model_validate(seen.coverage, from_attributes=True),
        most_at_once=seen.most_at_once,
        tracks=len(seen.tracks),
        verdicts=None
        if verdicts is None
        else [
            templates.Verdict(track=one.track, match=Match(one.match), person=one.person) for one in verdicts
        ],
    )


def scan(session: Session, tenant: str, order: ScanOrder) -> scans.Scan:
    """A scan that was asked for, with the gate's answer where there is one."""
    decision = None if order.decision is None else docket.find(session, tenant, order.decision)
    return scans.Scan(
        scan=order.id,
        template=order.template,
        requester=order.requester,
        state=order.state,
        attempt=order.attempt,
        done=order.done,
        total=order.total,
        asked_at=order.asked_at,
        decision=order.decision,
        answer=None if decision is None else str(decision.answer),
        objections=[
            Objection.model_validate(one, from_attributes=True)
            for one in (() if decision is None else decision.objections)
        ],
        error=order.outcome,
    )


def tracks(session: Session, tenant: str, template: str) -> list[assignments.Track]:
    """Every face that a scan found, and where it is largest. Raises `NoSuchThing`, `WrongState`."""
    scan, _ = library.seen(session, tenant, library.get(session, tenant, template))
    return [_track(one) for one in scan.tracks]


def _track(one: Track) -> assignments.Track:
    largest = max(one.sightings(), key=lambda sighting: sighting.box[2])
    left, top, width, height = (value / GRID for value in largest.box)
    return assignments.Track(
        track=one.id,
        shot=one.shot,
        first=one.first,
        last=one.last,
        frame=largest.index,
        box=(left, top, width, height),
        weak=one.weak,
    )
