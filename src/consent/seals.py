"""Under which of her keys a fact about a person is sealed: what it shows decides, and once written it stays.

What shows that she was asked, agreed, ended it, was decided about, acted for, or used a right, is `EVID`:
whoever has to prove it can, until the period for claims is over (GDPR arts. 7(1), 17(3)(b) and (e); PIPL
arts. 47, 55, 56). So is that something of hers was deleted, which outlives what it tells of. Everything else
said of her is detail that nobody needs once she is gone, is `OPS`, and goes with her erasure.

One table for every room, so that what an erasure leaves is read in one place; `docs/durability.md` has it for
people. Facts about nobody, and about outputs, are no part of it: keys of theirs are never destroyed.
"""

from collections.abc import Mapping

from audit.canonical import Json
from audit.fact import Part, Seal, Subject

OPERATIONAL = frozenset(
    {
        *("CastRefused", "CastTurnedAway"),  # that somebody named her
        *("FaceSearched", "FaceResembled"),  # that her face was compared with the protected
        *("CaptureMissed", "PortraitsAdded"),  # attempts before the camera, references that were stored
        *("PreviewShown", "TracksAssigned"),  # clips she looked at, and which tracks are said to be hers
        *("ConsentEndsSoon", "ConsentLinkIssued"),  # messages to her, and ways to answer one
    }
)
"""Dies when she is erased. None of them is written for somebody who was."""

EVIDENCE = frozenset(
    {
        *("ConsentRequested", "ConsentRequestBarred", "ConsentRequestAnswered", "ConsentRequestCancelled"),
        *("ConsentRequestLapsed", "ConsentRefused"),
        *("ConsentGranted", "ConsentCosigned", "ConsentWithdrawn", "ConsentExpired", "ConsentSuspended"),
        *("ConsentReconfirmed", "ConsentDisputed", "ConsentDisputeSettled"),
        *("ConsentPaused", "ConsentResumed"),
        *("Decided", "WhoIsWhoConfirmed"),
        *("PersonEnrolled", "PersonProven", "PersonCorrected", "PersonCaptured"),
        *("PersonDeceased", "PersonDeathRetracted"),
        *("KeyEnrolled", "KeyRetired", "LinkIssued", "ApiKeyIssued", "ApiKeyRotated", "ApiKeyRevoked"),
        *("KinRecorded", "KinEnded", "LicenceRegistered", "LicenceEnded", "ContractKeptUnproven"),
        *("RefusalListed", "RefusalEnded", "ProtectionAsked", "ProtectionEnded"),
        *("PetitionAsked", "PetitionAnswered", "LegalHoldPlaced", "LegalHoldEnded"),
        *("PersonErased", "PortraitsPurged", "DonorPhotoDeleted", "EvidenceMade", "ProcessingExported"),
    }
)
"""Lives until the period for claims is over."""


def part(kind: str, subject: Subject, payload: Mapping[str, Json]) -> Part:
    """What a fact of this kind says of `subject`, under the seal that is decided for it.

    Raises `KeyError` for a kind about a person that is in neither table: nobody has decided about it yet.
    """
    if subject.kind == "person" and kind not in OPERATIONAL and kind not in EVIDENCE:
        raise KeyError(kind)
    return Part(subject, Seal.OPS if subject.kind == "person" and kind in OPERATIONAL else Seal.EVID, payload)


def of_her(kind: str, person: str, payload: Mapping[str, Json]) -> Part:
    """The same of a person, by her id."""
    return part(kind, Subject("person", person), payload)
