"""Rows of who people are, how they sign and who acts for them."""

from hashlib import sha256
from typing import Any

from audit import instant
from audit.fact import Subject
from consent.proofing import read_signed
from consent.signature import PASSKEY
from service.rowcheck.rule import (
    Broken,
    Covered,
    Owed,
    Row,
    Rule,
    back,
    ended,
    hashed,
    known,
    led,
    may_say,
    of_person,
    says,
    written,
)

_PERSON = {"PersonEnrolled", "PersonProven", "PersonCaptured", "PersonCorrected", "PersonDeceased",
           "PersonDeathRetracted"}  # fmt: skip
_ONE_TIME = "of a step under way: one value more or less ends the link, and a new one is asked for"


def _enrolled_at(row: Row, value: Any) -> bool:
    return bool(value == row.first(Subject("person", row["id"]), "PersonEnrolled").at)


def _enrolment(row: Row) -> Any:
    return row.first(of_person()(row), "KeyEnrolled")


def _passkey(row: Row) -> list[Owed]:
    return [Owed("passkey", {"key": row["key"]})] if row["method"] == PASSKEY else []


def _retired(row: Row, value: Any) -> bool:
    return bool(value == (row.entry.at if row.entry.kind == "KeyRetired" else None))


def _registered(row: Row, _value: bytes) -> bool:
    """Both halves of a registration are under one digest: either of them is to blame."""
    key = row.said.one("person_key", key=row["key"]).values
    her = Subject("person", key["person_id"])
    entries = row.said.back(row.said.sure(key["entry"], her), her)
    said = next(one.payload["registration"] for one in entries if one.kind == "KeyEnrolled")
    return bool(said == sha256(row["client_data"] + row["attestation"]).hexdigest())


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


def _bound(rule: Rule) -> Rule:
    """What was signed is sealed for this value too: where it does not open, either may have been changed."""

    def opens(row: Row, value: Any) -> bool:
        try:
            return rule(row, value)
        except Broken:
            return False

    return opens


def _about(row: Row, value: str) -> bool:
    said = read_signed(row["signed"]).attestation
    return said.person in {None, value} and bool(row.said.where("person", id=value))


def _proven_at(row: Row, value: Any) -> bool:
    """When she was enrolled or proven by it, if nothing has been proven since."""
    her, digest = of_person()(row), sha256(row["signed"]).hexdigest()
    last = row.said.sure(row.said.one("person", id=her.id).values["entry"], her)
    proven = (one.at for one in row.said.back(last, her) if one.payload.get("attestation") == digest)
    return bool(value == next(proven, None))


def _adopted(row: Row) -> Any:
    return row.first(row.said.tenant, "ProofServiceAdopted")


def _last(row: Row, kind: str, key: str) -> Any:
    """What the last entry of a kind says, of those this one goes back to."""
    for told in row.said.back(row.entry, row.said.tenant):
        if told.kind == kind:
            return instant.parse(str(told.payload[key]))
    return None


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
        makes=frozenset({"PersonEnrolled"}),
        made=back(),
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
        makes=frozenset({"KeyEnrolled"}),
        made=back(),
        owes=_passkey,
    ),
    Covered(
        "passkey",
        {
            "key": known("person_key", "key"),
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
            # Links of before this was said too have nothing but the seal to hold it against.
            "about": lambda row, value: value == row.payload.get("about", value),
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
        makes=frozenset({"ProofServiceAdopted"}),
        made=back(),
    ),
    Covered(
        "attestation",
        {
            "nonce": _bound(_part_of_attestation("nonce")),
            "handle": _part_of_attestation("handle"),
            "key": _part_of_attestation("key"),
            "person_id": _bound(_about),
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
        makes=frozenset({"KinRecorded"}),
    ),
)
