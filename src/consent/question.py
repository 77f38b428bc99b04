"""From a case to Cedar requests: one for the work, one for each person in each role.

Every attribute of the schema is written. What is not known is written as empty, and empty never
satisfies a permit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from audit.canonical import Json
from consent.case import Appearance, Case, Donor, Output, Source, Tracks, Use
from consent.ground import Ground, law_facts, operator_facts
from consent.licence import LicenceKind, Right
from consent.licences import ABOUT, LicenceStanding, clears_copyright, clears_portrait
from consent.objection import WORK
from consent.papers import PaperKind
from consent.policy import Question
from consent.required import missing, needed
from consent.scope import Scope
from consent.standing import Standing
from consent.templatelock import TemplateState
from consent.words import Action, Purpose


class Stage(StrEnum):
    """When the gate is asked. Policy runs before anything is made, and again before anything leaves."""

    DECIDE = "decide"
    REDEEM = "redeem"
    """Between the two, when an engine is about to start: the permit and the consents, not the rules."""
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What stands beside the case at the moment of asking, read under the locks."""

    at: datetime
    stage: Stage
    standings: Mapping[str, Standing]
    template: TemplateState
    output: Output | None
    """None: nothing was measured yet. Only a release has one."""
    ground: Ground
    licences: Mapping[str, tuple[LicenceStanding, ...]] = field(default_factory=dict)
    """By digest, the registered licences behind those that the case names."""
    lifted: frozenset[str] = frozenset()
    """Holds that two people lifted."""
    refused: Mapping[str, frozenset[Purpose]] = field(default_factory=dict)
    """By person, what she refused lately."""


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NO_SOURCE = Source(None, None, None, None, None, None, origin_known=False, copyright_licence=None)
_NO_TRACKS = Tracks(0, 0, 0, 0, 0, 0, 0, covered=False, reviewed=False)
_NO_USE = Use(None, None, None, (), None, None, (), intimate=False, voice_kept=False, engine=None)
_NO_DONOR = Donor(None, None, None, is_self=False)
_NO_OUTPUT = Output(label=False, aigc=False, manifest=False, logged=False)


def questions(case: Case, now: Circumstances) -> tuple[Question, ...]:
    """The work first, then every person in every role."""
    context = _context(case, now)
    people = [
        Question(str(one.role), one.person, case.action, _appearance(case, one, now), context)
        for one in case.people
    ]
    return (Question(WORK, None, case.action, _work(case, now), context), *people)


def covering(appearance: Appearance, standings: Mapping[str, Standing]) -> Standing | None:
    """How the cited authorization stands, if it exists and is hers."""
    standing = standings.get(appearance.authorization or "")
    # Somebody else's consent under her name is no consent.
    return standing if standing is not None and standing.person == appearance.person else None


def _context(case: Case, now: Circumstances) -> dict[str, Json]:
    source, use, donor = case.source or _NO_SOURCE, case.use or _NO_USE, case.donor or _NO_DONOR
    return {
        "now": _moment(now.at),
        "stage": str(now.stage),
        "mode": str(case.mode),
        "missing": list(missing(case)),
        "lifted": sorted(now.lifted),
        "law": law_facts(now.ground.law),
        "operator": operator_facts(case, now.ground),
        "region": now.ground.place.region,
        "requester": case.requester,
        "work": case.work or "",
        "template": case.template or "",
        "sources": [d for d in (source.received_digest, source.media_digest) if d],
        "donor": {
            "digest": donor.digest or "",
            "faces": donor.faces or 0,
            "match": str(donor.match or ""),
            "is_self": donor.is_self,
        },
        "use": {
            "purpose": str(use.purpose or ""),
            "platform": use.platform or "",
            "recipient": use.recipient or "",
            "territories": sorted(use.territories),
            "audience": str(use.audience or ""),
            "monetisation": str(use.monetisation or ""),
            "modifications": sorted(use.modifications),
            "intimate": use.intimate,
            "voice_kept": use.voice_kept,
            "unlabelled": use.unlabelled,
            "engine": use.engine or "",
        },
    }


