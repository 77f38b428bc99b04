"""What the swap room tells the gate: a template, a scan and a use, put into the gate's question. Pure."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from audit.canonical import Json, canonical, digest_of
from audit.errors import BadInput
from consent import case
from consent.case import Appearance, Case, Donor, Matching, Mode, Tracks, Use
from consent.words import Action, Match, Role
from swap.casting import CastMember
from swap.errors import Tampered
from swap.library import Template
from swap.orders import Donor as ReceivedDonor
from swap.scan import Scan


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the matcher said of one track."""

    track: str
    match: Match
    person: str | None


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and in what kind of deployment."""

    tenant: str
    mode: Mode
    requester: str


def intake(
    asking: Asking,
    source: case.Source,
    cast: Iterable[CastMember],
    portraits: Mapping[str, str],
    matching: Matching = Matching.CLOSED_SET,
) -> Case:
    """May these bytes come in? Nothing of them is here yet."""
    return Case(
        action=Action.INTAKE,
        tenant=asking.tenant,
        mode=asking.mode,
        requester=asking.requester,
        people=appearances(cast, portraits),
        source=source,
        matching=matching,
    )


def of_template(
    asking: Asking,
    action: Action,
    template: Template,
    *,
    scan: Scan | None = None,
    verdicts: Iterable[Verdict] | None = None,
    use: Use | None = None,
    donor: ReceivedDonor | None = None,
    models: Iterable[str] = (),
    engine_version: str | None = None,
    reviewed: bool = False,
) -> Case:
    """A question about a template that is here. What is not known yet stays None.

    `reviewed`: of a template whose faces are assigned by hand, that who is who was confirmed.
    """
    source = template.source
    people = appearances(template.cast, source.portrait_licences)
    if donor is not None:
        people = (*people, Appearance(donor.person, Role.DONOR, donor.authorization))
    said = None if verdicts is None else tuple(verdicts)
    return Case(
        action=action,
        tenant=asking.tenant,
        mode=asking.mode,
        requester=asking.requester,
        people=people,
        template=template.id,
        work=source.work,
        source=source.stated(received=template.received_digest, media=template.media_digest),
        matching=template.matching,
        tracks=None
        if scan is None
        else summary(scan, said, {one.person for one in template.cast}, reviewed=reviewed),
        scan_digest=None if scan is None else scan.digest,
        tracks_digest=None if said is None else tracks_digest(said),
        use=use,
        donor=None
        if donor is None
        else Donor(donor.photo_digest, donor.faces, donor.match, is_self=donor.is_self),
        model_digests=tuple(sorted(models)),
        engine_version=engine_version,
    )


def of_donor(asking: Asking, template: Template, person: str, authorization: str, photo: Donor) -> Case:
    """May this photo be compared with her, for this template? Asked before any embedding of it."""
    return Case(
        action=Action.DONOR,
        tenant=asking.tenant,
        mode=asking.mode,
        requester=asking.requester,
        people=(Appearance(person, Role.DONOR, authorization),),
        template=template.id,
        work=template.source.work,
        source=template.source.stated(received=template.received_digest, media=template.media_digest),
        matching=template.matching,
        donor=photo,
    )


def appearances(cast: Iterable[CastMember], portraits: Mapping[str, str]) -> tuple[Appearance, ...]:
    """The declared cast as the gate knows people."""
    return tuple(
        Appearance(member.person, member.role, member.authorization, portraits.get(member.person))
        for member in cast
    )


def summary(
    scan: Scan, verdicts: Iterable[Verdict] | None, cast: Collection[str], *, reviewed: bool = False
) -> Tracks:
    """A scan as counts. Before matching nobody is matched: empty never means yes."""
    said = {
        # Matched to somebody who is not declared is matched to nobody, however it came about.
        verdict.track: Match.UNKNOWN
        if verdict.match is Match.MATCHED and verdict.person not in cast
        else verdict.match
        for verdict in verdicts or ()
    }
    matches = [said.get(track.id, Match.UNKNOWN) for track in scan.tracks]
    return Tracks(
        total=len(scan.tracks),
        counted=scan.most_at_once,
        unmatched=matches.count(Match.UNKNOWN),
        ambiguous=matches.count(Match.AMBIGUOUS),
        unresolvable=matches.count(Match.UNRESOLVABLE),
        weak=sum(track.weak for track in scan.tracks),
        unread=scan.coverage.unread,
        covered=scan.coverage.complete,
        reviewed=reviewed,
    )


def tracks_digest(verdicts: Iterable[Verdict]) -> str:
    """What a permit binds to: which track shows whom."""
    return digest_of(verdicts_json(verdicts))


def verdicts_json(verdicts: Iterable[Verdict]) -> Mapping[str, Json]:
    """As stored: by track, sorted by the canonical form."""
    return {v.track: {"match": v.match.value, "person": v.person} for v in verdicts}


@lru_cache(maxsize=32)
def verdicts_of(stored: bytes) -> tuple[Verdict, ...]:
    """As read back. Raises `Tampered` for anything but the bytes of verdicts."""
    try:
        value: dict[str, dict[str, str | None]] = json.loads(stored)
        verdicts = tuple(
            Verdict(track, Match(said["match"] or ""), said["person"])
            for track, said in sorted(value.items())
        )
        same = canonical(verdicts_json(verdicts)) == stored
    except (ValueError, KeyError, TypeError, AttributeError, BadInput):
        same = False
    if not same:
        raise Tampered("stored verdicts are not in the form in which they were written")
    return verdicts
