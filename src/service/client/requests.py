"""Calls about requests for consent, pauses and contracts from before."""

from base64 import b64encode
from collections.abc import Collection

from consent.words import Purpose
from service.client.call import Call, get, post
from service.shapes import authorizations, contracts, pauses
from service.shapes import requests as shapes
from service.shapes.people import ConsentRequest


def ask(asked: shapes.Ask) -> Call[shapes.Shown]:
    """Ask a person for consent."""
    return post("/v1/requests", shapes.Shown, asked)


def show(request: str) -> Call[shapes.Shown]:
    """A request, the notice, and the document she would sign."""
    return get(f"/v1/requests/{request}", shapes.Shown)


def draft(request: str, less: shapes.Less) -> Call[authorizations.Draft]:
    """A document that gives less."""
    return post(f"/v1/requests/{request}/drafts", authorizations.Draft, less)


def answer(request: str, document: bytes, evidence: bytes) -> Call[shapes.Answered]:
    """Say yes with her signature. Keep the receipt: its recovery code is shown once."""
    signed = authorizations.Grant.of(document, evidence)
    return post(f"/v1/requests/{request}/answers", shapes.Answered, signed)


def refuse(request: str) -> Call[ConsentRequest]:
    """Say no."""
    return post(f"/v1/requests/{request}/refusals", ConsentRequest)


def cancel(request: str) -> Call[ConsentRequest]:
    """Take a request back."""
    return post(f"/v1/requests/{request}/cancellations", ConsentRequest)


def link(request: str, days: int = 7) -> Call[shapes.Link]:
    """A token for one answer."""
    return post(f"/v1/requests/{request}/links", shapes.Link, shapes.NewLink(days=days))


def opened(token: str) -> Call[shapes.Shown]:
    """What a link is for. Needs no key."""
    return post("/v1/links/openings", shapes.Shown, shapes.ByLink(token=token))


def draft_by_link(token: str, purposes: Collection[Purpose]) -> Call[authorizations.Draft]:
    """A document for some of the purposes. Needs no key."""
    asked = shapes.LessByLink(token=token, purposes=sorted(purposes))
    return post("/v1/links/drafts", authorizations.Draft, asked)


def answer_by_link(token: str, document: bytes, evidence: bytes) -> Call[shapes.Answered]:
    """Say yes by a link, with her signature."""
    signed = shapes.GrantByLink(token=token, document=b64encode(document), evidence=b64encode(evidence))
    return post("/v1/links/answers", shapes.Answered, signed)


def refuse_by_link(token: str) -> Call[ConsentRequest]:
    """Say no by a link."""
    return post("/v1/links/refusals", ConsentRequest, shapes.ByLink(token=token))


def pause(authorization: str, purposes: Collection[Purpose] | None = None) -> Call[pauses.Resting]:
    """Let a consent rest."""
    asked = pauses.Rest(purposes=None if purposes is None else sorted(purposes))
    return post(f"/v1/authorizations/{authorization}/pauses", pauses.Resting, asked)


def resume(authorization: str, purposes: Collection[Purpose] | None = None) -> Call[pauses.Resting]:
    """Let it go on."""
    asked = pauses.Rest(purposes=None if purposes is None else sorted(purposes))
    return post(f"/v1/authorizations/{authorization}/resumptions", pauses.Resting, asked)


def pause_by_code(authorization: str, code: str) -> Call[pauses.Resting]:
    """Let it rest on the word of her recovery code. Needs no key."""
    asked = pauses.RestByCode(authorization=authorization, code=code, purposes=None)
    return post("/v1/pauses", pauses.Resting, asked)


def resume_by_code(authorization: str, code: str) -> Call[pauses.Resting]:
    """Let it go on, the same way."""
    asked = pauses.RestByCode(authorization=authorization, code=code, purposes=None)
    return post("/v1/resumptions", pauses.Resting, asked)


def bring_in(asked: contracts.BringIn) -> Call[contracts.Contract]:
    """Keep a contract from before, as unproven."""
    return post("/v1/contracts", contracts.Contract, asked)


def contracts_kept() -> Call[list[contracts.Contract]]:
    """All of them."""
    return get("/v1/contracts", list[contracts.Contract])
