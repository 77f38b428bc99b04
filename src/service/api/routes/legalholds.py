"""Legal holds: operators place and end them; she reads those on her own data."""

from http import HTTPStatus

from fastapi import APIRouter

from consent.errors import DocumentMalformed, PersonUnknown
from consent.holds import Hold, HoldUnknown
from service.api.access import AnyButEngine, Operator, OperatorOrAuditor
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.shapes import subject as shapes
from service.shapes.shape import Id
from service.subject import SubjectRights
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["subject"], route_class=Route)


@router.get("/legal-holds")
def every(house: TheHouse, _: OperatorOrAuditor) -> list[shapes.LegalHold]:
    """Those that are open, the last first."""
    with house.database.read() as session:
        return [_shown(one) for one in SubjectRights(house.record).holds.of(session)]


@router.get("/people/{person}/legal-holds")
@may_answer(NoSuchThing, PersonUnknown)
def hers(house: TheHouse, caller: AnyButEngine, person: Id) -> list[shapes.LegalHold]:
    """Those on her data, ended ones as well."""
    caller.expect(person, "person")
    with house.database.read() as session:
        house.record.registry.people.get(session, person)
        return [_shown(one) for one in SubjectRights(house.record).holds.of(session, person)]


@router.post("/people/{person}/legal-holds", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown, DocumentMalformed)
def place(house: TheHouse, caller: Operator, person: Id, asked: shapes.PlaceHold) -> shapes.LegalHold:
    """Keep the keys of her data from being destroyed while a claim or an order runs."""
    record = house.record
    with house.database.write() as session:
        record.registry.people.get(session, person)
        done = SubjectRights(record).holds.place(
            session, person, by=caller.requester, order=asked.order, now=house.clock()
        )
    record.log.publish(done.entry, now=house.clock())
    return _shown(done)


@router.post("/legal-holds/{legal_hold}/endings")
@may_answer(HoldUnknown, DocumentMalformed)
def end(house: TheHouse, caller: Operator, legal_hold: Id, asked: shapes.EndHold) -> shapes.LegalHold:
    """End one. What she had erased meanwhile is destroyed next."""
    record = house.record
    with house.database.write() as session:
        done = SubjectRights(record).holds.end(
            session, legal_hold, by=caller.requester, reason=asked.reason, now=house.clock()
        )
    record.log.publish(now=house.clock())
    return _shown(done)


def _shown(one: Hold) -> shapes.LegalHold:
    return shapes.LegalHold(hold=one.id, person=one.person, at=one.at, ended_at=one.ended_at, entry=one.entry)
