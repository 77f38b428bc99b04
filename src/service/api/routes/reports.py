"""Whether the log adds up, over HTTP. Records of processing and samples are files: `consentry report`."""

from http import HTTPStatus
from threading import Lock
from typing import ClassVar

from fastapi import APIRouter

from audit.errors import BadInput
from audit.log import EntryUnpublished
from service.api.access import OperatorOrAuditor
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.reports.processing import complete
from service.shapes import reports as shapes

router = APIRouter(prefix="/v1/reports", tags=["log"], route_class=Route)

_READING = Lock()


class ReportsBusy(BadInput):
    """Somebody's report is being read from the log by this process."""

    code = "REPORTS_BUSY"
    zh = "本进程正在为他人核对日志。"
    hint = "Wait as long as Retry-After says. `consentry report completeness` waits for nobody."
    hint_zh = "请按 Retry-After 等待；也可运行 `consentry report completeness`，无需等待。"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS
    retry_after = 30


@router.get("/completeness")
@may_answer(EntryUnpublished, ReportsBusy)
def completeness(house: TheHouse, _: OperatorOrAuditor) -> shapes.Completeness:
    """Whether everything adds up under the last public checkpoint. Reads the whole log, which may be long."""
    # One at a time: each reads all there is, and a caller with a loop must not take every thread.
    if not _READING.acquire(blocking=False):
        raise ReportsBusy("the log is being read for another report")
    try:
        found = complete(house.record)
    finally:
        _READING.release()
    return shapes.Completeness.model_validate(found.json())
