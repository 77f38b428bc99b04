"""Links, as an operator issues them: to make a passkey, to sign, to confirm again; and proofs anew."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter

from consent.asking_errors import AskedTooSoon, NotToBeAsked
from consent.errors import (
    AuthorizationRefused,
    AuthorizationUnknown,
    DocumentMalformed,
    NoticeUnknown,
    NotSuspended,
    PersonUnknown,
)
from consent.kinship import NotHerRepresentative
from consent.people import PersonDeceased, ProofNotAttested
from consent.person import Proof
from service import inviting
from service.api.access import Operator
from service.api.house import TheHouse
from service.api.instead import DOCUMENT, may_answer
from service.api.route import Route
from service.api.routes.people import person_shape
from service.shapes import signing as shapes
from service.shapes.people import Person
from service.shapes.shape import Id

router = APIRouter(prefix="/v1", tags=["signing"], route_class=Route)


@router.post("/people/{person}/links", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown, PersonDeceased)
def ask_key(house: TheHouse, caller: Operator, person: Id, asked: shapes.AskKey) -> shapes.LinkIssued:
    """Issue a link by which she makes a passkey: a first, or one more for another device.

    Whoever opens it becomes her, so it goes to her alone; an earlier one of hers not yet used ends.
    """
    holds = timedelta(hours=asked.hours)
    return _issued(inviting.for_key(house.record, person, by=caller.requester, holds=holds))


@router.post("/authorizations/links", status_code=HTTPStatus.CREATED)
@may_answer(
    *DOCUMENT,
    AuthorizationRefused,
    NotHerRepresentative,
    PersonUnknown,
    NoticeUnknown,
    NotToBeAsked,
    AskedTooSoon,
)
def ask_signature(house: TheHouse, caller: Operator, asked: shapes.AskSignature) -> shapes.LinkIssued:
    """Issue a link by which she reads a document, as drawn up, and signs it with her passkey.

    That asks her: not again within 90 days of her no, which is refused, and logged.
    """
    holds = timedelta(hours=asked.hours)
    return _issued(inviting.for_signature(house.record, asked.document, by=caller.requester, holds=holds))


@router.post("/authorizations/{authorization}/links", status_code=HTTPStatus.CREATED)
@may_answer(AuthorizationUnknown, NotSuspended)
def ask_confirmation(
    house: TheHouse, caller: Operator, authorization: Id, asked: shapes.AskConfirmation
) -> shapes.LinkIssued:
    """Issue a link by which she confirms a suspended authorization again, with her passkey."""
    holds = timedelta(hours=asked.hours)
    return _issued(inviting.for_confirmation(house.record, authorization, by=caller.requester, holds=holds))


@router.post("/people/{person}/proofs", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown, PersonDeceased, DocumentMalformed, ProofNotAttested)
def prove(house: TheHouse, caller: Operator, person: Id, asked: shapes.Prove) -> Person:
    """Record anew how it is known who she is, as when her keys are lost. What they signed stays signed."""
    proof = Proof(asked.proof, asked.by, asked.how)
    proved = inviting.prove(house.record, person, proof, by=caller.requester, lost=asked.lost)
    return person_shape(proved, proved.proof, house.clock())


def _issued(asked: inviting.Asked) -> shapes.LinkIssued:
    link = asked.link
    return shapes.LinkIssued(
        act=link.act, person=link.person, url=asked.url, expires_at=link.expires_at, entry=link.entry
    )
