"""Protected people: asked for by a signature, ended by a word; and the faces that two people look at."""

from base64 import b64encode
from http import HTTPStatus

from fastapi import APIRouter

from audit.canonical import NotCanonical
from consent.errors import DocumentMalformed, KeyNotEnrolled, PersonUnknown, SignatureWrong
from consent.protection import STATEMENT, Protection, ProtectionRefused, ProtectionUnknown, parse
from consent.resemblances import ResemblanceUnknown, Search
from consent.withdrawal import By, How
from service.api.access import AnyButEngine, Operator, OperatorOrCreator
from service.api.house import TheHouse, not_found
from service.api.instead import may_answer
from service.api.route import Route
from service.apikeys import KeyRole
from service.shapes import subject as shapes
from service.shapes.shape import Id
from service.subject import ProtectionOff, SubjectRights
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["subject"], route_class=Route)


@router.post("/people/{person}/protections/drafts", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, PersonUnknown, ProtectionOff)
def draft(
    house: TheHouse, caller: OperatorOrCreator, person: Id, asked: shapes.DrawUpProtection
) -> shapes.ProtectionDraft:
    """Write the document by which she asks that strangers' faces be compared with hers."""
    caller.expect(person, "person")
    rights = SubjectRights(house.record)
    with house.database.read() as session:
        house.record.registry.people.get(session, person)
    rights.expect_protection()
    document = rights.protections.draw_up(person, asked.authorization, until=asked.until, now=house.clock())
    return shapes.ProtectionDraft(document=b64encode(document).decode(), statement=STATEMENT)


@router.post("/people/{person}/protections", status_code=HTTPStatus.CREATED)
@may_answer(
    *(NoSuchThing, PersonUnknown, ProtectionOff, ProtectionRefused, NotCanonical, DocumentMalformed),
    *(SignatureWrong, KeyNotEnrolled),
)
def protect(
    house: TheHouse, caller: OperatorOrCreator, person: Id, asked: shapes.Protect
) -> shapes.Protection:
    """Take her signed wish. From now on enrolments and donors' photos are compared with her reference."""
    caller.expect(person, "person")
    rights = SubjectRights(house.record)
    with house.database.read() as session:
        house.record.registry.people.get(session, person)
    rights.expect_protection()
    if parse(asked.document).person != person:
        raise not_found("person")
    with house.database.write() as session:
        done = rights.protections.ask(session, asked.document, asked.evidence, now=house.clock())
    house.record.log.publish(done.entry, now=house.clock())
    return _shown(done)


@router.get("/people/{person}/protections")
@may_answer(NoSuchThing, PersonUnknown)
def hers(house: TheHouse, caller: AnyButEngine, person: Id) -> list[shapes.Protection]:
    """Her protections, ended ones too."""
    caller.expect(person, "person")
    with house.database.read() as session:
        house.record.registry.people.get(session, person)
        return [_shown(one) for one in SubjectRights(house.record).protections.of(session, person)]


@router.delete("/protections/{protection}")
@may_answer(ProtectionUnknown)
def end(house: TheHouse, caller: OperatorOrCreator, protection: Id) -> shapes.Protection:
    """End it: one step, no signature."""
    protections, creator = SubjectRights(house.record).protections, caller.role is KeyRole.CREATOR
    by = By(How.OWN_SESSION, caller.person or "") if creator else By(How.OPERATOR, caller.key)
    with house.database.write() as session:
        if not caller.may_see(protections.find(session, protection).person):
            raise ProtectionUnknown("no such protection")
        done = protections.end(session, protection, by=by, now=house.clock())
    house.record.log.publish(now=house.clock())
    return _shown(done)


@router.get("/resemblances")
def waiting(house: TheHouse, _: Operator) -> list[shapes.Resemblance]:
    """Faces that are held because they resemble a protected person's, oldest first."""
    with house.database.read() as session:
        return [_held(one) for one in SubjectRights(house.record).resemblances.waiting(session)]


@router.post("/resemblances/{resemblance}/releases")
@may_answer(ResemblanceUnknown, DocumentMalformed)
def release(house: TheHouse, caller: Operator, resemblance: Id, asked: shapes.Release) -> shapes.Resemblance:
    """Say that the two are two. The word of a second operator releases it."""
    with house.database.write() as session:
        done = SubjectRights(house.record).resemblances.release(
            session, resemblance, by=caller.requester, reason=asked.reason, now=house.clock()
        )
    house.record.log.publish(now=house.clock())
    return _held(done)


def _shown(one: Protection) -> shapes.Protection:
    return shapes.Protection(
        protection=one.id,
        authorization=one.authorization,
        received_at=one.received_at,
        until=one.until,
        ended_at=one.ended_at,
        entry=one.entry,
    )


def _held(one: Search) -> shapes.Resemblance:
    return shapes.Resemblance(
        resemblance=one.id,
        person=one.person,
        found=one.found,
        what=one.what,
        state=one.state,
        at=one.at,
        entry=one.entry,
    )
