"""Our engine served to another machine over HTTP, both sides showing certificates. Keeps nothing on disk."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from audit.errors import BadInput, ConsentryError, Unready
from swap import enginewire
from swap.engine import Rendered
from swap.enginewire import EngineGarbled, Kind
from swap.hosting import Host, NoSuchRun
from swap.limits import Limits
from swap.masks import LOOK_AHEAD
from swap.misconduct import EngineCrashed, RunOvertaken

_MOST_FRAMES = LOOK_AHEAD
"""Frames in one request."""


class ServingInTheOpen(Unready):
    """An engine server that asks nobody who he is, reachable by others."""

    code = "ENGINE_SERVED_OPENLY"
    zh = "引擎服务未配置双向证书，且监听非本机地址。"
    hint = "Give --cert, --key and --client-ca; without them only 127.0.0.1 is served, in mode demo."
    hint_zh = "请提供 --cert、--key 与 --client-ca；否则仅可在 demo 模式下监听 127.0.0.1。"


class BodyTooLong(BadInput):
    """A request with more bytes than the largest that is agreed on."""

    code = "ENGINE_BODY_TOO_LONG"
    zh = "请求体超出上限。"
    hint = "Send fewer frames at once; a frame and a portrait have the limits of swap.limits."
    hint_zh = "请减少单次发送的帧数；单帧与照片的上限见 swap.limits。"


def server_app(host: Host, limits: Limits) -> FastAPI:
    """Four routes: who is there, open, step, end. Authentication is the connection's and the ticket's."""
    app = FastAPI(title="Consentry engine", docs_url=None, redoc_url=None, openapi_url=None)
    longest = max(limits.max_photo_pixels * 3 + (64 << 20), limits.max_pixels * 3 * 4)

    async def body(request: Request) -> bytes:
        """The request's body, as long as it may be and no longer."""
        held = bytearray()
        async for chunk in request.stream():
            held += chunk
            if len(held) > longest:
                raise BodyTooLong(f"more than {longest} bytes")
        return bytes(held)

    @app.exception_handler(ConsentryError)
    def answered(_request: Request, error: Exception) -> Response:
        code = error.code if isinstance(error, ConsentryError) else EngineCrashed.code
        return JSONResponse({"code": code}, status_code=_status(error))

    @app.get("/v1/engine")
    def identity() -> JSONResponse:
        return JSONResponse(host.identity.to_json())

    @app.post("/v1/runs", status_code=201)
    def opened(data: Annotated[bytes, Depends(body)]) -> JSONResponse:
        ticket = host.open(enginewire.opening(data, limits))
        said = {
            "run": ticket.run,
            "ticket": ticket.secret,
            "seconds": ticket.seconds,
            "engine": host.identity.to_json(),
        }
        return JSONResponse(said, status_code=201)

    @app.post("/v1/runs/{run}/frames")
    def stepped(
        run: str,
        data: Annotated[bytes, Depends(body)],
        authorization: Annotated[str, Header()] = "",
        last: int = 0,
        deflate: int = 0,
    ) -> StreamingResponse:
        frames = enginewire.frames(data, limits)
        if len(frames) > _MOST_FRAMES:
            raise EngineGarbled(f"more than {_MOST_FRAMES} frames at once")
        steps = host.step(run, _ticket(authorization), frames, last=bool(last))
        return StreamingResponse(_told(steps, deflate=bool(deflate)), media_type="application/octet-stream")

    @app.delete("/v1/runs/{run}", status_code=204)
    def closed(run: str, authorization: Annotated[str, Header()] = "") -> Response:
        host.close(run, _ticket(authorization))
        return Response(status_code=204)

    return app


def configured(
    app: FastAPI,
    *,
    address: str,
    port: int,
    cert: Path | None,
    key: Path | None,
    client_ca: Path | None,
    demo: bool,
) -> uvicorn.Config:
    """How uvicorn serves it. Raises `ServingInTheOpen` without certificates beyond this machine."""
    proofs = (cert, key, client_ca)
    if None in proofs and (any(proofs) or not demo or address not in {"127.0.0.1", "::1"}):
        raise ServingInTheOpen("an engine server asks for certificates and shows one")
    return uvicorn.Config(
        app,
        host=address,
        port=port,
        ssl_certfile=cert,
        ssl_keyfile=key,
        ssl_ca_certs=None if client_ca is None else str(client_ca),
        ssl_cert_reqs=ssl.CERT_NONE if client_ca is None else ssl.CERT_REQUIRED,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
    )


def _told(steps: Iterator[object], *, deflate: bool) -> Iterator[bytes]:
    """The records of one step. The answer has begun, so what goes wrong is a record as well."""
    try:
        for each in steps:
            if not isinstance(each, Rendered):
                yield enginewire.ended(each)  # type: ignore[arg-type]  # a step gives frames and a report
                return
            yield enginewire.returned(each, deflate=deflate)
    except ConsentryError as error:
        yield enginewire.told(Kind.FAULT, {"code": error.code})
        return
    yield enginewire.record(Kind.HUNGRY)


def _ticket(authorization: str) -> str:
    scheme, _, ticket = authorization.partition(" ")
    return ticket if scheme.lower() == "bearer" and ticket.isascii() else ""


_STATUS: dict[type[ConsentryError], int] = {NoSuchRun: 404, RunOvertaken: 409, BodyTooLong: 413}


def _status(error: Exception) -> int:
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    return 503 if isinstance(error, Unready) else 400
