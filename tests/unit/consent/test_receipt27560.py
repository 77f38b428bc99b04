"""Her receipt in the structure of ISO/IEC TS 27560: every mandatory field, and enough to do without us."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from audit import instant
from audit.canonical import canonical
from audit.keys import VerifyingKey
from consent import chain
from consent.assessment import stored
from consent.context27560 import CONFORMS_TO, CONFORMS_TO_EU, CONTEXT
from consent.receipt27560 import EU, EU_PII, MANDATORY, Kept, missing, receipt
from consent.signature import Evidence, check_evidence, to_countersign, to_sign
from consent.withdrawal import By, How
from consent.words import Purpose
from consenting import NOON, Effects, House, notice
from service.database import Database

# The fields as ISO/IEC TS 27560:2023 has them (6.3.3 to 6.3.7), written down here once more on purpose.
HEADER = {"schema_version", "record_id", "receipt_id", "pii_principal_id"}
PROCESSING = {
    *("privacy_notice", "language", "purposes", "pii_information", "pii_controllers", "storage_locations"),
    *("retention_period", "jurisdiction", "recipient_third_parties", "withdrawal_method"),
}
PARTY = {"party_id", "party_address", "party_name", "party_contact", "party_type"}
EVENT = {"event_time", "validity_duration", "entity_id", "event_type", "event_state"}
EUROPEAN = {
    "collection_method",
    "processing_locations",
    "geographic_restrictions",
    "privacy_rights",
    "authority_party",
}


KEYWORDS = {"@context", "@id", "@type", "@container", "@json", "@list"}
# Terms of DPV 2.x and its extensions that a receipt may use, as their vocabularies spell them.
DPV = {
    *("ConsentReceipt", "Process", "ExplicitlyExpressedConsent", "DataController", "DataProtectionAuthority"),
    *("DataSubjectDataSource", "ServiceProvision", "IdentityVerification", "RecordManagement", "Advertising"),
    *("ProvideConsent", "ReaffirmConsent", "WithdrawConsent", "ManageConsent"),
    *("ConsentGiven", "RenewedConsentGiven", "ConsentRequested", "ConsentRequestDeferred", "ConsentRefused"),
    *("ConsentExpired", "ConsentWithdrawn", "ConsentRevoked", "ConsentInvalidated", "ConsentUnknown"),
    *("hasIdentifier", "hasDataSubject", "hasJurisdiction", "hasRecipient", "isExercisedAt", "hasLocation"),
    *("hasName", "hasAddress", "hasContact", "isImplementedByEntity", "hasProcess", "hasPersonalData"),
    *("hasDataController", "hasAuthority", "hasNotice", "hasPurpose", "hasLegalBasis", "hasDataSource"),
    *("hasRight", "hasConsentControl", "hasConsentStatus"),
}
KNOWN = {
    "dpv": DPV,
    "pd": {"FacialPrint", "Picture", "VoiceCommunicationRecording", "Name"},
    "eu-gdpr": {
        *("A6-1-a-explicit-consent", "A9-2-a", "A7-3", "A15", "A16", "A17", "A18", "A20", "A77"),
    },
}


def fields(value: Any) -> Iterator[str]:
    """Every key at every depth, but below one whose value is kept as JSON."""
    for item in value if isinstance(value, list) else ():
        yield from fields(item)
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        defined = CONTEXT.get(name)
        if name != "@context" and not (isinstance(defined, dict) and defined.get("@type") == "@json"):
            yield from fields(inner)


def words(value: Any) -> Iterator[str]:
    """Every key and text, at every depth."""
    for item in value if isinstance(value, list) else ():
        yield from words(item)
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from (name, *words(inner))
    if isinstance(value, str):
        yield value


def a_receipt(database: Database, house: House, *, withdraw: bool = False, **changes: Any) -> dict[str, Any]:
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON)
        granted = house.grant(session, somebody, NOON, **changes)
    if withdraw:
        with database.write() as session:
            house.registry.withdraw(
                session,
                Effects(),
                granted.authorization,
                by=By(How.OWN_SESSION, somebody.id),
                now=NOON + timedelta(days=5),
                purposes=[Purpose.USER_SWAP],
            )
    with database.read() as session:
        kept = stored(session, house.ledger, granted.authorization)
        assert kept is not None
        events = chain.events(session, house.tenant, [granted.authorization])[granted.authorization]
    key = house.registry.trusted[kept.kid].text
    made: dict[str, Any] = receipt(
        Kept(kept, notice().text, events, key, {events[0].entry: "a proof"}), receipt_id="9" * 32, now=NOON
    )
    # It shows up nowhere, whatever way it is spelled.
    for spelling in (granted.recovery_code, granted.recovery_code.replace("-", "")):
        assert spelling not in canonical(made).decode()
    return made


def test_every_mandatory_field_is_there(database: Database, house: House) -> None:
    # Given / When
    made = a_receipt(database, house)

    # Then
    assert missing(made) == ()
    assert HEADER | PROCESSING | {"events"} <= made.keys()
    assert made["pii_controllers"][0].keys() >= PARTY
    assert all(event.keys() >= EVENT for event in made["events"])
    assert not EUROPEAN & made.keys()


@pytest.mark.parametrize("place", ["DE", "FR", "IE"])
def test_a_member_state_of_the_eu_adds_what_its_profile_demands(
    database: Database, house: House, place: str
) -> None:
    # Given / When
    made = a_receipt(database, house, jurisdiction=place)

    # Then
    assert missing(made) == ()
    assert made.keys() >= EUROPEAN
    assert all({"pii_optional", "special_pii_category"} <= one.keys() for one in made["pii_information"])
    assert all(one["lawful_basis"] for one in made["purposes"])
    assert made["dct:conformsTo"] == [CONFORMS_TO, CONFORMS_TO_EU]


@pytest.mark.parametrize("place", ["CN", "DE", "US"])
def test_no_field_is_lost_on_who_reads_it_as_json_ld(database: Database, house: House, place: str) -> None:
    """A processor drops what its context does not define, and takes a term for a word unless told."""
    # Given / When
    made = a_receipt(database, house, withdraw=True, jurisdiction=place)

    # Then each key means something,
    prefixes = {name for name, means in CONTEXT.items() if str(means)[-1] in "#:/"}
    unknown = {
        name
        for name in fields(made)
        if name not in KEYWORDS | CONTEXT.keys() and name.partition(":")[0] not in prefixes
    }
    assert unknown == set()
    # each definition is of a prefix that is there,
    for means in CONTEXT.values():
        term = means["@id"] if isinstance(means, dict) else means
        assert str(term) in KEYWORDS or str(term).partition(":")[0] in {
            *prefixes,
            "https",
            "http",
            "urn",
        }
    # each value that is a term is one to a processor,
    for name, inner in ((name, inner) for node in nodes(made) for name, inner in node.items()):
        terms = [one for one in (inner if isinstance(inner, list) else [inner]) if is_term(one, prefixes)]
        if terms and name not in KEYWORDS and CONTEXT.get(name) != "@type":
            assert CONTEXT[name]["@type"] == "@id", (name, terms)  # type: ignore[index]
    # and no term is made up.
    for word in words({**made, "@context": dict(CONTEXT)}):
        prefix, _, term = word.partition(":")
        assert prefix not in KNOWN or not term or term in KNOWN[prefix], word


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else ():
        yield from nodes(item)
    if isinstance(value, dict):
        yield value
        for name, inner in value.items():
            if name not in {"@context", "retention_period", "consentry:proof", "consentry:withdraw"}:
                yield from nodes(inner)


def is_term(value: Any, prefixes: set[str]) -> bool:
    return isinstance(value, str) and value.partition(":")[0] in prefixes - {"consentry"} | {"cn-pipl"}


def test_it_claims_no_profile_that_wants_other_keys(database: Database, house: House) -> None:
    assert a_receipt(database, house)["dct:conformsTo"] == [CONFORMS_TO]
    assert not CONFORMS_TO.startswith("dpv-27560:")


def test_what_is_missing_is_named(database: Database, house: House) -> None:
    # Given
    made = a_receipt(database, house, jurisdiction="DE")

    # When / Then
    for name in (*MANDATORY, *EU):
        if name != "jurisdiction":
            assert name in missing({key: value for key, value in made.items() if key != name})
    for name in EU_PII:
        bare = [{k: v for k, v in one.items() if k != name} for one in made["pii_information"]]
        assert missing({**made, "pii_information": bare}) == (f"pii_information.{name}",)
    eventless = [{k: v for k, v in one.items() if k != "event_state"} for one in made["events"]]
    assert missing({**made, "events": eventless}) == ("events.event_state",)


def test_the_receipt_verifies_without_us(database: Database, house: House) -> None:
    # Given
    proof = a_receipt(database, house)["consentry:proof"]

    # When / Then her signature and ours, by nothing but what she holds
    document, evidence = b64decode(proof["document"]), b64decode(proof["evidence"])
    check_evidence(Evidence.parse(evidence), to_sign(document))
    key = VerifyingKey.parse(proof["countersign_key"])
    at = instant.parse(proof["received_at"])
    key.check(
        to_countersign(proof["document_sha256"], evidence, at), bytes.fromhex(proof["countersignature"])
    )
    assert proof["notice_text"] == notice().text
    assert proof["log"][0]["tlog_proof"] == "a proof"


def test_events_say_in_words_of_dpv_what_became_of_each_purpose(database: Database, house: House) -> None:
    # Given / When
    events = a_receipt(database, house, withdraw=True)["events"]

    # Then
    of_swap = [e for e in events if e["consentry:purpose"] == "USER_SWAP"]
    of_matching = [e for e in events if e["consentry:purpose"] == "MATCHING"]
    assert [e["event_type"] for e in of_swap] == ["dpv:ProvideConsent", "dpv:WithdrawConsent"]
    assert [e["event_state"] for e in of_swap] == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
    assert [e["validity_duration"] for e in of_swap] == [f"PT{365 * 86_400}S", "PT0S"]
    assert [e["event_state"] for e in of_matching] == ["dpv:ConsentGiven"]
