"""Calls about licences, statements of uses, and receipts."""

from datetime import datetime

from audit import instant
from consent.rights import Ending
from service.client.call import Call, get, post, raw
from service.shapes import rights as shapes


def register_party(asked: shapes.RegisterParty) -> Call[shapes.Party]:
    """Register a legal entity with its public key."""
    return post("/v1/rights/parties", shapes.Party, asked)


def party(party: str) -> Call[shapes.Party]:
    """A legal entity, and its public key."""
    return get(f"/v1/rights/parties/{party}", shapes.Party)


def draft(asked: shapes.DrawUpLicence) -> Call[shapes.LicenceDraft]:
    """The licence to show and to sign, on the signatory's side."""
    return post("/v1/rights/licences/drafts", shapes.LicenceDraft, asked)


def register(document: bytes, evidence: bytes | None = None) -> Call[shapes.Licence]:
    """Register a licence; without evidence one on paper, which the operator vouches for."""
    return post("/v1/rights/licences", shapes.Licence, shapes.RegisterLicence.of(document, evidence))


def show(licence: str) -> Call[shapes.Licence]:
    """A licence, and how it stands now."""
    return get(f"/v1/rights/licences/{licence}", shapes.Licence)


def end(licence: str, reason: Ending) -> Call[shapes.Licence]:
    """End a licence, after its notice period where one is due."""
    return post(f"/v1/rights/licences/{licence}/endings", shapes.Licence, shapes.EndLicence(reason=reason))


def of_person(person: str) -> Call[list[shapes.Licence]]:
    """Every licence of her portrait."""
    return get(f"/v1/people/{person}/licences", list[shapes.Licence])


def statement(person: str, *, since: datetime, until: datetime) -> Call[shapes.Statement]:
    """What was made with her consent in `[since, until)`, and what is owed."""
    return get(
        f"/v1/people/{person}/statement",
        shapes.Statement,
        since=instant.exact(since),
        until=instant.exact(until),
    )


def receipt(authorization: str) -> Call[bytes]:
    """Her receipt, JSON-LD of ISO/IEC TS 27560."""
    return raw(f"/v1/authorizations/{authorization}/receipt")
