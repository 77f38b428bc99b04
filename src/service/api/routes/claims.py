"""Takedown requests by anybody, court orders by operators, and appeals."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from sqlmodel import Session

from audit.errors import BadInput
from consent import docket
from consent.errors import AuthorizationUnknown
from service import revoking
from service.api.access import Caller, Operator, OperatorOrAuditor, OperatorOrCreator
from service.api.house import House, TheHouse, not_found
from service.api.instead import may_answer
from service.api.limits import Limits, RateLimited
from service.api.route import Route
from service.apikeys import KeyRole
from service.shapes import claims as shapes
from service.shapes.shape import Id
from swap.appeals import About, Appeal, AppealClosed, AppealNotYours
from swap.claim import Claim, ClaimClosed, StatementTooShort
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["claims"], route_class=Route)


class NotInGoodFaith(BadInput):
    """A takedown request that is not stated to be in good faith."""

    code = "CLAIM_GOOD_FAITH"
    zh = "下架请求须声明系善意提出。"
    hint = "Set good_faith to true if you believe what you state; false requests can make you liable."
    hint_zh = "若确信所述属实，请将 good_faith 设为 true；恶意请求可能承担责任。"


@router.post("/takedowns", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, StatementTooShort, NotInGoodFaith, RateLimited)
def takedown(house: TheHouse, request: Request, asked: shapes.RequestTakedown) -> shapes.Requested:
    """Ask that something be taken down: no key, no account. It is frozen now, and answered by `due_at`."""
    limits: Limits = request.app.state.limits
    limits.strangers.take(request.client.host if request.client else "")
    if not asked.good_faith:
        raise NotInGoodFaith("good_faith: expected true")
    record = house.record
    with house.database.write() as session:
        claim = record.claims.request(
            session, asked.target_kind, asked.target, asked.statement, asked.contact, now=house.clock()
        )
    record.log.publish(claim.entry, now=house.clock())
    return shapes.Requested(
        claim=claim.id, state=claim.state, frozen=claim.freezes, due_at=claim.due_at, entry=claim.entry
    )


@router.get("/claims")
def every(house: TheHouse, _: OperatorOrAuditor) -> list[shapes.Claim]:
    """All takedown requests and court orders, oldest first, without who made them."""
    with house.database.read() as session:
        return [_claim(each) for each in house.record.claims.every(session)]


@router.get("/claims/{claim}/contact")
@may_answer(NoSuchThing)
def contact(house: TheHouse, _: Operator, claim: Id) -> shapes.Contact:
    """Who made it and what was stated, for whoever looks at it."""
    with house.database.read() as session:
        house.record.claims.get(session, claim)
        said = house.record.claims.contact(session, claim) or {}
    return shapes.Contact(contact=said.get("contact"), statement=said.get("statement"))


@router.post("/claims/{claim}/answers")
@may_answer(NoSuchThing, ClaimClosed)
def answer(house: TheHouse, caller: Operator, claim: Id, asked: shapes.Answer) -> shapes.Claim:
    """Confirm it: outputs are withdrawn and the same files blocked. Or reject it: they are thawed."""
    return _claim(
        revoking.answered(
            house.record,
            lambda session: house.record.claims.decide(
                session,
                claim,
                confirm=asked.confirm,
                by=caller.requester,
                reason=asked.reason,
                now=house.clock(),
            ),
        )
    )


@router.post("/injunctions", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, AuthorizationUnknown)
def enter(house: TheHouse, caller: Operator, asked: shapes.Order) -> shapes.Claim:
    """Enter a court's order: frozen when this is answered. The same again is the same order."""
    return _claim(
        revoking.answered(
            house.record,
            lambda session: house.record.claims.order(
                session,
                asked.target_kind,
                asked.target,
                asked.document,
                by=caller.requester,
                now=house.clock(),
            ),
        )
    )


@router.post("/injunctions/{order}/lifts")
@may_answer(NoSuchThing, ClaimClosed)
def lift(house: TheHouse, caller: Operator, order: Id, asked: shapes.Lift) -> shapes.Claim:
    """End an order: what nothing else holds is thawed."""
    return _claim(
        revoking.answered(
            house.record,
            lambda session: house.record.claims.lift(
                session, order, by=caller.requester, reason=asked.reason, now=house.clock()
            ),
        )
    )


@router.post("/appeals", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing)
def appeal(house: TheHouse, caller: OperatorOrCreator, asked: shapes.Appeal) -> shapes.Appealed:
    """Appeal against a decision that names you or that you asked for, or against the answer to a claim."""
    record = house.record
    with house.database.write() as session:
        deciders = _deciders(house, session, caller, asked)
        made = record.appeals.lodge(
            session,
            asked.about,
            asked.subject,
            asked.ground,
            appellant=caller.line,
            deciders=(*deciders, caller.requester),
            now=house.clock(),
        )
    record.log.publish(now=house.clock())
    return _appeal(made)


@router.get("/appeals")
def every_appeal(house: TheHouse, caller: OperatorOrCreator) -> list[shapes.Appealed]:
    """Appeals, oldest first: a creator's own, for operators all."""
    own = caller.line if caller.role is KeyRole.CREATOR else None
    with house.database.read() as session:
        return [_appeal(each) for each in house.record.appeals.every(session, appellant=own)]


@router.post("/appeals/{appeal}/answers")
@may_answer(NoSuchThing, AppealClosed, AppealNotYours)
def answer_appeal(
    house: TheHouse, caller: Operator, appeal: Id, asked: shapes.AppealAnswer
) -> shapes.Appealed:
    """One operator's answer; the second closes it. Nothing is overridden: granted, it may be asked anew."""
    with house.database.write() as session:
        done = house.record.appeals.answer(
            session,
            appeal,
            operator=caller.requester,
            granted=asked.grant,
            reason=asked.reason,
            now=house.clock(),
        )
    house.record.log.publish(now=house.clock())
    return _appeal(done)


def _deciders(house: House, session: Session, caller: Caller, asked: shapes.Appeal) -> tuple[str, ...]:
    """Who decided what is appealed against. Raises `NoSuchThing` where the caller may not know of it."""
    if asked.about is About.CLAIM:
        claim = house.record.claims.get(session, asked.subject)
        if caller.role is KeyRole.CREATOR:
            raise not_found("claim")
        return tuple(one for one in (claim.received_by, claim.decided_by) if one)
    found = docket.find(session, house.tenant, asked.subject)
    if found is None:
        raise not_found("decision")
    if caller.role is KeyRole.CREATOR:
        named = {one.person for one in docket.people(session, house.tenant, asked.subject)}
        if caller.person not in named:
            raise not_found("decision")
    return tuple(house.record.appeals.deciders(session, found))


def _claim(claim: Claim) -> shapes.Claim:
    return shapes.Claim(
        claim=claim.id,
        kind=claim.kind,
        target_kind=claim.target_kind,
        target=claim.target,
        document=claim.document,
        state=claim.state,
        freezes=claim.freezes,
        received_at=claim.received_at,
        due_at=claim.due_at,
        decided_at=claim.decided_at,
        reason=claim.reason,
        entry=claim.entry,
    )


def _appeal(made: Appeal) -> shapes.Appealed:
    return shapes.Appealed(
        appeal=made.id,
        about=made.about,
        subject=made.subject,
        ground=made.ground,
        state=made.state,
        received_at=made.received_at,
        due_at=made.due_at,
        answers=[shapes.Said(granted=word.granted, reason=word.reason, at=word.at) for word in made.answers],
    )
