"""Links, as an operator issues them: to make a passkey, to sign, to confirm again; and proofs anew."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter

from consent.admission import check_admissible
from consent.authorization import parse
from consent.errors import (
    AuthorizationRefused,
    AuthorizationUnknown,
    DocumentMalformed,
    NoticeUnknown,
    NotSuspended,
    PersonUnknown,
)
from consent.links import Act, Link
from consent.person import Proof
from consent.words import Status
from service.api.access import Operator
from service.api.house import House, TheHouse
from service.api.instead import DOCUMENT, may_answer
from service.api.route import Route
from service.api.routes.pages import PAGE
from service.shapes import signing as shapes
from service.shapes.people import Person
from service.shapes.shape import Id

router = APIRouter(prefix="/v1", tags=["signing"], route_class=Route)


@router.post("/people/{person}/links", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown)
def ask_key(house: TheHouse, caller: Operator, person: Id, asked: shapes.AskKey) -> shapes.LinkIssued:
    """Issue a link by which she makes a passkey: a first, or one more for another device.

    Whoever opens it becomes her, so it goes to her alone; an earlier one of hers not yet used ends.
    """
    page = _page(house)
    with house.database.write() as session:
        house.record.registry.people.get(session, person)
        token, link = house.links.issue(
            session, Act.ENROL, person, by=caller.requester, holds=_hours(asked.hours), now=house.clock()
        )
    return _issued(house, page, token, link)


@router.post("/people/{person}/proofs", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown, DocumentMalformed)
def prove(house: TheHouse, caller: Operator, person: Id, asked: shapes.Prove) -> Person:
    """Record anew how it is known who she is, as when her keys are lost. What they signed stays signed."""
    people, now = house.record.registry.people, house.clock()
    with house.database.write() as session:
        proved = people.prove(session, person, Proof(asked.proof, asked.by, asked.how), now=now)
        for key in people.keys(session, person) if asked.lost else ():
            if key.until is None:
                people.retire_key(session, person, key.key, by=caller.requester, now=now)
    house.record.log.publish(now=house.clock())
    return Person(
        id=proved.id,
        proof=proved.proof.level,
        age=proved.age,
        enrolled_at=proved.enrolled_at,
        entry=proved.entry,
    )


@router.post("/authorizations/links", status_code=HTTPStatus.CREATED)
@may_answer(*DOCUMENT, AuthorizationRefused, PersonUnknown, NoticeUnknown)
def ask_signature(house: TheHouse, caller: Operator, asked: shapes.AskSignature) -> shapes.LinkIssued:
    """Issue a link by which she reads a document, as drawn up, and signs it with her passkey."""
    page, registry = _page(house), house.record.registry
    wanted, now = parse(asked.document), house.clock()
    with house.database.write() as session:
        registry.people.get(session, wanted.signer)
        check_admissible(
            session, wanted, registry.people, registry.noticeboard, longest=registry.longest_term, now=now
        )
        token, link = house.links.issue(
            session,
            Act.GRANT,
            wanted.signer,
            by=caller.requester,
            holds=_hours(asked.hours),
            now=now,
            document=asked.document,
        )
    return _issued(house, page, token, link)


@router.post("/authorizations/{authorization}/links", status_code=HTTPStatus.CREATED)
@may_answer(AuthorizationUnknown, NotSuspended)
def ask_confirmation(
    house: TheHouse, caller: Operator, authorization: Id, asked: shapes.AskConfirmation
) -> shapes.LinkIssued:
    """Issue a link by which she confirms a suspended authorization again, with her passkey."""
    page, registry, now = _page(house), house.record.registry, house.clock()
    with house.database.write() as session:
        found = registry.standings(session, house.tenant, [authorization], now=now, lock=None)
        if authorization not in found:
            raise AuthorizationUnknown("no such authorization here")
        standing = found[authorization]
        if Status.UNKNOWN not in standing.status.values():
            raise NotSuspended("nothing of this authorization waits for a re-confirmation")
        token, link = house.links.issue(
            session,
            Act.RECONFIRM,
            standing.document.signer,
            by=caller.requester,
            holds=_hours(asked.hours),
            now=now,
            document=standing.document.encoded,
            head=standing.head,
        )
    return _issued(house, page, token, link)


def _page(house: House) -> str:
    """Where links lead. Raises `PasskeysUnready`."""
    origin, _ = house.signing
    return origin + PAGE


def _hours(given: int) -> timedelta:
    return timedelta(hours=given)


def _issued(house: House, page: str, token: str, link: Link) -> shapes.LinkIssued:
    house.record.log.publish(link.entry, now=house.clock())
    # As a fragment, which browsers keep to themselves: no server, proxy or referrer sees the token.
    return shapes.LinkIssued(
        act=link.act,
        person=link.person,
        url=f"{page}#{token}",
        expires_at=link.expires_at,
        entry=link.entry,
    )
