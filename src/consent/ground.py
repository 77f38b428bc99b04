"""The ground a question stands on: where the operator sits, what law that brings, which papers hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.canonical import Json
from consent.case import Case
from consent.law import Law
from consent.papers import Cabinet, PaperKind
from consent.required import needed
from consent.words import Action, ProofLevel


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deployment is, as ISO 3166 codes."""

    seat: str
    """Where the operator sits: `CN`, `US-IL`."""
    region: str
    """The country where data is stored and processed."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Law and papers of one question."""

    place: Place
    law: Law
    cabinet: Cabinet
    homes: Mapping[str, tuple[frozenset[str], frozenset[str] | None]]
    """By the code of a person's home: `consent.law.home_of`."""


def law_facts(law: Law) -> dict[str, Json]:
    """The law as Cedar reads it."""
    least: ProofLevel = law["least_proof"]
    return {
        "packs": sorted(name.partition("@")[0] for name in law.packs),
        "unknown": sorted(law.unknown),
        "real_name": law["real_name"],
        "minors": str(law["minors"]),
        "longest_term_days": law["longest_term_days"],
        "assessment": law["assessment"],
        "security_assessment": law["security_assessment"],
        "processor_contract": law["processor_contract"],
        "filing_people": law["filing_people"],
        "matching": str(law["matching"]),
        "proofs": sorted(str(level) for level in ProofLevel if level.rank >= least.rank),
        "most_cast": law["most_cast"],
        "retention_policy": law["retention_policy"],
    }


def operator_facts(case: Case, ground: Ground) -> dict[str, Json]:
    """What the operator's papers say of this very question."""
    cabinet, has = ground.cabinet, ground.cabinet.has
    engines = [case.use.engine] if case.use and case.use.engine else []
    # To look at faces runs no engine; to publish is for one, and must name it.
    run = {"engines": engines} if case.action in {Action.PUBLISH, Action.SWAP} else {}
    purposes = {str(purpose) for one in case.people for purpose in needed(case, one)}
    return {
        "identified": has(PaperKind.IDENTITY_CHECK, requesters=[case.requester]),
        "informed": has(PaperKind.DUTY_NOTICE, requesters=[case.requester]),
        "assessed": has(PaperKind.IMPACT_ASSESSMENT, purposes=purposes, regions=[ground.place.region], **run),
        "secured": has(PaperKind.SECURITY_ASSESSMENT, engines=engines),
        "filed": has(PaperKind.ALGORITHM_FILING, engines=engines),
        "contracted": has(PaperKind.PROCESSOR_CONTRACT, engines=engines),
        "faces": cabinet.faces,
        "faces_filed": has(PaperKind.FACE_FILING),
        "retention_policy": has(PaperKind.RETENTION_POLICY),
    }
