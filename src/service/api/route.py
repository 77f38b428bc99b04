"""How every request is worked on: a POST once, whatever it raises as a problem, nothing cached by default."""

import asyncio
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any, ClassVar

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from audit.errors import BadInput, Unready
from service import logs
from service.api import problem
from service.api.access import BEARER, OPEN, Caller, authenticate
from service.api.house import House
from service.api.lingering import Lingering, unread
from service.apikeys import secret_of
from service.once import AT_WORK, Asked, Known, asked, at_work

HEADER = "Idempotency-Key"
LONGEST_KEY = 200
LARGEST_BODY = 1 << 20
"""Of a JSON request. Photos have a route with a limit of its own."""
BODY_SECONDS = 30.0
"""What a client has to send a body."""
PHOTOS_AT_ONCE = 8
"""Bodies of photos that a process holds in memory: each has several copies there while it is read."""

_PHOTOS = BoundedSemaphore(PHOTOS_AT_ONCE)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_KEPT = ("content-type", "location", problem.CODE.lower())


class IdempotencyKeyMissing(BadInput):
    """A POST without an Idempotency-Key."""

    code = "IDEMPOTENCY_KEY_MISSING"
    zh = "POST 请求缺少 Idempotency-Key。"
    hint = "Send a fresh random Idempotency-Key with each POST, and the same one when you repeat it."
    hint_zh = "每个 POST 请附带新的随机 Idempotency-Key；重发同一请求时使用同一个值。"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class IdempotencyKeyReused(BadInput):
    """An Idempotency-Key that came with another request before."""

    code = "IDEMPOTENCY_KEY_REUSED"
    zh = "该 Idempotency-Key 已用于另一请求。"
    hint = "Use a fresh key for each request."
    hint_zh = "每个请求请使用新的值。"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNPROCESSABLE_ENTITY


class RequestAtWork(BadInput):
    """The first sending of this request is being worked on."""

    code = "REQUEST_AT_WORK"
    zh = "同一请求正在处理中。"
    hint = "Repeat it in a moment, with the same Idempotency-Key: its answer will be there."
    hint_zh = "请稍后以同一 Idempotency-Key 重试，届时可取得结果。"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    retry_after = 1


class RequestUnfinished(BadInput):
    """The first sending took effect, and broke off before its answer was kept."""

    code = "REQUEST_UNFINISHED"
    zh = "该请求已生效，但结果未能保存。"
    hint = "Look up what it did (lists, the log); to do it again, send it with another Idempotency-Key."
    hint_zh = "请通过列表或日志查看其结果；如需再次执行，请更换 Idempotency-Key。"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class BodyStalled(BadInput):
    """A body that did not come."""

    code = "BODY_STALLED"
    zh = "请求内容未能按时传完。"
    hint = "Send the whole body without long pauses; repeat the request with the same Idempotency-Key."
    hint_zh = "请连续发送完整内容；并以同一 Idempotency-Key 重试。"
    status: ClassVar[HTTPStatus] = HTTPStatus.REQUEST_TIMEOUT


class BodyTooLarge(BadInput):
    """A body larger than this route takes."""

    code = "BODY_TOO_LARGE"
    zh = "请求内容过大。"
    hint = "JSON is at most 1 MiB, five photos at most 64 MiB."
    hint_zh = "JSON 最大 1 MiB；五张照片合计最大 64 MiB。"
    status: ClassVar[HTTPStatus] = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UploadsBusy(Unready):
    """As many bodies are on their way in as this process takes at once."""

    code = "UPLOADS_BUSY"
    zh = "同时上传的数量已达上限，请稍后重试。"
    hint = "Wait as long as Retry-After says; `uploads_at_once` in consentry.toml is the limit for templates."
    hint_zh = "请按 Retry-After 等待后重试；模板上传的上限为 consentry.toml 中的 `uploads_at_once`。"


class Route(APIRoute):
    """Every route of ours."""

    largest_body: ClassVar[int] = LARGEST_BODY
    buffered: ClassVar[bool] = True

    def get_route_handler(self) -> Handler:
        """The handler, with what all of them share."""
        work = super().get_route_handler()
        once = "POST" in (self.methods or set())
        takes_body = once or self.body_field is not None

        async def handled(request: Request) -> Response:
            if not (self.buffered and takes_body):
                return await work(request)
            if request.scope["route"].path not in OPEN:
                # Before a byte of it: who has no key could fill the memory with bodies.
                await authenticate(request, request.app.state.house, await BEARER(request))
            with self.place():
                await _bounded(request, self.largest_body)
                return await (_once(request, work) if once else work(request))

        async def handle(request: Request) -> Response:
            try:
                response = await handled(request)
            except ClientDisconnect:
                # Nobody is there to be answered, and nothing was begun: the body came first.
                response = Response(status_code=HTTPStatus.BAD_REQUEST)
            except Exception as error:  # noqa: BLE001  (each becomes an answer; a bug is logged there)
                response = problem.answer_to_any(error)
            if (takes_body or not self.buffered) and unread(request):
                # Who is answered before he has sent everything hears the answer.
                return Lingering(response)
            return response

        return handle

    @classmethod
    def place(cls) -> AbstractContextManager[None]:
        """Held while a body is in memory. Raises `UploadsBusy`."""
        return nullcontext()


