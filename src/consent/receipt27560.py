"""Her receipt as a consent record of ISO/IEC TS 27560:2023, in JSON-LD with words of W3C DPV 2.3.

It works without us: the document and the evidence byte for byte, the countersignature and the key it
verifies with, the text she was shown, what happened since, proofs from the log, and how to withdraw.
The recovery code is not in it: only its hash is stored, and it was shown once.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from audit import instant
from audit.canonical import Json
from consent.assessment import Stored
from consent.authorization import Authorization, parse
from consent.chain import GRANTED, RECONFIRMED, WITHDRAWN, Past
from consent.context27560 import CONFORMS_TO, CONFORMS_TO_EU, CONTEXT
from consent.record import in_eu
from consent.strict import decode
from consent.words import Modality, Purpose, Status

MANDATORY = (
    *("schema_version", "record_id", "receipt_id", "pii_principal_id", "privacy_notice", "language"),
    *("purposes", "pii_information", "pii_controllers", "storage_locations", "retention_period"),
    *("jurisdiction", "recipient_third_parties", "withdrawal_method", "events"),
)
MANDATORY_PURPOSE = ("purpose",)
MANDATORY_PII = ("pii_type",)
MANDATORY_PARTY = ("party_id", "party_address", "party_name", "party_contact", "party_type")
MANDATORY_EVENT = ("event_time", "validity_duration", "entity_id", "event_type", "event_state")
"""Clauses 6.3.3 to 6.3.7."""
EU = (
    "collection_method",
    "processing_locations",
    "geographic_restrictions",
    "privacy_rights",
    "authority_party",
)
EU_PURPOSE = ("lawful_basis",)
EU_PII = ("pii_optional", "special_pii_category")
"""What DPV's profile for the EU makes mandatory besides."""

_CONTROL = {
    GRANTED: "dpv:ProvideConsent",
    RECONFIRMED: "dpv:ReaffirmConsent",
    WITHDRAWN: "dpv:WithdrawConsent",
}
_RIGHTS = (
    "eu-gdpr:A7-3",
    "eu-gdpr:A15",
    "eu-gdpr:A16",
    "eu-gdpr:A17",
    "eu-gdpr:A18",
    "eu-gdpr:A20",
    "eu-gdpr:A77",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a receipt is made of, all of it read from the registry and the log."""

    stored: Stored
    notice: str
    """The text she was shown."""
    events: Sequence[Past]
    countersign_key: str
    """Public, in the form of a checkpoint's key."""
    proofs: Mapping[str, str] = field(default_factory=dict)
    """tlog-proof by leaf hash, of those events that are under a published checkpoint."""


def receipt(kept: Kept, *, receipt_id: str, now: datetime) -> dict[str, Json]:
    """The receipt. `receipt_id` is a fresh one: two receipts of one record are two."""
    document = parse(kept.stored.document)
    signed = cast("dict[str, Any]", decode(kept.stored.document))
    record: dict[str, Any] = dict(signed["record"])
    european = in_eu(document.scope.jurisdiction)
    if european:
        record.update(_eu(document))
        record["pii_information"] = [
            {**one, "pii_optional": False, "special_pii_category": _special(modality)}
            for one, modality in zip(
                record["pii_information"], sorted(document.scope.modalities), strict=True
            )
        ]
    return {
        "@context": dict(CONTEXT),
        "@type": "dpv:ConsentReceipt",
        **record,
        "purposes": [{"@type": "dpv:Process", **one} for one in record["purposes"]],
        "dct:conformsTo": [CONFORMS_TO, *([CONFORMS_TO_EU] if european else [])],
        "receipt_id": receipt_id,
        "issued_at": instant.exact(now),
        "consent_type": "dpv:ExplicitlyExpressedConsent",
        "consentry:terms": _terms(),
        "events": _events(document, kept.events),
        "consentry:proof": {
            "document": b64encode(kept.stored.document).decode(),
            "document_sha256": sha256(kept.stored.document).hexdigest(),
            "evidence": b64encode(kept.stored.evidence).decode(),
            "received_at": instant.exact(kept.stored.received_at),
            "countersigned_by": kept.stored.kid,
            "countersignature": kept.stored.countersignature.hex(),
            "countersign_key": kept.countersign_key,
            "notice_text": kept.notice,
            "log": [{"entry": past.entry, "tlog_proof": kept.proofs.get(past.entry)} for past in kept.events],
        },
        "consentry:withdraw": {
            "authorization": document.id,
            "method": document.withdrawal,
            "with": ["recovery code, shown once when consent was given", "own session", "own key"],
        },
    }


def missing(value: Mapping[str, Any]) -> tuple[str, ...]:
    """The mandatory fields that a receipt lacks, by path; empty: it has them all."""
    eu = in_eu(str(value.get("jurisdiction", "")))
    absent = [name for name in (*MANDATORY, *(EU if eu else ())) if name not in value]
    inner = {
        "purposes": (*MANDATORY_PURPOSE, *(EU_PURPOSE if eu else ())),
        "pii_information": (*MANDATORY_PII, *(EU_PII if eu else ())),
        "pii_controllers": MANDATORY_PARTY,
        "events": MANDATORY_EVENT,
    }
    for name, fields in inner.items():
        for item in value.get(name, ()):
            absent += [f"{name}.{each}" for each in fields if each not in item]
    return tuple(dict.fromkeys(absent))


def _eu(document: Authorization) -> dict[str, Json]:
    scope = document.scope
    where = scope.particulars.processing_regions or scope.storage_regions
    return {
        "collection_method": "dpv:DataSubjectDataSource",
        "processing_locations": sorted(where),
        "geographic_restrictions": sorted(scope.territories),
        "privacy_rights": list(_RIGHTS),
        # Which authority it is depends on where she lives, which we do not ask: the notice names where to go.
        "authority_party": {
            "party_type": "dpv:DataProtectionAuthority",
            "jurisdiction": scope.jurisdiction,
            "see": f"sha256:{document.notice.sha256}#complaint",
        },
    }


def _special(modality: Modality) -> bool:
    """GDPR art. 9: biometric data for identifying. Only the face is compared here."""
    return modality is Modality.FACE


def _events(document: Authorization, events: Sequence[Past]) -> list[Json]:
    """One a purpose and event: purposes of one consent come and go separately. Oldest first."""
    end, now_is = document.scope.term.end, dict[Purpose, Status]()
    written: list[Json] = []
    for past in events:
        for purpose in sorted(past.purposes):
            now_is[purpose] = status = past.status or now_is.get(purpose, Status.UNKNOWN)
            left = end - past.at if status.valid else timedelta()
            written.append(
                {
                    "event_time": instant.exact(past.at),
                    "validity_duration": f"PT{max(0, int(left.total_seconds()))}S",
                    "entity_id": document.person if past.by == "own-session" else f"consentry:{past.by}",
                    "event_type": _CONTROL.get(past.kind, "dpv:ManageConsent"),
                    "event_state": f"dpv:{status}",
                    "consentry:purpose": str(purpose),
                    "consentry:kind": past.kind,
                    "consentry:entry": past.entry,
                }
            )
    return written


def _terms() -> list[Json]:
    """What ours are narrower than, in words of DPV."""
    ours = ("MakeTemplate", "PublishTemplate", "FaceSwap", "PreviewSwap", "TrainModel")
    return [{"@id": f"consentry:{term}", "skos:broader": "dpv:ServiceProvision"} for term in ours]
