"""Rights beside the consent: licences of portraits and works. And what is owed for uses."""

from base64 import b64encode
from http import HTTPStatus

from fastapi import APIRouter, Response

from audit.canonical import NotCanonical, canonical
from consent import licence as licences
from consent.errors import AuthorizationUnknown, DocumentMalformed, NoticeUnknown, PersonUnknown
from consent.legal_entity import LegalEntity
from consent.licence import SignatoryKind, draw_up_licence, parse_licence
from consent.licences import LicenceStanding
from consent.parties import Party
from consent.rights import Ending, Rights
from consent.rights_errors import (
    EndingNotAllowed,
    LicenceNotAdmitted,
    PartyTaken,
    PartyUnknown,
    RightsLicenceUnknown,
)
from consent.withdrawal import By, How
from service.api.access import AnyButEngine, Caller, Operator, OperatorOrAuditor, OperatorOrCreator
from service.api.house import House, TheHouse
from service.api.instead import SIGNED, may_answer
from service.api.route import Route
from service.apikeys import KeyRole
from service.receipts import receipt_of
from service.shapes import rights as shapes
from service.shapes.shape import Id, Instant
from service.statements import PeriodEmpty, statement
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["rights"], route_class=Route)

_LD = "application/ld+json"


@router.post("/rights/parties", status_code=HTTPStatus.CREATED)
@may_answer(DocumentMalformed, PartyTaken)
def register_party(house: TheHouse, caller: Operator, asked: shapes.RegisterParty) -> shapes.Party:
    """Register a legal entity with its key: from now on what it signs is its own. An operator vouches."""
    entity = LegalEntity.from_json(asked.entity.model_dump(mode="json"))
    with house.database.write() as session:
        party = _rights(house).parties.register(
            session, entity, asked.key, by=By(How.OPERATOR, caller.key), now=house.clock()
        )
    house.record.log.publish(party.entry, now=house.clock())
    return _party(party)


@router.get("/rights/parties/{party}")
@may_answer(PartyUnknown)
def show_party(house: TheHouse, _: OperatorOrAuditor, party: Id) -> shapes.Party:
    """A legal entity, and its public key."""
    with house.database.read() as session:
        return _party(_rights(house).parties.get(session, party))


@router.post("/rights/licences/drafts", status_code=HTTPStatus.CREATED)
@may_answer(DocumentMalformed, PersonUnknown, PartyUnknown)
def draft(house: TheHouse, _: Operator, asked: shapes.DrawUpLicence) -> shapes.LicenceDraft:
    """Write the licence that its signatory reads and signs. Nothing is registered by it."""
    record, rights = house.record, _rights(house)
    people = {asked.person} if asked.person else set()
    with house.database.read() as session:
        if asked.signatory.kind is SignatoryKind.PARTY:
            rights.parties.get(session, asked.signatory.id)
        else:
            people.add(asked.signatory.id)
        for person in people:
            record.registry.people.get(session, person)
    wish = licences.LicenceWish(
        kind=asked.kind,
        person=asked.person,
        sources=None if asked.sources == licences.EVERY_SOURCE else frozenset(asked.sources),
        rights=frozenset(asked.rights),
        signatory=licences.Signatory(asked.signatory.kind, asked.signatory.id),
        start=asked.start,
        end=asked.end,
        notice_days=asked.notice_days,
        authority=asked.authority,
        paper=asked.paper,
    )
    drawn = draw_up_licence(wish, house.tenant, now=house.clock(), entropy=record.entropy)
    return shapes.LicenceDraft(
        licence=drawn.id, document=b64encode(drawn.encoded).decode(), sha256=drawn.digest
    )


@router.post("/rights/licences", status_code=HTTPStatus.CREATED)
@may_answer(
    NotCanonical, DocumentMalformed, LicenceNotAdmitted, NoSuchThing, PersonUnknown, PartyUnknown, *SIGNED
)
def register(house: TheHouse, caller: OperatorOrCreator, asked: shapes.RegisterLicence) -> shapes.Licence:
    """Register a licence: signed, or on paper and vouched for by the operator."""
    wanted = parse_licence(asked.document)
    if not caller.may_see(wanted.person or wanted.signatory.id):
        raise NoSuchThing("no such person here")
    with house.database.write() as session:
        standing = _rights(house).register(
            session, asked.document, asked.evidence, by=_by(caller), now=house.clock()
        )
    house.record.log.publish(standing.entry, now=house.clock())
    return _licence(standing)


