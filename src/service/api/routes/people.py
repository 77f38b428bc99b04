"""People: enrolment, keys, and the inbox. Nobody is listed or searched for."""

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter

from consent.errors import DocumentMalformed, KeyNotEnrolled, KeyTaken, PersonUnknown
from consent.gone import PersonErased
from consent.inbox import inbox as read_inbox
from consent.people import ProofNotAttested
from consent.person import Person as Enrolled
from consent.person import PersonKey as EnrolledKey
from consent.person import Proof
from consent.proofservices import ProofServices
from service.api import answers
from service.api.access import AnyButEngine, Operator, OperatorOrCreator
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.shapes import people as shapes
from service.shapes.shape import Id
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1/people", tags=["people"], route_class=Route)


@router.post("", status_code=HTTPStatus.CREATED)
@may_answer(DocumentMalformed, ProofNotAttested)
def enrol(house: TheHouse, _: Operator, asked: shapes.Enrol) -> shapes.Person:
    """Enrol a person: a random id, her proof level and age band. No face and no key yet."""
    record, now = house.record, house.clock()
    proof = Proof(asked.proof, asked.by, asked.how)
    with house.database.write() as session:
        person = record.registry.people.enrol(session, proof, asked.age, now=now)
    record.log.publish(person.entry, now=house.clock())
    return person_shape(person, person.proof, now)


@router.get("/{person}")
@may_answer(NoSuchThing, PersonUnknown)
def show(house: TheHouse, caller: AnyButEngine, person: Id) -> shapes.Person:
    """A person: proof level and age band. A creator sees herself."""
    caller.expect(person, "person")
    with house.database.read() as session:
        found = house.record.registry.people.get(session, person)
        worth = ProofServices(house.record.ledger).worth(session, found.proof)
    return person_shape(found, worth, house.clock())


@router.post("/{person}/keys", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown, PersonErased, KeyTaken, DocumentMalformed)
def enrol_key(house: TheHouse, caller: Operator, person: Id, asked: shapes.EnrolKey) -> shapes.PersonKey:
    """Enrol a public key of hers: from now on what it signs is hers. An operator vouches for that."""
    record = house.record
    with house.database.write() as session:
        key = record.registry.people.enrol_key(
            session, person, asked.key, by=caller.requester, now=house.clock()
        )
    record.log.publish(now=house.clock())
    return _key(key)


@router.get("/{person}/keys")
@may_answer(NoSuchThing, PersonUnknown)
def keys(house: TheHouse, caller: AnyButEngine, person: Id) -> list[shapes.PersonKey]:
    """All keys she ever had here, oldest first."""
    caller.expect(person, "person")
    with house.database.read() as session:
        people = house.record.registry.people
        people.get(session, person)
        return [_key(key) for key in people.keys(session, person)]


@router.delete("/{person}/keys/{key}")
@may_answer(NoSuchThing, PersonUnknown, KeyNotEnrolled)
def retire_key(
    house: TheHouse, caller: OperatorOrCreator, person: Id, key: shapes.AnyKey
) -> shapes.PersonKey:
    """End a key's time, now. What it signed before stays signed."""
    caller.expect(person, "person")
    record = house.record
    with house.database.write() as session:
        record.registry.people.get(session, person)
        retired = record.registry.people.retire_key(
            session, person, key, by=caller.requester, now=house.clock()
        )
    record.log.publish(now=house.clock())
    return _key(retired)


@router.get("/{person}/inbox")
@may_answer(NoSuchThing, PersonUnknown)
def inbox(house: TheHouse, caller: AnyButEngine, person: Id) -> shapes.Inbox:
    """Every decision that named her, refusals too, and how all that she signed stands."""
    caller.expect(person, "person")
    with house.database.read() as session:
        found = read_inbox(session, house.record.registry, person, now=house.clock())
    return shapes.Inbox(
        person=found.person,
        references=found.references,
        asked=[shapes.Asked.model_validate(one, from_attributes=True) for one in found.asked],
        signed=[
            shapes.Signed(
                authorization=one.standing.authorization,
                received_at=one.received_at,
                status=dict(one.standing.status),
                disputed=one.standing.disputed,
                paused=sorted(one.standing.paused),
                events=[shapes.Event(kind=e.kind, at=e.at, by=e.by, entry=e.entry) for e in one.events],
            )
            for one in found.signed
        ],
        requests=[answers.request(one) for one in found.requests],
        reminders=[
            shapes.Reminder(
                authorization=one.reminder.authorization,
                days=one.reminder.days,
                until=one.reminder.until,
                at=one.at,
                entry=one.entry,
            )
            for one in found.reminders
        ],
        keys=[shapes.KeyChange.model_validate(one, from_attributes=True) for one in found.keys],
        searches=[shapes.Searched.model_validate(one, from_attributes=True) for one in found.searches],
        turned_away=[
            shapes.TurnedAway.model_validate(one, from_attributes=True) for one in found.turned_away
        ],
    )


def person_shape(one: Enrolled, worth: Proof, now: datetime) -> shapes.Person:
    """A person as she stands now: her proof is what it is `worth`, her age has moved on."""
    return shapes.Person(
        id=one.id,
        proof=worth.level,
        attested_by=worth.attested_by,
        age=one.age_at(now),
        fourteen_from=one.ages.fourteen_from,
        adult_from=one.ages.adult_from,
        deceased_at=one.deceased_at,
        enrolled_at=one.enrolled_at,
        entry=one.entry,
    )


def _key(one: EnrolledKey) -> shapes.PersonKey:
    return shapes.PersonKey(key=one.key, method=one.method, since=one.since, until=one.until)
