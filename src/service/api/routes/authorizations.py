"""Authorizations: drawn up here, signed on her side, registered, shown; withdrawn as easily."""

from base64 import b64encode
from http import HTTPStatus
from typing import Annotated, cast

import fastapi
from fastapi import APIRouter, Query

from consent import chain, handles, kinship
from consent.attachment import Attachment
from consent.authorization import Request, draw_up, parse
from consent.blindfold import BiometricsOff
from consent.capacity import Capacity, Representative
from consent.errors import (
    AuthorizationRefused,
    AuthorizationUnknown,
    DocumentMalformed,
    NoticeUnknown,
    NotSuspended,
    PersonUnknown,
    PhotoCount,
    PhotosDisagree,
    PurposeNotGiven,
    RecoveryCodeWrong,
    ReferenceNotAllowed,
    UnderOrder,
)
from consent.gone import PersonErased
from consent.kinship import NotHerRepresentative
from consent.notice import load_notices, newest
from consent.resemblances import FaceHeld
from consent.scope import Scope
from consent.standing import Standing
from consent.strict import decode
from consent.withdrawal import By, How
from service import revoking
from service.api.access import AnyButEngine, Caller, Operator, OperatorOrCreator
from service.api.house import House, TheHouse
from service.api.instead import DOCUMENT, PHOTO, SCOPE, SIGNED, may_answer
from service.api.limits import RateLimited
from service.api.route import PhotosRoute, Route
from service.api.strangers import expect_code
from service.apikeys import KeyRole
from service.layout import policies
from service.shapes import authorizations as shapes
from service.shapes.people import Event
from service.shapes.shape import Id
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["authorizations"], route_class=Route)
photos = APIRouter(prefix="/v1", tags=["authorizations"], route_class=PhotosRoute)


@router.post("/authorizations/drafts", status_code=HTTPStatus.CREATED)
@may_answer(PersonUnknown, NoticeUnknown, DocumentMalformed, *SCOPE)
def draft(house: TheHouse, _: Operator, asked: shapes.DrawUp) -> shapes.Draft:
    """Write the document that a person reads and signs. Nothing is registered by it."""
    record = house.record
    shown = newest(load_notices(policies(house.settings) / "notices"), asked.notice, asked.language)
    with house.database.read() as session:
        age = record.registry.people.get(session, asked.person).age_at(house.clock())
        if record.registry.noticeboard.find(session, shown.sha256) is None:
            raise NoticeUnknown(f"notice {shown.id} {shown.version} {shown.language} is not published")
    wanted = draw_up(
        Request(
            tenant=house.tenant,
            person=asked.person,
            scope=Scope.from_json(asked.scope.written()),
            capacity=Capacity(age, guardian=_acting(asked.guardian), heir=_acting(asked.heir)),
            supersedes=asked.supersedes,
            portrait_licence=asked.portrait_licence,
            attachments=frozenset(Attachment(one.sha256, one.size, one.kind) for one in asked.attachments),
        ),
        shown,
        now=house.clock(),
        entropy=record.entropy,
    )
    return shapes.Draft(
        authorization=wanted.id,
        document=b64encode(wanted.encoded).decode(),
        sha256=wanted.digest,
        notice=shown.sha256,
    )


@router.post("/authorizations", status_code=HTTPStatus.CREATED)
@may_answer(
    *DOCUMENT,
    *SIGNED,
    AuthorizationRefused,
    NotHerRepresentative,
    NoSuchThing,
    PersonErased,
    PersonUnknown,
    NoticeUnknown,
)
def grant(house: TheHouse, caller: OperatorOrCreator, asked: shapes.Grant) -> shapes.Granted:
    """Register a signed document. The receipt holds the recovery code, which is shown once."""
    caller.expect(parse(asked.document).person, "person")
    record = house.record
    with house.database.write() as session:
        done = record.registry.grant(session, asked.document, asked.evidence, now=house.clock())
        handle = handles.of(session, house.tenant, done.authorization, record.entropy)
    record.log.publish(done.entry, now=house.clock())
    return shapes.Granted(
        authorization=done.authorization,
        entry=done.entry,
        received_at=done.received_at,
        countersigned_by=done.kid,
        countersignature=done.countersignature.hex(),
        recovery_code=done.recovery_code,
        status_handle=handle,
    )


