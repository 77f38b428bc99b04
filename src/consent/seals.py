"""Under which of her keys a fact about a person is sealed: what it shows decides, and once written it stays.

What shows that she was asked, agreed, ended it, was decided about, acted for, or used a right, is `EVID`:
whoever has to prove it can, until the period for claims is over (GDPR arts. 7(1), 17(3)(b) and (e); PIPL
arts. 47, 55, 56). So is that something of hers was deleted, which outlives what it tells of. Everything else
said of her is detail that nobody needs once she is gone, is `OPS`, and goes with her erasure.

One table for every room, so that what an erasure leaves is read in one place; `docs/durability.md` has it for
people. Facts about nobody, and about outputs, are no part of it: keys of theirs are never destroyed.

The same is decided for rows: what lies in one byte for byte as it came from her, or about her, is `EVID` too.
"""

from collections.abc import Mapping
from enum import StrEnum

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

ENDINGS = frozenset(
    {
        *("ConsentWithdrawn", "ConsentExpired", "ConsentSuspended"),
        *("KeyRetired", "ProtectionEnded", "LegalHoldEnded", "PersonErased"),
    }
)
"""What has to end for somebody whose keys went and whom a restored database has back as she was."""


class Cell(StrEnum):
    """Columns of rows that hold what is hers: sealed for her, and each for its row (`audit.cells`).

    The words are in what binds each cell: they never change. Ids of hers beside them are random.
    """

    DOCUMENT = "signed_authorization.document"
    EVIDENCE = "signed_authorization.evidence"
    SECOND = "cosignature.evidence"
    EVENT = "consent_event.evidence"
    ASKED = "consent_request.document"
    LINKED = "link.document"
    WISH = "protection.document"
    WISHED = "protection.evidence"
    LICENCE = "rights_licence.document"
    """Where it is of a person's portrait. One of a work is nobody's, and lies open."""
    LICENSED = "rights_licence.evidence"
    ATTESTED = "attestation.signed"
    MADE = "passkey.client_data"
    MADE_BY = "passkey.attestation"


def part(kind: str, subject: Subject, payload: Mapping[str, Json]) -> Part:
    """What a fact of this kind says of `subject`, under the seal that is decided for it.

    Raises `KeyError` for a kind about a person that is in neither table: nobody has decided about it yet.
    """
    if subject.kind == "person" and kind not in OPERATIONAL and kind not in EVIDENCE:
        raise KeyError(kind)
    seal = Seal.OPS if subject.kind == "person" and kind in OPERATIONAL else Seal.EVID
    return Part(subject, seal, payload, ending=kind in ENDINGS)


def of_her(kind: str, person: str, payload: Mapping[str, Json]) -> Part:
    """The same of a person, by her id."""
    return part(kind, Subject("person", person), payload)