@router.get("/rights/licences/{licence}")
@may_answer(RightsLicenceUnknown)
def show(house: TheHouse, caller: AnyButEngine, licence: Id) -> shapes.Licence:
    """A licence, and how it stands now. A creator sees what she signed, and what is of her portrait."""
    return _licence(_standing(house, caller, licence))


@router.post("/rights/licences/{licence}/endings")
@may_answer(RightsLicenceUnknown, EndingNotAllowed)
def end(house: TheHouse, caller: OperatorOrCreator, licence: Id, asked: shapes.EndLicence) -> shapes.Licence:
    """End a licence, after its notice period where one is due. Withdrawing consent needs no notice."""
    _standing(house, caller, licence)
    if caller.role is KeyRole.CREATOR and asked.reason in {Ending.AGREED, Ending.VOID}:
        raise EndingNotAllowed("that both sides agree, or that it is void, is for the operator to say")
    with house.database.write() as session:
        standing = _rights(house).end(session, licence, asked.reason, by=_by(caller), now=house.clock())
    house.record.log.publish(now=house.clock())
    return _licence(standing)


@router.get("/people/{person}/licences")
@may_answer(NoSuchThing, PersonUnknown)
def of_person(house: TheHouse, caller: AnyButEngine, person: Id) -> list[shapes.Licence]:
    """Every licence of her portrait, oldest first."""
    caller.expect(person, "person")
    with house.database.read() as session:
        house.record.registry.people.get(session, person)
        return [_licence(one) for one in _rights(house).of_person(session, person, now=house.clock())]


@router.get("/people/{person}/statement")
@may_answer(NoSuchThing, PersonUnknown, PeriodEmpty)
def uses(
    house: TheHouse, caller: OperatorOrCreator, person: Id, since: Instant, until: Instant
) -> shapes.Statement:
    """What was made with her consent in `[since, until)`, and what is owed by the terms she signed."""
    caller.expect(person, "person")
    made = statement(house.record, person, since=since, until=until)
    return shapes.Statement.model_validate(made.json())


@router.get(
    "/authorizations/{authorization}/receipt",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {_LD: {}}, "description": "The receipt, in JSON-LD."}},
)
@may_answer(AuthorizationUnknown, NoticeUnknown)
def receipt(house: TheHouse, caller: OperatorOrCreator, authorization: Id) -> Response:
    """Her receipt as a consent record of ISO/IEC TS 27560. It verifies without us; no recovery code in it."""
    now = house.clock()
    with house.database.read() as session:
        found = house.record.registry.standings(session, house.tenant, [authorization], now=now, lock=None)
    if authorization not in found or not caller.may_see(found[authorization].person):
        raise AuthorizationUnknown("no such authorization here")
    return Response(canonical(receipt_of(house.record, authorization, now=now)), media_type=_LD)


def _rights(house: House) -> Rights:
    return Rights(house.record.ledger, house.record.entropy)


def _by(caller: Caller) -> By:
    if caller.role is KeyRole.CREATOR:
        return By(How.OWN_SESSION, caller.person or "")
    return By(How.OPERATOR, caller.key)


def _standing(house: House, caller: Caller, licence: str) -> LicenceStanding:
    """How it stands, if the caller may see it. Raises as for one that is not there."""
    with house.database.read() as session:
        standing = _rights(house).get(session, licence, now=house.clock())
    said = standing.licence
    if not any(caller.may_see(one) for one in (said.person or "", said.signatory.id)):
        raise RightsLicenceUnknown("no such licence here")
    return standing


def _party(party: Party) -> shapes.Party:
    return shapes.Party(
        id=party.id,
        entity=shapes.LegalEntity.model_validate(party.entity.json()),
        key=party.key,
        method=party.method,
        registered_at=party.registered_at,
        entry=party.entry,
    )


def _licence(standing: LicenceStanding) -> shapes.Licence:
    said = standing.licence
    return shapes.Licence(
        licence=said.id,
        sha256=said.digest,
        kind=said.kind,
        person=said.person,
        sources="ALL" if said.sources is None else sorted(said.sources),
        rights=sorted(said.rights),
        signatory=shapes.Signatory(kind=said.signatory.kind, id=said.signatory.id),
        form=standing.form,
        in_force=standing.in_force,
        start=said.start,
        ends_at=standing.ends_at,
        notice_days=said.notice_days,
        paper=said.paper,
        entry=standing.entry,
    )
