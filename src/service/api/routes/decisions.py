"""Decisions: read by operators and auditors; a hold lifted by two operators. And the policy in force."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from consent import docket
from consent.case import parse
from consent.docket import Answer, Recorded
from consent.gate import HoldUnknown, NotTwoPersons
from service.api import answers, cursor
from service.api.access import Anybody, Operator, OperatorOrAuditor
from service.api.cursor import CursorInvalid
from service.api.house import TheHouse, not_found
from service.api.instead import may_answer
from service.api.problem import permitted
from service.api.route import Route
from service.approvals import Approvals
from service.shapes import decisions as shapes
from service.shapes.page import Cursor, Limit, Page
from service.shapes.problem import Objection
from service.shapes.shape import Id
from swap.errors import NoSuchThing, PhotoGone, WrongState
from swap.lifting import Lifting

router = APIRouter(prefix="/v1", tags=["decisions"], route_class=Route)


@router.get("/decisions")
@may_answer(CursorInvalid)
def page(
    house: TheHouse,
    _: OperatorOrAuditor,
    after: Annotated[Cursor | None, Query()] = None,
    limit: Annotated[Limit, Query()] = 50,
) -> Page[shapes.Decision]:
    """Decisions, newest first."""
    with house.database.read() as session:
        found = docket.page(session, house.tenant, cursor.read(after), limit)
    more = len(found) == limit
    return Page(
        items=[_decision(one) for one in found],
        next=cursor.written(cursor.Place(found[-1].at, found[-1].id)) if more else None,
    )


@router.get("/decisions/{decision}")
@may_answer(NoSuchThing)
def show(house: TheHouse, _: OperatorOrAuditor, decision: Id) -> shapes.Decision:
    """A decision as it stands in the files."""
    with house.database.read() as session:
        found = docket.find(session, house.tenant, decision)
    if found is None:
        raise not_found("decision")
    return _decision(found)


@router.post("/decisions/{decision}/lifts", responses={HTTPStatus.ACCEPTED: {"model": shapes.Lifting}})
@may_answer(HoldUnknown, NotTwoPersons, WrongState, PhotoGone, gate=True)
def lift(house: TheHouse, caller: Operator, decision: Id, asked: shapes.Lift) -> shapes.Lifted:
    """Say that a hold may be lifted. The second operator's word lifts it; then all other rules run again.

    What is permitted then is done: a template is published, a swap's job begins.
    """
    lifting, now = Lifting(house.studio.admission, house.studio.pipeline), house.clock()
    with house.database.write() as session:
        held = docket.find(session, house.tenant, decision)
        if held is None or held.answer is not Answer.HOLD or held.closed is not None:
            raise HoldUnknown("expected the id of an open hold")
        first = Approvals(house.tenant).first(session, decision, caller.requester, asked.reason, now=now)
        if first is None:
            waiting = shapes.Lifting(decision=decision)
            return JSONResponse(waiting.model_dump(), HTTPStatus.ACCEPTED)  # type: ignore[return-value]
        said = "; ".join((first.reason, asked.reason))
        done = lifting.lift(session, decision, first.operator, caller.requester, said)
    house.record.log.publish(done.decision.ruling.entry, now=house.clock())
    given = answers.permit(permitted(done.decision))
    return shapes.Lifted(**given.model_dump(), job=done.job)


@router.get("/policy")
def policy(house: TheHouse, _: Anybody) -> shapes.Policy:
    """The policy in force: its digest, as decisions name it, and its rules."""
    found = house.record.policy
    return shapes.Policy(
        digest=found.digest,
        rules=[
            shapes.Rule(
                id=name,
                citation=rule.citation,
                message=rule.message,
                message_zh=rule.message_zh,
                severity=str(rule.severity),
            )
            for name, rule in sorted(found.rules.items())
        ],
    )


def _decision(found: Recorded) -> shapes.Decision:
    case = parse(found.case)
    return shapes.Decision(
        decision=found.id,
        follows=found.follows,
        action=found.action,
        stage=str(found.stage),
        answer=str(found.answer),
        rules=sorted({one.rule for one in found.objections}),
        objections=[Objection.model_validate(one, from_attributes=True) for one in found.objections],
        lifted=list(found.lifted),
        policy=found.policy,
        proof=found.proof,
        at=found.at,
        until=found.until,
        closed=None if found.closed is None else str(found.closed),
        requester=case.requester,
        template=case.template,
        entry=found.entry,
    )
