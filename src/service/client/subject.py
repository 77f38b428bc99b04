"""Calls about a person's rights: refusals, protection, petitions, corrections, erasure."""

from datetime import datetime

from service.client.call import Call, delete, get, post
from service.shapes import people
from service.shapes import subject as shapes


def refusals() -> Call[list[shapes.Refusal]]:
    """What is on the refusal list."""
    return get("/v1/refusals", list[shapes.Refusal])


def refuse(asked: shapes.Refuse) -> Call[shapes.Refusal]:
    """Put a source or a work on it."""
    return post("/v1/refusals", shapes.Refusal, asked)


def take_off(refusal: str) -> Call[shapes.Refusal]:
    """Take a source or a work off it."""
    return delete(f"/v1/refusals/{refusal}", shapes.Refusal)


def opt_out(person: str) -> Call[shapes.Refusal]:
    """She is not to be used."""
    return post(f"/v1/people/{person}/refusals", shapes.Refusal)


def opt_in(person: str) -> Call[list[shapes.Refusal]]:
    """She takes that back."""
    return delete(f"/v1/people/{person}/refusals", list[shapes.Refusal])


def draft_protection(person: str, authorization: str, until: datetime) -> Call[shapes.ProtectionDraft]:
    """The document by which she asks to be protected."""
    asked = shapes.DrawUpProtection(authorization=authorization, until=until)
    return post(f"/v1/people/{person}/protections/drafts", shapes.ProtectionDraft, asked)


def protect(person: str, asked: shapes.Protect) -> Call[shapes.Protection]:
    """Her signed wish."""
    return post(f"/v1/people/{person}/protections", shapes.Protection, asked)


def protections(person: str) -> Call[list[shapes.Protection]]:
    """Hers."""
    return get(f"/v1/people/{person}/protections", list[shapes.Protection])


def end_protection(protection: str) -> Call[shapes.Protection]:
    """End one."""
    return delete(f"/v1/protections/{protection}", shapes.Protection)


def resemblances() -> Call[list[shapes.Resemblance]]:
    """Faces that are held."""
    return get("/v1/resemblances", list[shapes.Resemblance])


def release(resemblance: str, reason: str) -> Call[shapes.Resemblance]:
    """One of two operators' words that the two are two."""
    asked = shapes.Release(reason=reason)
    return post(f"/v1/resemblances/{resemblance}/releases", shapes.Resemblance, asked)


def ask(person: str, asked: shapes.Ask) -> Call[shapes.Petition]:
    """Ask about her own data."""
    return post(f"/v1/people/{person}/petitions", shapes.Petition, asked)


def petitions(person: str) -> Call[list[shapes.Petition]]:
    """Hers."""
    return get(f"/v1/people/{person}/petitions", list[shapes.Petition])


def open_petitions() -> Call[list[shapes.Petition]]:
    """Unanswered ones of everybody."""
    return get("/v1/petitions", list[shapes.Petition])


def answer(petition: str, said: shapes.Answer) -> Call[shapes.Petition]:
    """Answer one."""
    return post(f"/v1/petitions/{petition}/answers", shapes.Petition, said)


def dossier(person: str) -> Call[dict[str, object]]:
    """Everything there is about her."""
    return get(f"/v1/people/{person}/dossier", dict[str, object])


def correct(person: str, asked: shapes.Correct) -> Call[people.Person]:
    """Correct how well she is known, or her age band."""
    return post(f"/v1/people/{person}/corrections", people.Person, asked)


def restrict(person: str) -> Call[shapes.Restricted]:
    """Keep, and do not use."""
    return post(f"/v1/people/{person}/restrictions", shapes.Restricted)


def erase(person: str) -> Call[shapes.Erased]:
    """Erase her, as far as the law lets."""
    return post(f"/v1/people/{person}/erasures", shapes.Erased)


def legal_holds(person: str | None = None) -> Call[list[shapes.LegalHold]]:
    """Hers, ended ones as well; without `person` all that are open."""
    return get(
        "/v1/legal-holds" if person is None else f"/v1/people/{person}/legal-holds", list[shapes.LegalHold]
    )


def hold(person: str, order: str) -> Call[shapes.LegalHold]:
    """Keep her data from being destroyed. `order`: SHA-256 of the claim or order."""
    return post(f"/v1/people/{person}/legal-holds", shapes.LegalHold, shapes.PlaceHold(order=order))


def end_hold(hold: str, reason: str) -> Call[shapes.LegalHold]:
    """End one."""
    return post(f"/v1/legal-holds/{hold}/endings", shapes.LegalHold, shapes.EndHold(reason=reason))
