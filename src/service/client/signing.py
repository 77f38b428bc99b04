"""Calls about links, proofs anew, and what a person does on the signing page."""

from service.client.call import Call, post
from service.shapes import authorizations, people
from service.shapes import signing as shapes


def ask_key(person: str, hours: int = 24) -> Call[shapes.LinkIssued]:
    """A link by which she makes a passkey. Hand it to her alone."""
    return post(f"/v1/people/{person}/links", shapes.LinkIssued, shapes.AskKey(hours=hours))


def prove(person: str, asked: shapes.Prove) -> Call[people.Person]:
    """Record anew how it is known who she is."""
    return post(f"/v1/people/{person}/proofs", people.Person, asked)


def ask_signature(document: bytes, hours: int = 72) -> Call[shapes.LinkIssued]:
    """A link by which she reads a document and signs it."""
    return post("/v1/authorizations/links", shapes.LinkIssued, shapes.AskSignature.of(document, hours))


def ask_confirmation(authorization: str, hours: int = 72) -> Call[shapes.LinkIssued]:
    """A link by which she confirms a suspended authorization again."""
    asked = shapes.AskConfirmation(hours=hours)
    return post(f"/v1/authorizations/{authorization}/links", shapes.LinkIssued, asked)


def look(token: str) -> Call[shapes.Opened]:
    """What a link is for. Needs no key; nor do the others below."""
    return post("/v1/links", shapes.Opened, shapes.Token(token=token))


def key_options(token: str) -> Call[shapes.KeyOptions]:
    """What to ask the browser, to make a passkey."""
    return post("/v1/passkeys/options", shapes.KeyOptions, shapes.Token(token=token))


def enrol(asked: shapes.Registration) -> Call[people.PersonKey]:
    """Enrol the passkey that was made."""
    return post("/v1/passkeys", people.PersonKey, asked)


def sign(asked: shapes.Signature) -> Call[shapes.Signed]:
    """Register the document of the link, signed."""
    return post("/v1/signatures", shapes.Signed, asked)


def confirm(asked: shapes.Signature) -> Call[authorizations.Changed]:
    """Confirm the suspended authorization of the link again, signed."""
    return post("/v1/confirmations", authorizations.Changed, asked)