def _work(case: Case, now: Circumstances) -> dict[str, Json]:
    source, tracks, output = case.source or _NO_SOURCE, case.tracks or _NO_TRACKS, now.output or _NO_OUTPUT
    cast = {one.person for one in case.depicted}
    return {
        "source": {
            "received_digest": source.received_digest or "",
            "media_digest": source.media_digest or "",
            "supplier": source.supplier or "",
            "acquired_how": source.acquired_how or "",
            "acquired_at": "" if source.acquired_at is None else source.acquired_at.isoformat(),
            "kind": str(source.kind or ""),
            "origin_known": source.origin_known,
            **_copyright(case, now),
            "marked": now.template.marked,
            "upstream": source.upstream or "",
        },
        "cast": sorted(cast),
        # Counted here, from people: nobody may state a larger cast than is named.
        "declared": len(cast),
        "matching": str(case.matching or ""),
        "tracks": {
            "known": case.tracks is not None,
            "total": tracks.total,
            "counted": tracks.counted,
            "unmatched": tracks.unmatched,
            "ambiguous": tracks.ambiguous,
            "unresolvable": tracks.unresolvable,
            "weak": tracks.weak,
            "unread": tracks.unread,
            "covered": tracks.covered,
            "reviewed": tracks.reviewed,
        },
        "taken_in": now.template.taken_in,
        "frozen": now.template.frozen,
        "overdue": now.template.overdue(now.at),
        "output": {
            "label": output.label,
            "aigc": output.aigc,
            "manifest": output.manifest,
            "logged": output.logged,
        },
    }


def _appearance(case: Case, one: Appearance, now: Circumstances) -> dict[str, Json]:
    standing = covering(one, now.standings)
    wanted = needed(case, one)
    licence = one.portrait_licence or (standing and standing.document.portrait_licence)
    return {
        "person": one.person,
        "role": str(one.role),
        "age": str(standing.age) if standing else "",
        "proof": str(standing.proof) if standing else "",
        **_portrait(case, one.person, licence or "", now),
        "protected": standing is not None and standing.protected,
        "needed": sorted(wanted),
        "cited": one.authorization is not None,
        "deceased": standing is not None and standing.deceased,
        "refused": sorted(now.refused.get(one.person, frozenset()) & wanted),
        **_home(standing, now.ground),
        "grant": _grant(case, standing, wanted),
    }


def _portrait(case: Case, person: str, digest: str, now: Circumstances) -> dict[str, Json]:
    """What is said to license her portrait, and what the register says to that.

    Void: something is registered under the digest, erased since or not, and none of it licenses her portrait
    in this video. A
    digest under which nothing is registered is the operator's word for a paper, as it was before there was a
    register: not void, and not held. It is no word where the register speaks of her portrait in this video,
    if only of its end.
    """
    about = [one for one in now.licences.get(ABOUT, ()) if one.licence.person == person]
    found = now.licences.get(digest, about)
    held = clears_portrait(found, person, _received(case), _rights(case))
    known = digest in now.licences or bool(about)
    return {"portrait_licence": digest, "portrait_void": known and not held, "portrait_held": held}


def _copyright(case: Case, now: Circumstances) -> dict[str, Json]:
    digest = (case.source and case.source.copyright_licence) or ""
    about = [one for one in now.licences.get(ABOUT, ()) if one.licence.kind is LicenceKind.COPYRIGHT]
    found = now.licences.get(digest, about)
    held = clears_copyright(found, _received(case), _rights(case))
    known = digest in now.licences or bool(about)
    return {"copyright_licence": digest, "copyright_void": known and not held, "copyright_held": held}


def _received(case: Case) -> str:
    return (case.source and case.source.received_digest) or ""


def _rights(case: Case) -> frozenset[Right]:
    made = {Right.MAKE, Right.USE}
    return frozenset(made | {Right.PUBLISH} if case.action is Action.PUBLISH else made)


