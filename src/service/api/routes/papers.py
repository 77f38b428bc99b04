"""The operator's papers: registered with what they cover, ended, listed."""

from http import HTTPStatus

from fastapi import APIRouter

from consent.errors import DocumentMalformed
from consent.papers import PaperUnknown, PaperWrong
from service.api.access import Operator, OperatorOrAuditor
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.shapes import papers as shapes
from service.shapes.shape import Id

router = APIRouter(prefix="/v1/papers", tags=["papers"], route_class=Route)


@router.post("", status_code=HTTPStatus.CREATED)
@may_answer(PaperWrong, DocumentMalformed)
def add(house: TheHouse, caller: Operator, asked: shapes.AddPaper) -> shapes.RegisteredPaper:
    """Register a paper. The document stays with the operator; its digest is in the log."""
    paper = asked.paper()
    with house.database.write() as session:
        done = house.record.papers.add(session, paper, by=caller.key, now=house.clock())
    house.record.log.publish(done.entry, now=house.clock())
    return shapes.RegisteredPaper.of(done)


@router.get("")
def every(house: TheHouse, _: OperatorOrAuditor) -> list[shapes.RegisteredPaper]:
    """All papers, newest first, ended ones too."""
    with house.database.read() as session:
        return [shapes.RegisteredPaper.of(found) for found in house.record.papers.every(session)]


@router.delete("/{paper}")
@may_answer(PaperUnknown)
def end(house: TheHouse, caller: Operator, paper: Id) -> shapes.RegisteredPaper:
    """It covers nothing from now on."""
    with house.database.write() as session:
        done = house.record.papers.end(session, paper, by=caller.key, now=house.clock())
    house.record.log.publish(now=house.clock())
    return shapes.RegisteredPaper.of(done)
