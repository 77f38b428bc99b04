"""Contracts from before: brought in as unproven, and listed. Nothing is ever permitted on one."""

from http import HTTPStatus

from fastapi import APIRouter

from consent import unproven
from consent.asking_errors import ContractKnown
from consent.errors import DocumentMalformed, PersonUnknown
from service.api.access import Operator, OperatorOrAuditor
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.shapes import contracts as shapes

router = APIRouter(prefix="/v1/contracts", tags=["requests"], route_class=Route)


@router.post("", status_code=HTTPStatus.CREATED)
@may_answer(ContractKnown, PersonUnknown, DocumentMalformed)
def bring_in(house: TheHouse, caller: Operator, asked: shapes.BringIn) -> shapes.Contract:
    """Keep what a paper from before is said to allow. It is no consent: ask the person."""
    record = house.record
    claim = unproven.Claim(asked.sha256, frozenset(asked.purposes), asked.person, asked.until)
    with house.database.write() as session:
        kept = unproven.bring_in(
            session, record.registry.people, claim, by=caller.requester, now=house.clock()
        )
    record.log.publish(kept.entry, now=house.clock())
    return _shaped(kept)


@router.get("")
def every(house: TheHouse, _: OperatorOrAuditor) -> list[shapes.Contract]:
    """All that were brought in, newest first."""
    with house.database.read() as session:
        return [_shaped(one) for one in unproven.contracts(session, house.tenant)]


def _shaped(one: unproven.Contract) -> shapes.Contract:
    return shapes.Contract(
        contract=one.id,
        sha256=one.claim.sha256,
        person=one.claim.person,
        purposes=tuple(sorted(one.claim.purposes)),
        until=one.claim.until,
        by=one.by,
        at=one.at,
        entry=one.entry,
    )