@router.get("/authorizations/{authorization}")
@may_answer(AuthorizationUnknown)
def show(house: TheHouse, caller: AnyButEngine, authorization: Id) -> shapes.Authorization:
    """How an authorization stands now, what it says, and all that happened to it."""
    standing = _standing(house, caller, authorization)
    with house.database.read() as session:
        events = chain.events(session, house.tenant, [authorization])[authorization]
    return shapes.Authorization(
        authorization=authorization,
        person=standing.person,
        document=cast("dict[str, object]", decode(standing.document.encoded)),
        status=dict(standing.status),
        in_force={purpose: standing.in_force(purpose) for purpose in standing.status},
        uses_left=dict(standing.uses_left),
        signature_valid=standing.signature_valid,
        notice_matches=standing.notice_matches,
        notice_current=standing.notice_current,
        disputed=standing.disputed,
        paused=sorted(standing.paused),
        head=standing.head,
        events=[Event(kind=e.kind, at=e.at, by=e.by, entry=e.entry) for e in events],
    )


@router.get("/authorizations/{authorization}/impact")
@may_answer(AuthorizationUnknown)
def impact(house: TheHouse, caller: AnyButEngine, authorization: Id) -> shapes.Impact:
    """What a withdrawal would touch."""
    _standing(house, caller, authorization)
    return _impact(house, authorization)


@router.post("/authorizations/{authorization}/withdrawals")
@may_answer(AuthorizationUnknown, PurposeNotGiven)
def withdraw(
    house: TheHouse, caller: OperatorOrCreator, authorization: Id, asked: shapes.Withdraw
) -> shapes.Withdrawn:
    """Withdraw consent, all of it or some purposes. In force when this is answered."""
    _standing(house, caller, authorization)
    by = (
        By(How.OWN_SESSION, caller.person or "")
        if caller.role is KeyRole.CREATOR
        else By(How.OPERATOR, caller.key)
    )
    return _withdrawn(house, authorization, revoking.Word(by=by), asked)


@router.post("/withdrawals")
@may_answer(AuthorizationUnknown, RecoveryCodeWrong, PurposeNotGiven, RateLimited)
def withdraw_by_code(
    house: TheHouse, request: fastapi.Request, asked: shapes.WithdrawByCode
) -> shapes.Withdrawn:
    """Withdraw with the recovery code of the receipt, and nothing else: no key, no account."""
    expect_code(house, request, asked.authorization, asked.code)
    return _withdrawn(house, asked.authorization, revoking.Word(code=asked.code), asked)


@router.post("/authorizations/{authorization}/disputes")
@may_answer(AuthorizationUnknown)
def dispute(house: TheHouse, caller: OperatorOrCreator, authorization: Id) -> shapes.Changed:
    """Nothing rests on it until the dispute is settled. One recorded as her heir may say so too."""
    by = _disputing(house, caller, authorization)
    entry = revoking.change(
        house.record,
        lambda session: house.record.registry.dispute(session, authorization, by=by, now=house.clock()),
    )
    return shapes.Changed(authorization=authorization, entry=entry)


@router.post("/authorizations/{authorization}/settlements")
@may_answer(AuthorizationUnknown, UnderOrder)
def settle(house: TheHouse, caller: Operator, authorization: Id) -> shapes.Changed:
    """End a dispute."""
    _standing(house, caller, authorization)
    entry = revoking.change(
        house.record,
        lambda session: house.record.registry.settle(
            session, authorization, by=_by(caller), now=house.clock()
        ),
    )
    return shapes.Changed(authorization=authorization, entry=entry)


