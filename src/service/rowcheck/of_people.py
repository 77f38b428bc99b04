"""Rows of who people are, how they sign and who acts for them."""

from hashlib import sha256
from typing import Any

from audit import instant
from audit.fact import Subject
from consent.proofing import read_signed
from service.rowcheck.rule import Covered, Row, ended, hashed, led, may_say, of_person, says, written

_PERSON = {"PersonEnrolled", "PersonProven", "PersonCaptured", "PersonCorrected", "PersonDeceased",
           "PersonDeathRetracted"}  # fmt: skip
_ONE_TIME = "of a step under way: one value more or less ends the link, and a new one is asked for"


def _enrolled_at(row: Row, value: Any) -> bool:
    return bool(value == row.first("PersonEnrolled", Subject("person", row["id"])).at)


def _enrolment(row: Row) -> Any:
    return row.first("KeyEnrolled", Subject("person", row["person_id"]))


def _retired(row: Row, value: Any) -> bool:
    return bool(value == (row.entry.at if row.entry.kind == "KeyRetired" else None))


def _registered(row: Row, _value: bytes) -> bool:
    """Both halves of a registration are under one digest: either of them is to blame."""
    key = row.said.one("person_key", key=row["key"])
    told = row.said.sure(key.values["entry"], Subject("person", key.values["person_id"]))
    while told.kind != "KeyEnrolled":
        told = row.said.sure(told.refs[0], Subject("person", key.values["person_id"]))
    made = sha256(row["client_data"] + row["attestation"]).hexdigest()
    return made == told.payload["registration"]


def _credential(row: Row, value: str) -> bool:
    # Its id stands in the attestation, in bytes, behind the digest of what is registered.
    return bytes.fromhex(value) in row["attestation"] and value == value.lower()


def _part_of_attestation(name: str) -> Any:
    def rule(row: Row, value: Any) -> bool:
        shown = read_signed(row["signed"])
        known = {"key": shown.key, "nonce": shown.attestation.nonce, "handle": shown.attestation.handle}
        return bool(known[name] == value)

    return rule


def _signed(_row: Row, value: bytes) -> bool:
    return bool(read_signed(value))


def _about(row: Row, value: str) -> bool:
    said = read_signed(row["signed"]).attestation
    return said.person in {None, value} and bool(row.said.where("person", id=value))


def _proven_at(row: Row, value: Any) -> bool:
    """When she was enrolled or proven by it, if nothing has been proven since."""
    her = row.said.one("person", id=row["person_id"])
    told = row.said.sure(her.values["entry"], Subject("person", row["person_id"]))
    digest = sha256(row["signed"]).hexdigest()
    while told.payload.get("attestation") != digest:
        told = row.said.sure(told.refs[0], Subject("person", row["person_id"]))
    return bool(value == told.at)


def _adopted(row: Row) -> Any:
    return row.first("ProofServiceAdopted", row.said.tenant)


def _last(row: Row, kind: str, key: str) -> Any:
    """What the last entry of a kind says, of those this one goes back to."""
    told = row.entry
    while told.kind != kind:
        if not told.refs:
            return None
        told = row.said.sure(told.refs[0], row.said.tenant)
    return instant.parse(str(told.payload[key]))


PEOPLE = (
    Covered(
        "person",
        {
            "id": says("person"),
            "proof": says("proof"),
            "age": says("age"),
            "enrolled_at": _enrolled_at,
            "enrolled_by": says("by"),
            "enrolled_how": says("how"),
            "entry": led,
            "attested_by": may_say("attested_by"),
            "attested_at": may_say("attested_at"),
            "fourteen_from": may_say("fourteen_from"),
            "adult_from": may_say("adult_from"),
            "deceased_at": may_say("deceased_at"),
        },
        kinds=frozenset(_PERSON),
        person="id",
    ),
    Covered(
        "person_key",
        {
            "key": says("key"),
            "person_id": says("person"),
            "method": lambda row, value: value == _enrolment(row).payload["method"],
            "valid_from": lambda row, value: value == _enrolment(row).at,
            "valid_until": _retired,
            "entry": led,
        },
        kinds=frozenset({"KeyEnrolled", "KeyRetired"}),
        person="person_id",
    ),
    Covered(
        "passkey",
        {
            "key": lambda row, value: bool(row.said.where("person_key", key=value)),
            "credential": _credential,
            "client_data": _registered,
            "attestation": _registered,
        },
        plain={"count": "the authenticator's counter: it moves with each use, and only warns of a copy"},
        alone=True,
    ),
    Covered(
        "link",
        {
            "act": says("act"),
            "person_id": says("person"),
            "document": hashed("document"),
            "issued_by": says("by"),
            "expires_at": says("until"),
            "entry": led,
        },
        kinds=frozenset({"LinkIssued"}),
        person="person_id",
        plain={
            "id": "the hash of a token that only she has: changed, it opens nothing",
            "head": _ONE_TIME,
            "used_at": _ONE_TIME,
            "challenge": _ONE_TIME,
            "challenge_until": _ONE_TIME,
        },
    ),
    Covered(
        "proof_service",
        {
            "key": says("key"),
            "service": lambda row, value: value == _adopted(row).payload["service"],
            "adopted_at": lambda row, value: value == _adopted(row).at,
            "retired_at": lambda row, value: value == _last(row, "ProofServiceRetired", "at"),
            "compromised_from": lambda row, value: value == _last(row, "ProofServiceCompromised", "since"),
            "entry": led,
        },
        kinds=frozenset({"ProofServiceAdopted", "ProofServiceRetired", "ProofServiceCompromised"}),
    ),
    Covered(
        "attestation",
        {
            "nonce": _part_of_attestation("nonce"),
            "handle": _part_of_attestation("handle"),
            "key": _part_of_attestation("key"),
            "person_id": _about,
            "signed": _signed,
            "received_at": _proven_at,
        },
        alone=True,
    ),
    Covered(
        "kin",
        {
            "id": says("kin"),
            "person_id": says("person"),
            "representative": says("representative"),
            "office": says("office"),
            "relation": says("relation"),
            "evidence": says("evidence"),
            "since": written,
            "until": ended("KinEnded", whose=of_person()),
            "entry": led,
        },
        kinds=frozenset({"KinRecorded"}),
        person="person_id",
    ),
)
