"""The consent record proper: the mandatory fields of ISO/IEC TS 27560:2023, in words of W3C DPV 2.3.

Nearly all of it follows from the scope and the notice, so it is derived, never typed: a record that
says something else than the scope she signed can't be written, nor read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.canonical import Json
from consent.strict import Fields
from consent.words import Modality, Purpose

if TYPE_CHECKING:
    from consent.scope import Scope

CONFORMS_TO = "dpv-27560:record-2"
SCHEMA_VERSION = "1"

PURPOSE_TERMS: Mapping[Purpose, str] = {
    Purpose.MATCHING: "dpv:IdentityVerification",
    Purpose.REMOTE_STORE_TRANSMIT: "dpv:RecordManagement",
    Purpose.MAKE_TEMPLATE: "consentry:MakeTemplate",
    Purpose.PUBLISH_TEMPLATE: "consentry:PublishTemplate",
    Purpose.USER_SWAP: "consentry:FaceSwap",
    Purpose.PREVIEW: "consentry:PreviewSwap",
    Purpose.ADVERTISING: "dpv:Advertising",
    Purpose.TRAINING: "consentry:TrainModel",
}
"""DPV has no word for a swap: ours are narrower than `dpv:ServiceProvision` (`skos:broader`)."""

PII_TERMS: Mapping[Modality, str] = {
    Modality.FACE: "pd:FacialPrint",
    Modality.BODY: "pd:Picture",
    Modality.VOICE: "pd:VoiceCommunicationRecording",
    Modality.NAME: "pd:Name",
}

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the processing (个人信息处理者): a legal entity, as the notice names it."""

    id: str
    """Unified social credit code, LEI, or what identifies it where it is registered."""
    name: str
    address: str
    contact: str

    @classmethod
    def from_json(cls, value: object) -> "Controller":
        """Read one party. Raises `DocumentMalformed`."""
        f = Fields(value, "record.pii_controllers")
        texts = [
            f.text(name, at_most=500) for name in ("party_id", "party_name", "party_address", "party_contact")
        ]
        f.take("party_type")
        f.end()
        return cls(*texts)

    def json(self) -> dict[str, Json]:
        """As TS 27560 6.3.6 writes a party."""
        return {
            "party_id": self.id,
            "party_name": self.name,
            "party_address": self.address,
            "party_contact": self.contact,
            "party_type": "dpv:DataController",
        }


def record_json(
    *,
    record_id: str,
    person: str,
    notice: str,
    language: str,
    controller: Controller,
    withdrawal: str,
    scope: "Scope",
) -> dict[str, Json]:
    """The record of the authorization `record_id` by `person` under the notice with digest `notice`."""
    bases: list[Json] = list(_lawful_bases(scope.jurisdiction))
    return {
        "dct:conformsTo": CONFORMS_TO,
        "schema_version": SCHEMA_VERSION,
        "record_id": record_id,
        "pii_principal_id": person,
        "privacy_notice": f"sha256:{notice}",
        "language": language,
        "purposes": [
            {"purpose": PURPOSE_TERMS[purpose], "lawful_basis": bases} for purpose in sorted(scope.purposes)
        ],
        "pii_information": [
            {"pii_type": PII_TERMS[modality], "sensitive_pii_category": modality is not Modality.NAME}
            for modality in sorted(scope.modalities)
        ],
        "pii_controllers": [controller.json()],
        "storage_locations": sorted(scope.storage_regions),
        "retention_period": {str(kind): f"P{days}D" for kind, days in scope.retention.items()},
        "recipient_third_parties": sorted(scope.recipients | scope.platforms | scope.sublicense),
        "withdrawal_method": withdrawal,
        "jurisdiction": scope.jurisdiction,
    }


def in_eu(jurisdiction: str) -> bool:
    """Whether a scope's jurisdiction is of a member state of the EU."""
    return jurisdiction[:2] in _EU.split()


def _lawful_bases(jurisdiction: str) -> tuple[str, ...]:
    place = jurisdiction[:2]
    if place == "CN":
        return ("cn-pipl:A29-SeparateConsent",)
    if in_eu(jurisdiction):
        return ("eu-gdpr:A6-1-a-explicit-consent", "eu-gdpr:A9-2-a")
    return ("dpv:ExplicitlyExpressedConsent",)