def _home(standing: Standing | None, ground: Ground) -> dict[str, Json]:
    """What the law of her home says of languages, and of her data leaving it."""
    if standing is None:
        return {"languages": [], "export": {"needed": False, "agreed": False, "grounded": False}}
    scope, region = standing.document.scope, ground.place.region
    languages, free = ground.homes[scope.jurisdiction]
    agreed = [export for export in scope.exports if export.territory == region]
    return {
        "languages": sorted(languages),
        "export": {
            "needed": free is not None and region not in free,
            "agreed": bool(agreed),
            # On the ground she was told, and no other.
            "grounded": any(
                paper.kind is PaperKind.EXPORT_GROUND
                and region in paper.regions
                and paper.mechanism in {export.mechanism for export in agreed}
                for paper in ground.cabinet.papers
            ),
        },
    }


def _grant(case: Case, standing: Standing | None, wanted: frozenset[StrEnum]) -> dict[str, Json]:
    if standing is None:
        return _NO_GRANT
    scope = standing.document.scope
    purposes = scope.purposes
    # A purpose the registry says nothing about is not unlimited: it has no uses left.
    left = [standing.uses_left.get(p, 0) for p in purposes & wanted]
    return {
        "present": True,
        "signature_valid": standing.signature_valid,
        "guardian_signed": standing.guardian_signed,
        "heir_signed": standing.heir_signed,
        "notice_matches": standing.notice_matches,
        "notice_current": standing.notice_current,
        "paused": not wanted.isdisjoint(standing.paused),
        "disputed": standing.disputed,
        "purposes": sorted(purposes),
        "statuses": sorted({str(standing.status.get(p, "ConsentUnknown")) for p in purposes & wanted}),
        "from": _moment(scope.term.start, up=True),
        "until": _moment(scope.term.end),
        "term_days": -((scope.term.start - scope.term.end) // timedelta(days=1)),
        "language": standing.document.notice.language,
        "role": str(scope.role),
        "modalities": sorted(scope.modalities),
        "works": sorted(scope.works),
        "sources": sorted(scope.sources),
        "templates": sorted(scope.templates),
        "requesters": sorted(scope.requesters),
        "platforms": sorted(scope.platforms),
        "recipients": sorted(scope.recipients),
        "engines": sorted(scope.engines),
        "engine_agreed": scope.particulars.allows_engine(
            (case.use and case.use.engine) or "", case.engine_version or ""
        ),
        "regions": sorted(_regions(scope)),
        "territories": sorted(scope.territories),
        "audience": sorted(scope.audience),
        "monetisation": sorted(scope.monetisation),
        "donor_rule": str(scope.donor_rules or ""),
        "prohibited": sorted(scope.prohibited),
        # Not how many: a count that goes down with each swap would be another question to Cedar each time.
        "has_uses": all(n is None or n >= 1 for n in left),
    }


def _regions(scope: Scope) -> frozenset[str]:
    """Where a deployment may be, that stores and processes in one country; empty: nowhere (G-20)."""
    processing = scope.particulars.processing_regions
    return scope.storage_regions & processing if processing else scope.storage_regions


def _moment(at: datetime, *, up: bool = False) -> Json:
    """Cedar counts milliseconds: a start is rounded up, so that no rounding ever widens a term."""
    if up and at.microsecond % 1000:
        at += timedelta(milliseconds=1)
    text = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"__extn": {"fn": "datetime", "arg": text}}


_NO_GRANT: dict[str, Json] = {
    **dict.fromkeys(
        (
            "present",
            "signature_valid",
            "guardian_signed",
            "heir_signed",
            "notice_matches",
            "notice_current",
            "paused",
            "engine_agreed",
            "disputed",
            "has_uses",
        ),
        False,
    ),
    **{name: [] for name in ("purposes", "statuses", "modalities", "works", "sources", "templates")},
    **{name: [] for name in ("requesters", "platforms", "recipients", "engines", "regions", "territories")},
    **{name: [] for name in ("audience", "monetisation", "prohibited")},
    "from": _moment(_NEVER),
    "until": _moment(_NEVER),
    "term_days": 0,
    "language": "",
    "role": "",
    "donor_rule": "",
}
