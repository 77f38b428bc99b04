"""For supervisors: `/healthz`, `/readyz` and `/metrics`. No key is asked for, and nothing of anybody's said.

Whoever serves this to the world closes `/metrics` at the proxy: how many people were refused is nobody's
secret key, and still nobody's business.
"""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from service import health
from service.facts import Lookout
from service.metrics import CONTENT_TYPE, Metrics


def router(lookout: Lookout, metrics: Metrics) -> APIRouter:
    """The three routes over a running deployment."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", summary="Does the process answer")
    def healthz() -> JSONResponse:
        return _said(health.live())

    @routes.get("/readyz", summary="Should it be sent requests", responses={503: {"description": "No: why."}})
    def readyz() -> JSONResponse:
        return _said(health.ready(lookout.facts()))

    @routes.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    def scrape() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return routes


def _said(answer: health.Answer) -> JSONResponse:
    return JSONResponse(dict(answer.to_json()), answer.status)