class PhotosRoute(Route):
    """A route that takes a handful of photos."""

    largest_body = 64 << 20

    @classmethod
    @contextmanager
    def place(cls) -> Iterator[None]:
        """One of `PHOTOS_AT_ONCE`."""
        if not _PHOTOS.acquire(blocking=False):
            raise UploadsBusy(f"photos of {PHOTOS_AT_ONCE} requests are being received")
        try:
            yield
        finally:
            _PHOTOS.release()


class StreamingRoute(Route):
    """A route that takes its body as it comes (`body`, `inflow`). Never a POST: those are remembered."""

    buffered = False


async def _bounded(request: Request, most: int) -> None:
    """Read the body, of a bounded size and in a bounded time, to where FastAPI will look for it."""
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and int(stated) > most:
        raise BodyTooLarge(f"expected at most {most} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise BodyTooLarge(f"expected at most {most} bytes")
    except TimeoutError:
        raise BodyStalled(f"expected the whole body within {BODY_SECONDS:.0f} s") from None
    request._body = bytes(body)


async def _once(request: Request, work: Handler) -> Response:
    house: House = request.app.state.house
    if request.scope["route"].path in OPEN:
        # Nobody to remember an answer for; what these do, they may do twice.
        return await work(request)
    caller: Caller = request.state.caller
    key = request.headers.get(HEADER, "")
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyMissing(f"expected the header {HEADER} with 1 to {LONGEST_KEY} characters")
    target = request.url.path + "?" + request.url.query
    one = asked(caller.line, key, request.method, target, await request.body())
    secret = secret_of(request.state.token)
    known, sealed = await run_in_threadpool(_begin, house, one)
    match known:
        case Known.OTHER:
            raise IdempotencyKeyReused("this key came with another request")
        case Known.AT_WORK:
            raise RequestAtWork("this request is being worked on")
        case Known.UNFINISHED:
            raise RequestUnfinished("this request took effect; its answer was lost")
        case Known.ANSWERED:
            opened = house.once.open(secret, one, sealed or b"")
            if opened is None:
                raise RequestUnfinished("the stored answer can't be opened")
            return _thawed(opened)
        case Known.NEW:
            pass
    token = at_work.set(one)
    try:
        response = await work(request)
    except Exception as error:  # noqa: BLE001
        response = problem.answer_to_any(error)
    finally:
        at_work.reset(token)
    keep = partial(_keep, house, one, secret, response)
    try:
        await run_in_threadpool(keep)
    except Unready as error:
        # What was done is done, whether or not it can be told a second time: the answer is the true one.
        logs.LOG.warning("an answer waits to be kept", extra={"code": error.code})
        later = asyncio.create_task(_later(keep))
        waiting: set[asyncio.Task[None]] = request.app.state.waiting
        waiting.add(later)
        later.add_done_callback(waiting.discard)
    return response


async def _later(keep: Callable[[], None]) -> None:
    """Keep an answer once the database is back. Gives up before the record could be another request's."""
    pause, until = 0.25, time.monotonic() + AT_WORK.total_seconds() / 2
    while time.monotonic() < until:
        await asyncio.sleep(pause)
        pause = min(2 * pause, 5.0)
        try:
            await run_in_threadpool(keep)
        except Unready:
            continue
        return


def _begin(house: House, one: Asked) -> tuple[Known, bytes | None]:
    with house.database.write() as session:
        return house.once.begin(session, one, now=house.clock())


def _keep(house: House, one: Asked, secret: bytes, response: Response) -> None:
    """Store the answer; forget a request that changed nothing and may be tried again."""
    with house.database.write() as session:
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and not one.effective:
            house.once.forget(session, one)
        elif response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            house.once.answer(session, one, house.once.seal(secret, one, _frozen(response)))


def _frozen(response: Response) -> bytes:
    headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
    body = b64encode(bytes(response.body)).decode()
    return json.dumps({"status": response.status_code, "headers": headers, "body": body}).encode()


def _thawed(answer: bytes) -> Response:
    value = json.loads(answer)
    response = Response(b64decode(value["body"]), value["status"], value["headers"])
    response.headers["Idempotent-Replay"] = "true"
    return response
