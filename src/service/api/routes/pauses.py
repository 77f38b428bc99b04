"""Pauses: her consent at rest, and going on. As easy as withdrawing."""

from fastapi import APIRouter, Request

from consent.asking_errors import ResumeNotHers
from consent.errors import AuthorizationUnknown, PurposeNotGiven, RecoveryCodeWrong
from consent.pausing import Rest
from consent.withdrawal import By, How
from service import asking
from service.api.access import Caller, Creator, OperatorOrCreator
from service.api.house import House, TheHouse
from service.api.instead import may_answer
from service.api.limits import RateLimited
from service.api.route import Route
from service.api.strangers import expect_code
from service.apikeys import KeyRole
from service.revoking import Word
from service.shapes import pauses as shapes
from service.shapes.shape import Id

router = APIRouter(prefix="/v1", tags=["authorizations"], route_class=Route)


@router.post("/authorizations/{authorization}/pauses")
@may_answer(AuthorizationUnknown, PurposeNotGiven)
def pause(
    house: TheHouse, caller: OperatorOrCreator, authorization: Id, asked: shapes.Rest
) -> shapes.Resting:
    """Let it rest, all of it or some purposes. In force when this is answered; nothing is lost by it."""
    word = Word(by=_by(house, caller, authorization))
    return _shaped(asking.rest(house.record, authorization, word, asked.purposes, paused=True))


@router.post("/authorizations/{authorization}/resumptions")
@may_answer(AuthorizationUnknown, PurposeNotGiven, ResumeNotHers)
def resume(house: TheHouse, caller: Creator, authorization: Id, asked: shapes.Rest) -> shapes.Resting:
    """Let it go on. Only she can, with nothing to sign."""
    word = Word(by=_by(house, caller, authorization))
    return _shaped(asking.rest(house.record, authorization, word, asked.purposes, paused=False))


@router.post("/pauses")
@may_answer(AuthorizationUnknown, RecoveryCodeWrong, PurposeNotGiven, RateLimited)
def pause_by_code(house: TheHouse, request: Request, asked: shapes.RestByCode) -> shapes.Resting:
    """Let it rest with the recovery code of the receipt, and nothing else."""
    expect_code(house, request, asked.authorization, asked.code)
    word = Word(code=asked.code)
    return _shaped(asking.rest(house.record, asked.authorization, word, asked.purposes, paused=True))


@router.post("/resumptions")
@may_answer(AuthorizationUnknown, RecoveryCodeWrong, PurposeNotGiven, ResumeNotHers, RateLimited)
def resume_by_code(house: TheHouse, request: Request, asked: shapes.RestByCode) -> shapes.Resting:
    """Let it go on with the recovery code of the receipt, and nothing else."""
    expect_code(house, request, asked.authorization, asked.code)
    word = Word(code=asked.code)
    return _shaped(asking.rest(house.record, asked.authorization, word, asked.purposes, paused=False))


def _by(house: House, caller: Caller, authorization: str) -> By:
    """Who speaks, if the authorization is any business of his. Raises as for one that is not there."""
    with house.database.read() as session:
        found = house.record.registry.standings(
            session, house.tenant, [authorization], now=house.clock(), lock=None
        ).get(authorization)
    if found is None or not caller.may_see(found.person):
        raise AuthorizationUnknown("no such authorization here")
    if caller.role is KeyRole.CREATOR:
        return By(How.OWN_SESSION, caller.person or "")
    return By(How.OPERATOR, caller.key)


def _shaped(done: Rest) -> shapes.Resting:
    return shapes.Resting(
        authorization=done.authorization,
        changed=sorted(done.changed),
        paused=sorted(done.paused),
        entry=done.entry,
    )
