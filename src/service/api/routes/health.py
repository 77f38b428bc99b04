"""For supervisors: `/healthz` and `/readyz` for anybody, in codes alone; `/metrics` for who has a key."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from service import health
from service.api.access import OperatorOrAuditor
from service.api.house import TheHouse
from service.api.route import Route
from service.metrics import CONTENT_TYPE
from service.shapes.health import Health

router = APIRouter(tags=["health"], route_class=Route)
_NOT_READY: dict[int | str, dict[str, Any]] = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"model": Health, "description": "No: why."}
}


@router.get("/healthz", response_model=Health)
async def healthz() -> Response:
    """Does the process answer."""
    # In the loop itself: with every thread waiting for a database that is away, it does.
    return _said(health.live())


@router.get("/readyz", response_model=Health, responses=_NOT_READY)
def readyz(house: TheHouse) -> Response:
    """Should it be sent requests. The codes are those of `docs/monitoring.md`."""
    return _said(health.ready(house.lookout.facts()))


@router.get("/metrics", response_class=Response, responses={HTTPStatus.OK: {"content": {CONTENT_TYPE: {}}}})
def metrics(house: TheHouse, _: OperatorOrAuditor) -> Response:
    """Metrics for Prometheus, counted in the database: ask any one of several processes."""
    return Response(house.metrics.text(), media_type=CONTENT_TYPE)


def _said(answer: health.Answer) -> JSONResponse:
    return JSONResponse(dict(answer.to_json()), answer.status)
