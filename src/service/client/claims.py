"""Calls about takedown requests, court orders and appeals."""

from service.client.call import Call, get, post
from service.shapes import claims as shapes
from swap.appeals import About, Ground
from swap.claim import Target


def request_takedown(
    target_kind: Target, target: str, statement: str, contact: str
) -> Call[shapes.Requested]:
    """Ask in good faith that something be taken down. Needs no key."""
    asked = shapes.RequestTakedown(
        target_kind=target_kind, target=target, statement=statement, contact=contact, good_faith=True
    )
    return post("/v1/takedowns", shapes.Requested, asked)


def every() -> Call[list[shapes.Claim]]:
    """All requests and orders."""
    return get("/v1/claims", list[shapes.Claim])


def contact(claim: str) -> Call[shapes.Contact]:
    """Who made a request, and what was stated."""
    return get(f"/v1/claims/{claim}/contact", shapes.Contact)


def answer(claim: str, reason: str, *, confirm: bool) -> Call[shapes.Claim]:
    """Confirm a request, or reject it."""
    return post(f"/v1/claims/{claim}/answers", shapes.Claim, shapes.Answer(confirm=confirm, reason=reason))


def order(target_kind: Target, target: str, document: str) -> Call[shapes.Claim]:
    """Enter a court's order, by the SHA-256 of its document."""
    asked = shapes.Order(target_kind=target_kind, target=target, document=document)
    return post("/v1/injunctions", shapes.Claim, asked)


def lift(order: str, reason: str) -> Call[shapes.Claim]:
    """End an order."""
    return post(f"/v1/injunctions/{order}/lifts", shapes.Claim, shapes.Lift(reason=reason))


def appeal(about: About, subject: str, ground: Ground) -> Call[shapes.Appealed]:
    """Appeal against a decision or an answer."""
    return post("/v1/appeals", shapes.Appealed, shapes.Appeal(about=about, subject=subject, ground=ground))


def appeals() -> Call[list[shapes.Appealed]]:
    """Appeals: one's own, for operators all."""
    return get("/v1/appeals", list[shapes.Appealed])


def answer_appeal(appeal: str, reason: str, *, grant: bool) -> Call[shapes.Appealed]:
    """One operator's answer to an appeal."""
    asked = shapes.AppealAnswer(grant=grant, reason=reason)
    return post(f"/v1/appeals/{appeal}/answers", shapes.Appealed, asked)
