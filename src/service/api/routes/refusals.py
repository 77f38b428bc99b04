"""The refusal list: people put themselves on it; sources and works are put there by operators."""

from http import HTTPStatus

from fastapi import APIRouter

from consent.errors import DocumentMalformed, PersonUnknown
from consent.refusals import Kind, RefusalUnknown
from consent.refusals import Refusal as Listed
from service.api.access import Creator, Operator, OperatorOrAuditor, OperatorOrCreator
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.shapes import subject as shapes
from service.shapes.shape import Id
from service.subject import SubjectRights
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["subject"], route_class=Route)


@router.get("/refusals")
def every(house: TheHouse, _: OperatorOrAuditor) -> list[shapes.Refusal]:
    """What is on the list now."""
    with house.database.read() as session:
        return [_shown(one) for one in SubjectRights(house.record).refusals.every(session)]


@router.post("/refusals", status_code=HTTPStatus.CREATED)
@may_answer(DocumentMalformed)
def refuse(house: TheHouse, caller: Operator, asked: shapes.Refuse) -> shapes.Refusal:
    """Put a source or a work on the list: its templates are frozen, and it is announced no more."""
    record = house.record
    with house.database.write() as session:
        done = SubjectRights(record).refusals.add(
            session, Kind(asked.kind), asked.value, by=caller.requester, now=house.clock()
        )
    record.log.publish(now=house.clock())
    return _shown(done)


@router.delete("/refusals/{refusal}")
@may_answer(RefusalUnknown)
def take_off(house: TheHouse, caller: Operator, refusal: Id) -> shapes.Refusal:
    """Take a source or a work off the list. A person's own refusal only she takes back."""
    record, refusals = house.record, SubjectRights(house.record).refusals
    with house.database.write() as session:
        if refusals.find(session, refusal).kind is Kind.PERSON:
            raise RefusalUnknown("a person's own refusal is hers to take back")
        done = refusals.end(session, refusal, by=caller.requester, now=house.clock())
    record.log.publish(now=house.clock())
    return _shown(done)


@router.post("/people/{person}/refusals", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, PersonUnknown)
def opt_out(house: TheHouse, caller: OperatorOrCreator, person: Id) -> shapes.Refusal:
    """She is not to be used, whatever she signed before or somebody signs for her. In force now."""
    caller.expect(person, "person")
    record = house.record
    with house.database.write() as session:
        record.registry.people.get(session, person)
        done = SubjectRights(record).refusals.add(
            session, Kind.PERSON, person, by=caller.person or caller.requester, now=house.clock()
        )
    record.log.publish(now=house.clock())
    return _shown(done)


@router.delete("/people/{person}/refusals")
@may_answer(NoSuchThing, RefusalUnknown)
def opt_in(house: TheHouse, caller: Creator, person: Id) -> list[shapes.Refusal]:
    """She takes her refusal back. What she withdrew meanwhile stays withdrawn."""
    caller.expect(person, "person")
    record, refusals = house.record, SubjectRights(house.record).refusals
    with house.database.write() as session:
        done = [
            refusals.end(session, one.id, by=person, now=house.clock())
            for one in refusals.every(session, person=person)
        ]
    record.log.publish(now=house.clock())
    return [_shown(one) for one in done]


def _shown(one: Listed) -> shapes.Refusal:
    return shapes.Refusal(
        refusal=one.id,
        kind=one.kind,
        value=one.value,
        by=one.by,
        at=one.at,
        ended_at=one.ended_at,
        entry=one.entry,
    )
