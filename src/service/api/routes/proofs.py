"""How it is known who somebody is: proofing services, attestations, kin, deaths, captures."""

from http import HTTPStatus

from fastapi import APIRouter

from consent import kinship
from consent.capturing import CaptureClosed, CapturesExhausted, CaptureUnknown
from consent.cosigning import Cosigning, NothingToCosign
from consent.errors import AuthorizationUnknown, DocumentMalformed, PersonUnknown, ReferenceNotAllowed
from consent.estates import DeathRecorded, Estates
from consent.kinship import Kinship, KinUnknown
from consent.people import ProofNotAttested
from consent.person import Person as Enrolled
from consent.portraits import Portraits
from consent.proofing import AttestationRefused
from consent.proofservices import (
    ProofService,
    ProofServiceEnded,
    ProofServices,
    ProofServiceTaken,
    ProofServiceUnknown,
)
from consent.proving import Proving
from consent.turning import Miss
from service import filming, revoking
from service.api.access import AnyButEngine, Caller, Operator, OperatorOrAuditor, OperatorOrCreator
from service.api.house import House, TheHouse
from service.api.instead import SIGNED, VIDEO, may_answer
from service.api.route import PhotosRoute, Route
from service.api.routes.people import person_shape
from service.shapes import authorizations, people
from service.shapes import proofs as shapes
from service.shapes.people import PublicKey
from service.shapes.shape import Id
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["proofs"], route_class=Route)
clips = APIRouter(prefix="/v1", tags=["proofs"], route_class=PhotosRoute)


@router.post("/proof-services", status_code=HTTPStatus.CREATED)
@may_answer(ProofServiceTaken, DocumentMalformed)
def adopt(house: TheHouse, caller: Operator, asked: shapes.AdoptService) -> shapes.ProofService:
    """Adopt a proofing service's key: from now on its attestations count."""
    with house.database.write() as session:
        done = _services(house).adopt(
            session, asked.service, asked.key, by=caller.requester, now=house.clock()
        )
    house.record.log.publish(done.entry, now=house.clock())
    return _service(done)


@router.get("/proof-services")
def services(house: TheHouse, _: OperatorOrAuditor) -> list[shapes.ProofService]:
    """All that were ever adopted, oldest first."""
    with house.database.read() as session:
        return [_service(each) for each in _services(house).every(session)]


@router.post("/proof-services/{proof_service}/retirements")
@may_answer(ProofServiceUnknown, ProofServiceEnded)
def retire(house: TheHouse, caller: Operator, proof_service: PublicKey) -> shapes.ProofService:
    """Take nothing more from it. What it has proven stays."""
    with house.database.write() as session:
        done = _services(house).retire(session, proof_service, by=caller.requester, now=house.clock())
    house.record.log.publish(done.entry, now=house.clock())
    return _service(done)


@router.post("/proof-services/{proof_service}/compromises")
@may_answer(ProofServiceUnknown, DocumentMalformed)
def compromise(
    house: TheHouse, caller: Operator, proof_service: PublicKey, asked: shapes.Compromise
) -> shapes.ProofService:
    """Its key is stolen: whom it proved from then on is `self-asserted` until proven anew."""
    with house.database.write() as session:
        done = _services(house).compromise(
            session, proof_service, since=asked.since, by=caller.requester, now=house.clock()
        )
    house.record.log.publish(done.entry, now=house.clock())
    return _service(done)


@router.post("/attestations", status_code=HTTPStatus.CREATED)
@may_answer(AttestationRefused)
def enrol(house: TheHouse, _: Operator, asked: shapes.Attest) -> people.Person:
    """Enrol a newcomer by what a proofing service attests: level, method and age are its own."""
    with house.database.write() as session:
        person = _proving(house).enrol(session, asked.attestation, now=house.clock())
    return _published(house, person)


@router.post("/people/{person}/attestations")
@may_answer(AttestationRefused, PersonUnknown, NoSuchThing)
def prove(house: TheHouse, caller: OperatorOrCreator, person: Id, asked: shapes.Attest) -> people.Person:
    """Prove her anew: what this attestation says takes the place of what was known."""
    caller.expect(person, "person")
    with house.database.write() as session:
        house.record.registry.people.get(session, person)
        proven = _proving(house).reprove(session, person, asked.attestation, now=house.clock())
    return _published(house, proven)


@router.post("/people/{person}/kin", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown, DocumentMalformed)
def record_kin(house: TheHouse, caller: Operator, person: Id, asked: shapes.RecordKin) -> shapes.Kin:
    """Record who may act for her. You have seen the paper."""
    with house.database.write() as session:
        kin = _kinship(house).record(
            session,
            person,
            asked.representative,
            asked.office,
            asked.relation,
            asked.evidence,
            by=caller.requester,
            now=house.clock(),
        )
    house.record.log.publish(now=house.clock())
    return _kin(kin)


