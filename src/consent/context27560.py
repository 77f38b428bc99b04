"""What the fields of a consent record are in JSON-LD: properties of W3C DPV 2.3 and Dublin Core, or ours.

The fields are named as ISO/IEC TS 27560 names them, in a document that was signed so. Here each is mapped as
W3C's guide maps it (`w3id.org/dpv/guides/consent-27560`, "Mappings of Terms"), so that whoever expands a
record has the guide's properties. Where DPV wants a structure for what is a plain value here, the property
is ours, and nothing is lost.
"""

from collections.abc import Mapping

from audit.canonical import Json

CONFORMS_TO, CONFORMS_TO_EU = "consentry:ts-27560-receipt-1", "consentry:ts-27560-receipt-1-eu"
"""The fields of ISO/IEC TS 27560, and those that DPV's profile for the EU makes mandatory. Not that profile
itself (`dpv-27560:record-2`): it wants DPV's own keys, and the signed record has the standard's.
"""

_PREFIXES: Mapping[str, Json] = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dpv-27560": "https://w3id.org/dpv/schema/dpv-27560#",
    "dct": "http://purl.org/dc/terms/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "consentry": "urn:consentry:",
    "cn-pipl": "urn:consentry:cn-pipl:",
}
_VALUES: Mapping[str, Json] = {
    "schema_version": "dct:hasVersion",
    "record_id": "dpv:hasIdentifier",
    "receipt_id": "dct:identifier",
    "pii_principal_id": "dpv:hasDataSubject",
    "language": "dct:language",
    "storage_locations": "consentry:storage_locations",
    "jurisdiction": "dpv:hasJurisdiction",
    "recipient_third_parties": "dpv:hasRecipient",
    "withdrawal_method": "dpv:isExercisedAt",
    "processing_locations": "dpv:hasLocation",
    "geographic_restrictions": "consentry:geographic_restrictions",
    "sensitive_pii_category": "consentry:sensitive_pii_category",
    "special_pii_category": "consentry:special_pii_category",
    "pii_optional": "consentry:pii_optional",
    "party_id": "dpv:hasIdentifier",
    "party_name": "dpv:hasName",
    "party_address": "dpv:hasAddress",
    "party_contact": "dpv:hasContact",
    "validity_duration": "dct:valid",
    "entity_id": "dpv:isImplementedByEntity",
}
_NODES: Mapping[str, Json] = {
    "purposes": "dpv:hasProcess",
    "pii_information": "dpv:hasPersonalData",
    "pii_controllers": "dpv:hasDataController",
    "authority_party": "dpv:hasAuthority",
    "events": {"@id": "dct:hasPart", "@container": "@list"},
    "party_type": "@type",
}
_TERMS: Mapping[str, str] = {
    "privacy_notice": "dpv:hasNotice",
    "purpose": "dpv:hasPurpose",
    "lawful_basis": "dpv:hasLegalBasis",
    "pii_type": "skos:broader",
    "collection_method": "dpv:hasDataSource",
    "privacy_rights": "dpv:hasRight",
    "consent_type": "consentry:consent_type",
    "event_type": "dpv:hasConsentControl",
    "event_state": "dpv:hasConsentStatus",
    "see": "rdfs:seeAlso",
    "dct:conformsTo": "dct:conformsTo",
    "skos:broader": "skos:broader",
}
"""Whose values are terms or addresses themselves, and not words."""
_WHOLE: Mapping[str, str] = {
    "retention_period": "consentry:retention_period",
    "consentry:proof": "consentry:proof",
    "consentry:withdraw": "consentry:withdraw",
}
"""Kept as the JSON that they are: bytes, hashes, and days by kinds of ours."""

CONTEXT: Mapping[str, Json] = {
    **_PREFIXES,
    **_VALUES,
    **_NODES,
    **{name: {"@id": term, "@type": "@id"} for name, term in _TERMS.items()},
    **{name: {"@id": term, "@type": "@json"} for name, term in _WHOLE.items()},
    **{
        name: {"@id": term, "@type": "xsd:dateTime"}
        for name, term in {"issued_at": "dct:issued", "event_time": "dct:date"}.items()
    },
}
