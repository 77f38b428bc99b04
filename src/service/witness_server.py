"""A witness served over HTTP (c2sp.org/tlog-witness): two routes, of which one writes.

Who asks is not asked: the log's own signature is what counts. Anybody may see what was cosigned last.
"""

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response

from audit.checkpoint import Checkpoint
from audit.errors import ConsentryError, Unready
from audit.witness import LONGEST_REQUEST, WitnessDesk, of_origin
from audit.witness import Request as Submission
from service.logs import LOG
from service.witness_home import WitnessHome

_TEXT = "text/plain; charset=utf-8"
_STALLED = 30.0
"""Seconds for a request's body."""


def witness_app(home: WitnessHome, desk: WitnessDesk, prefix: str = "") -> FastAPI:
    """The witness as an ASGI application, below `prefix`."""
    app = FastAPI(title="Consentry witness", docs_url=None, redoc_url=None, openapi_url=None)

    async def body(request: Request) -> bytes | None:
        """The request's body, one byte longer than it may be at most; None if it does not come."""
        held = bytearray()
        try:
            async with asyncio.timeout(_STALLED):
                async for chunk in request.stream():
                    held += chunk
                    if len(held) > LONGEST_REQUEST:
                        break
        except TimeoutError:
            return None
        return bytes(held)

    @app.exception_handler(ConsentryError)
    def fault(_request: Request, error: Exception) -> Response:
        code = error.code if isinstance(error, ConsentryError) else ""
        LOG.error("nothing was cosigned", extra={"code": code})
        return Response(f"{code}\n", 503 if isinstance(error, Unready) else 500, media_type=_TEXT)

    @app.post(f"{prefix}/add-checkpoint")
    def added(data: Annotated[bytes | None, Depends(body)]) -> Response:
        if data is None:
            return Response("the body did not come\n", 408, media_type=_TEXT)
        answer = desk.add(data)
        if answer.status == 200:
            _keep(home, desk, data, answer.body)
        elif answer.status == 422:
            LOG.error("a log shows what did not grow out of what it showed; see the folder `evidence`")
            home.accuse(data)
        return Response(answer.body, answer.status, headers={"content-type": answer.kind})

    @app.get(f"{prefix}/{{origin_hash}}/checkpoint")
    def latest(origin_hash: str) -> Response:
        known = origin_hash in {of_origin(origin) for origin in desk.logs}
        text = home.kept(origin_hash) if known else None
        if text is None:
            return Response("no checkpoint of this log was cosigned here\n", 404, media_type=_TEXT)
        return Response(text, media_type=_TEXT)

    return app


def _keep(home: WitnessHome, desk: WitnessDesk, data: bytes, line: str) -> None:
    text = Submission.parse(data).checkpoint
    checkpoint = Checkpoint.parse(text, desk.logs[text.partition("\n")[0]])
    try:
        home.keep(of_origin(checkpoint.origin), checkpoint.size, checkpoint.plain + line)
    except ConsentryError as error:
        # It was cosigned and is remembered: only monitors have to wait for the next one.
        LOG.warning("a cosigned checkpoint could not be kept", extra={"code": error.code})