@router.get("/people/{person}/kin")
@may_answer(PersonUnknown, NoSuchThing)
def kin_of(house: TheHouse, caller: AnyButEngine, person: Id) -> list[shapes.Kin]:
    """Who may act for her, or might once, oldest first."""
    caller.expect(person, "person")
    record = house.record
    with house.database.read() as session:
        record.registry.people.get(session, person)
        found = kinship.of(session, record.ledger, [person]).get(person, ())
    return [_kin(each) for each in found]


@router.post("/people/{person}/kin/{kin}/ends")
@may_answer(KinUnknown)
def end_kin(house: TheHouse, caller: Operator, person: Id, kin: Id) -> shapes.Kin:
    """End it, now. What was signed before stays signed."""
    with house.database.write() as session:
        ended = _kinship(house).end(session, person, kin, by=caller.requester, now=house.clock())
    house.record.log.publish(now=house.clock())
    return _kin(ended)


@router.post("/people/{person}/deaths")
@may_answer(PersonUnknown, DeathRecorded)
def died(house: TheHouse, caller: Operator, person: Id, asked: shapes.Paper) -> people.Person:
    """She has died: nothing rests on what she signed. You have seen the paper. An heir can only dispute."""
    with house.database.write() as session:
        done = _estates(house).record(session, person, asked.evidence, by=caller.requester, now=house.clock())
    return _published(house, done)


@router.post("/people/{person}/deaths/retractions")
@may_answer(PersonUnknown, DeathRecorded)
def lives(house: TheHouse, caller: Operator, person: Id, asked: shapes.Paper) -> people.Person:
    """It was an error."""
    with house.database.write() as session:
        done = _estates(house).retract(
            session, person, asked.evidence, by=caller.requester, now=house.clock()
        )
    return _published(house, done)


@router.post("/authorizations/{authorization}/cosignatures")
@may_answer(AuthorizationUnknown, NothingToCosign, *SIGNED)
def cosign(
    house: TheHouse, caller: OperatorOrCreator, authorization: Id, asked: shapes.Cosign
) -> authorizations.Changed:
    """From 14 to 17 she signs too, beside her guardian. Until then nothing rests on it."""
    _expect(house, caller, authorization)
    entry = revoking.change(
        house.record,
        lambda session: Cosigning(house.record.registry).cosign(
            session, authorization, asked.evidence, now=house.clock()
        ),
    )
    return authorizations.Changed(authorization=authorization, entry=entry)


@router.post("/authorizations/{authorization}/captures", status_code=HTTPStatus.CREATED)
@may_answer(AuthorizationUnknown, ReferenceNotAllowed, ProofNotAttested, CapturesExhausted)
def challenge(house: TheHouse, caller: OperatorOrCreator, authorization: Id) -> shapes.Challenge:
    """Ask her to turn her head, at random. To be answered within two minutes, once."""
    _expect(house, caller, authorization)
    with house.database.write() as session:
        asked = house.studio.captures.ask(session, authorization, now=house.clock())
    return shapes.Challenge(capture=asked.id, person=asked.person, turns=list(asked.turns), until=asked.until)


@clips.post("/people/{person}/captures/{capture}")
@may_answer(
    PersonUnknown, NoSuchThing, CaptureUnknown, CaptureClosed, ReferenceNotAllowed, ProofNotAttested, *VIDEO
)
def capture(
    house: TheHouse, caller: OperatorOrCreator, person: Id, capture: Id, asked: shapes.Clip
) -> shapes.Captured:
    """The clip of her who turned as asked. No frame is kept. What it can't stop: docs/people.md."""
    caller.expect(person, "person")
    outcome = filming.answer(house.record, house.studio, person, capture, asked.clip)
    with house.database.read() as session:
        now = house.record.registry.people.get(session, person)
        proof = _services(house).worth(session, now.proof)
    said = str(outcome) if isinstance(outcome, Miss) else "shown"
    return shapes.Captured(person=person, outcome=said, proof=proof.level)


def _expect(house: House, caller: Caller, authorization: str) -> None:
    with house.database.read() as session:
        found = house.record.registry.standings(
            session, house.tenant, [authorization], now=house.clock(), lock=None
        ).get(authorization)
    if found is None or not caller.may_see(found.person):
        raise AuthorizationUnknown("no such authorization here")


def _services(house: House) -> ProofServices:
    return ProofServices(house.record.ledger)


def _proving(house: House) -> Proving:
    return Proving(house.record.registry.people, _services(house))


def _kinship(house: House) -> Kinship:
    return Kinship(house.record.ledger, house.record.entropy)


def _estates(house: House) -> Estates:
    record = house.record
    return Estates(record.registry, Portraits(house.tenant, record.keystore, record.entropy))


def _published(house: House, one: Enrolled) -> people.Person:
    house.record.log.publish(one.entry, now=house.clock())
    return person_shape(one, one.proof, house.clock())


def _service(one: ProofService) -> shapes.ProofService:
    return shapes.ProofService.model_validate(one, from_attributes=True)


def _kin(one: kinship.Kin) -> shapes.Kin:
    return shapes.Kin(
        id=one.id,
        representative=one.representative,
        office=one.office,
        relation=one.relation,
        evidence=one.evidence,
        since=one.since,
        until=one.until,
    )
