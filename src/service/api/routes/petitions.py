"""What people ask about their own data, and what is done: a copy, a correction, a restriction, an erasure.

None of it can be refused for having refused or withdrawn something: no route here asks how consents stand.
"""

from http import HTTPStatus

from fastapi import APIRouter
from sqlmodel import Session

from audit.keystore import KeysErased
from consent import petitions as asked_for
from consent.erasures import GONE
from consent.errors import DocumentMalformed, PersonUnknown
from consent.people import ProofNotAttested
from consent.person import Proof
from consent.petitions import PetitionAnswered, PetitionUnknown
from consent.withdrawal import By, How
from service import erasing
from service.api.access import AnyButEngine, Caller, Operator, OperatorOrAuditor, OperatorOrCreator
from service.api.house import House, TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.api.routes.people import person_shape
from service.apikeys import KeyRole
from service.dossier import dossier
from service.erasedparts import erased_parts
from service.shapes import people
from service.shapes import subject as shapes
from service.shapes.shape import Id
from service.subject import SubjectRights
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["subject"], route_class=Route)


@router.post("/people/{person}/petitions", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, PersonUnknown, DocumentMalformed)
def ask(house: TheHouse, caller: OperatorOrCreator, person: Id, asked: shapes.Ask) -> shapes.Petition:
    """Ask for access, a copy, a correction, deletion, a restriction or an explanation. The clock runs."""
    caller.expect(person, "person")
    with house.database.write() as session:
        done = SubjectRights(house.record).petitions.ask(
            session,
            person,
            asked.kind,
            asked.text,
            by=caller.person or caller.requester,
            now=house.clock(),
        )
        shown = _shown(house, session, done)
    house.record.log.publish(done.entry, now=house.clock())
    return shown


@router.get("/people/{person}/petitions")
@may_answer(NoSuchThing, PersonUnknown)
def hers(house: TheHouse, caller: AnyButEngine, person: Id) -> list[shapes.Petition]:
    """Her petitions and their answers, newest first."""
    caller.expect(person, "person")
    with house.database.read() as session:
        house.record.registry.people.get(session, person)
        found = SubjectRights(house.record).petitions.of(session, person)
        return [_shown(house, session, one) for one in found]


@router.get("/petitions")
def waiting(house: TheHouse, _: OperatorOrAuditor) -> list[shapes.Petition]:
    """Unanswered petitions, those due first ahead."""
    with house.database.read() as session:
        return [_shown(house, session, one) for one in SubjectRights(house.record).petitions.open(session)]


@router.post("/petitions/{petition}/answers")
@may_answer(PetitionUnknown, PetitionAnswered, DocumentMalformed)
def answer(house: TheHouse, caller: Operator, petition: Id, said: shapes.Answer) -> shapes.Petition:
    """Answer one, with reasons. It stands."""
    with house.database.write() as session:
        done = SubjectRights(house.record).petitions.answer(
            session, petition, said.outcome, said.reasons, by=caller.requester, now=house.clock()
        )
        shown = _shown(house, session, done)
    house.record.log.publish(now=house.clock())
    return shown


@router.get("/people/{person}/dossier")
@may_answer(NoSuchThing, PersonUnknown, KeysErased)
def everything(house: TheHouse, caller: OperatorOrCreator, person: Id) -> dict[str, object]:
    """Everything this tenant has about her, without anything about anybody else."""
    caller.expect(person, "person")
    with house.database.read() as session:
        return dict(dossier(session, house.record, person))


@router.post("/people/{person}/corrections", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown, DocumentMalformed, ProofNotAttested)
def correct(house: TheHouse, _: Operator, person: Id, asked: shapes.Correct) -> people.Person:
    """Correct how well she is known, or her age band, by new evidence. Appended: nothing is overwritten."""
    proof, registry = Proof(asked.proof, asked.by, asked.how), house.record.registry
    with house.database.write() as session:
        done = registry.people.correct(
            session, person, proof, asked.age, evidence=asked.evidence, now=house.clock()
        )
    house.record.log.publish(done.entry, now=house.clock())
    return person_shape(done, done.proof, house.clock())


@router.post("/people/{person}/restrictions")
@may_answer(NoSuchThing, PersonUnknown)
def restrict(house: TheHouse, caller: OperatorOrCreator, person: Id) -> shapes.Restricted:
    """Keep what there is and use none of it, until each is settled (POST .../settlements)."""
    caller.expect(person, "person")
    return shapes.Restricted(authorizations=list(erasing.restrict(house.record, person, _by(caller))))


@router.post("/people/{person}/erasures")
@may_answer(NoSuchThing, PersonUnknown)
def erase(house: TheHouse, caller: OperatorOrCreator, person: Id) -> shapes.Erased:
    """Erase her: withdraw, drop, end, retire, destroy. Says what stays, until when, and on what ground."""
    caller.expect(person, "person")
    done = erasing.erase(house.record, person, _by(caller))
    with house.database.read() as session:
        parts = erased_parts(session, house.record, person)
    return shapes.Erased(
        person=person,
        at=done.at,
        gone=list(GONE),
        stays=[shapes.Stays.model_validate(one, from_attributes=True) for one in done.stays],
        recipients=[
            shapes.Recipient.model_validate(one, from_attributes=True)
            for one in erasing.recipients(house.record, person)
        ],
        keys=done.left,
        step=done.step,
        parts=done.parts,
        places=None
        if parts is None
        else [shapes.ErasedPart.model_validate(one, from_attributes=True) for one in parts],
        entry=done.entry,
    )


def _by(caller: Caller) -> By:
    if caller.role is KeyRole.CREATOR:
        return By(How.OWN_SESSION, caller.person or "")
    return By(How.OPERATOR, caller.key)


def _shown(house: House, session: Session, one: asked_for.Petition) -> shapes.Petition:
    words = SubjectRights(house.record).petitions.words(session, one)
    return shapes.Petition(
        petition=one.id,
        person=one.person,
        kind=one.kind,
        asked_at=one.asked_at,
        due_at=one.due_at,
        entry=one.entry,
        answered_at=one.answered_at,
        outcome=one.outcome,
        answer=one.answer,
        text=words.asked,
        reasons=words.reasons,
    )
