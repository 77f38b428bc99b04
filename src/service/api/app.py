"""The HTTP application: routes, errors, limits, and what every answer carries."""

import time
from collections.abc import Callable
from functools import cache
from http import HTTPMethod
from importlib.metadata import version
from secrets import token_hex
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import logs
from service.api import problem
from service.api.access import OPEN
from service.api.copies import Copies
from service.api.document import document, operation_id
from service.api.house import House
from service.api.limits import Buckets, Limits
from service.api.routes import (
    assignments,
    authorizations,
    claims,
    contracts,
    decisions,
    evidence,
    health,
    hooks,
    keys,
    legalholds,
    links,
    log,
    notices,
    outputs,
    pages,
    papers,
    pauses,
    people,
    petitions,
    proofs,
    protections,
    refusals,
    reports,
    requests,
    rights,
    scans,
    signing,
    status,
    swaps,
    templates,
    uploads,
    verifications,
)
from service.api.walk import roles, routes

_METHODS = frozenset(HTTPMethod)
ROUTERS = (
    health.router,
    keys.router,
    people.router,
    papers.router,
    proofs.router,
    proofs.clips,
    notices.router,
    authorizations.router,
    authorizations.photos,
    links.router,
    signing.router,
    pages.router,
    pauses.router,
    requests.router,
    contracts.router,
    rights.router,
    decisions.router,
    templates.router,
    assignments.router,
    uploads.bodies,
    uploads.router,
    scans.router,
    swaps.router,
    swaps.photos,
    outputs.router,
    claims.router,
    hooks.router,
    status.router,
    log.router,
    reports.router,
    verifications.router,
    verifications.uploads,
    refusals.router,
    protections.router,
    petitions.router,
    legalholds.router,
    evidence.router,
)


def build(house: House) -> FastAPI:
    """The application over an opened house. Raises `RuntimeError` for a route that nobody guards."""
    app = surface()
    settings = house.settings
    app.state.house = house
    app.state.limits = Limits(
        Buckets(settings.requests_a_second, settings.requests_at_once),
        Buckets(1, 20),
    )
    app.state.copies = Copies()
    # Answers that wait for the database to be kept: asyncio itself holds its tasks weakly.
    app.state.waiting = set()
    app.state.uploads = CapacityLimiter(settings.uploads_at_once)
    problem.install(app)
    _guarded(app)
    app.add_middleware(Envelope, observe=house.metrics.observe)
    return app


class Envelope:
    """What every answer carries, whatever happened: a request id, and headers that keep it where it is."""

    HEADERS = (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    )

    def __init__(self, app: ASGIApp, observe: Callable[[str, str, int, float], None]) -> None:
        self.app, self.observe = app, observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status, name = time.monotonic(), 500, token_hex(8)
        token = logs.request_id.set(name)
        framed = {key for key, _ in scope["headers"]} & {b"content-length", b"transfer-encoding"}

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", []))
                present = {key.lower() for key, _ in headers}
                headers += [(key, value) for key, value in self.HEADERS if key not in present]
                if b"cache-control" not in present:
                    headers.append((b"cache-control", b"no-store"))
                headers.append((b"x-request-id", name.encode()))
                if len(framed) > 1 and b"connection" not in present:
                    # RFC 9112, 6.3: what follows may be a request only for us, and not for a proxy.
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            # A client may send any word: each would be a series of its own, and stand in the log.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            seconds = time.monotonic() - begun
            self.observe(method, route, status, seconds)
            logs.LOG.info(
                "request",
                extra={
                    "method": method,
                    "route": route,
                    "status": status,
                    "seconds": round(seconds, 4),
                },
            )
            logs.request_id.reset(token)


def surface() -> FastAPI:
    """The application's routes and their document, over no house: nothing of it can be answered."""
    app = FastAPI(
        title="Consentry",
        version=version("consentry"),
        # Its pages load scripts from elsewhere; the document itself is served.
        docs_url=None,
        redoc_url=None,
        # Whoever adds a slash would be sent on to whatever host the request named, without TLS.
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    for router in ROUTERS:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                # What is no route of ours can't be walked, and has no place here.
                raise TypeError("expected routes with dependencies, no mounts")
        app.include_router(router)
    app.openapi = described  # type: ignore[method-assign]
    return app


@cache
def described() -> dict[str, Any]:
    """The document of every application of ours, whatever its house: made once, when first asked for."""
    return document(surface())


def _guarded(app: FastAPI) -> None:
    """Refuse to be built with a route that is neither open by name nor for named roles."""
    for route in routes(app):
        if route.path not in OPEN and not roles(route):
            raise RuntimeError(f"nobody guards {route.path}")