@router.post("/authorizations/{authorization}/confirmations")
@may_answer(AuthorizationUnknown, NotSuspended, AuthorizationRefused, NotHerRepresentative, *SIGNED)
def reconfirm(
    house: TheHouse, caller: OperatorOrCreator, authorization: Id, asked: shapes.Reconfirm
) -> shapes.Changed:
    """Confirm a suspended authorization again, with a new signature of hers."""
    _standing(house, caller, authorization)
    entry = revoking.change(
        house.record,
        lambda session: house.record.registry.reconfirm(
            session, authorization, asked.evidence, now=house.clock()
        ),
    )
    return shapes.Changed(authorization=authorization, entry=entry)


@photos.post("/authorizations/{authorization}/references", status_code=HTTPStatus.CREATED)
@may_answer(
    AuthorizationUnknown, ReferenceNotAllowed, PhotoCount, PhotosDisagree, FaceHeld, BiometricsOff, *PHOTO
)
def references(
    house: TheHouse,
    caller: OperatorOrCreator,
    authorization: Id,
    asked: shapes.Photos,
    *,
    replace: Annotated[bool, Query(description="Put them in place of earlier ones.")] = False,
) -> shapes.References:
    """Make encrypted references from photos, on her consent. The photos themselves are not kept."""
    _standing(house, caller, authorization)
    record, studio = house.record, house.studio
    pixels = [studio.photos.read(photo) for photo in asked.photos]
    with house.database.write() as session:
        added = studio.enrolment.add_portraits(
            session, authorization, pixels, now=house.clock(), replace=replace
        )
    record.log.publish(now=house.clock())
    if not added:
        raise FaceHeld("the face is held for two people to look at; nothing of the photos was kept")
    return shapes.References(authorization=authorization, references=len(added))


def _disputing(house: House, caller: Caller, authorization: str) -> By:
    """Who disputes it, if it is any business of his. Raises as for one that is not there."""
    found, ledger = _found(house, authorization), house.record.ledger
    if caller.may_see(found.person):
        return _by(caller)
    with house.database.read() as session:
        if kinship.is_heir(session, ledger, found.person, caller.person or "", now=house.clock()):
            return By(How.REPRESENTATIVE, caller.person or "")
    raise AuthorizationUnknown("no such authorization here")


def _standing(house: House, caller: Caller, authorization: str) -> Standing:
    """How it stands, if the caller may see it. Raises as for one that is not there."""
    found = _found(house, authorization)
    if not caller.may_see(found.person):
        raise AuthorizationUnknown("no such authorization here")
    return found


def _found(house: House, authorization: str) -> Standing:
    with house.database.read() as session:
        found = house.record.registry.standings(
            session, house.tenant, [authorization], now=house.clock(), lock=None
        ).get(authorization)
    if found is None:
        raise AuthorizationUnknown("no such authorization here")
    return found


def _acting(one: shapes.Representative | None) -> Representative | None:
    return None if one is None else Representative(one.person, one.evidence)


def _by(caller: Caller) -> By:
    if caller.role is KeyRole.CREATOR:
        return By(How.OWN_SESSION, caller.person or "")
    return By(How.OPERATOR, caller.key)


def _impact(house: House, authorization: str) -> shapes.Impact:
    found = revoking.impact(house.record, authorization)
    return shapes.Impact(
        authorization=authorization,
        templates=list(found.templates),
        jobs=list(found.jobs),
        outputs=list(found.outputs),
        delivered=found.delivered,
        recipients=[shapes.Recipient.model_validate(one, from_attributes=True) for one in found.recipients],
    )


def _withdrawn(
    house: House, authorization: str, word: revoking.Word, asked: shapes.Withdraw
) -> shapes.Withdrawn:
    done = revoking.withdraw(house.record, authorization, word, asked.purposes)
    return shapes.Withdrawn(
        **_impact(house, authorization).model_dump(),
        purposes=sorted(done.purposes),
        status=done.status,
        entry=done.entry,
    )
