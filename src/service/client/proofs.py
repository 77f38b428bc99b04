"""Calls about how it is known who somebody is."""

from datetime import datetime

from service.client.call import Call, get, post
from service.shapes import authorizations, people
from service.shapes import proofs as shapes


def adopt(service: str, key: str) -> Call[shapes.ProofService]:
    """Adopt a proofing service's key."""
    asked = shapes.AdoptService(service=service, key=key)
    return post("/v1/proof-services", shapes.ProofService, asked)


def services() -> Call[list[shapes.ProofService]]:
    """All that were ever adopted."""
    return get("/v1/proof-services", list[shapes.ProofService])


def retire(key: str) -> Call[shapes.ProofService]:
    """Take nothing more from it."""
    return post(f"/v1/proof-services/{key}/retirements", shapes.ProofService)


def compromise(key: str, since: datetime) -> Call[shapes.ProofService]:
    """Believe nothing of it from then on."""
    asked = shapes.Compromise(since=since)
    return post(f"/v1/proof-services/{key}/compromises", shapes.ProofService, asked)


def enrol(attestation: bytes) -> Call[people.Person]:
    """Enrol a newcomer by an attestation."""
    return post("/v1/attestations", people.Person, shapes.Attest.of(attestation))


def prove(person: str, attestation: bytes) -> Call[people.Person]:
    """Prove her anew."""
    return post(f"/v1/people/{person}/attestations", people.Person, shapes.Attest.of(attestation))


def record_kin(person: str, asked: shapes.RecordKin) -> Call[shapes.Kin]:
    """Record who may act for her."""
    return post(f"/v1/people/{person}/kin", shapes.Kin, asked)


def kin(person: str) -> Call[list[shapes.Kin]]:
    """Who may act for her."""
    return get(f"/v1/people/{person}/kin", list[shapes.Kin])


def end_kin(person: str, kin: str) -> Call[shapes.Kin]:
    """End it."""
    return post(f"/v1/people/{person}/kin/{kin}/ends", shapes.Kin)


def died(person: str, evidence: str) -> Call[people.Person]:
    """She has died: an operator's word."""
    return post(f"/v1/people/{person}/deaths", people.Person, shapes.Paper(evidence=evidence))


def lives(person: str, evidence: str) -> Call[people.Person]:
    """That she had was an error."""
    return post(f"/v1/people/{person}/deaths/retractions", people.Person, shapes.Paper(evidence=evidence))


def cosign(authorization: str, evidence: bytes) -> Call[authorizations.Changed]:
    """Her signature beside her guardian's."""
    asked = shapes.Cosign.of(evidence)
    return post(f"/v1/authorizations/{authorization}/cosignatures", authorizations.Changed, asked)


def challenge(authorization: str) -> Call[shapes.Challenge]:
    """Ask her to turn her head."""
    return post(f"/v1/authorizations/{authorization}/captures", shapes.Challenge)


def capture(person: str, capture: str, clip: bytes) -> Call[shapes.Captured]:
    """The clip of her who did."""
    return post(f"/v1/people/{person}/captures/{capture}", shapes.Captured, shapes.Clip.of(clip))
