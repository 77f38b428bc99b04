"""An engine on another machine, as an engine: frames out, rectangles and masks back, in lock-step.

We push; the engine never reaches us. It gets a run's frames, the permitted tracks and the portrait,
under a ticket for this attempt alone, and no permit. What it sends is checked like any engine's.
See docs/decisions/0014.
"""

import ssl
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import httpx

from audit.errors import ConsentryError, Diverged, Unready
from audit.ids import Entropy, fresh
from swap import enginewire
from swap.engine import PermittedTrack, Portrait, Rendered, Report
from swap.enginewire import EngineGarbled, Identity, Kind, Opening
from swap.frames import Frame
from swap.hosting import EngineBusy, NoSuchRun
from swap.masks import LOOK_AHEAD
from swap.misconduct import (
    EngineCrashed,
    EngineHoards,
    EngineLong,
    EngineStalled,
    PortraitUnusable,
    RunOvertaken,
)

_BATCH_FRAMES, _BATCH_BYTES = 8, 32 << 20
_CONNECT_SECONDS = 5.0
_SMALL_ANSWER = 1 << 20
_SAID: dict[str, type[ConsentryError]] = {
    error.code: error
    for error in (PortraitUnusable, EngineStalled, EngineBusy, RunOvertaken, EngineGarbled, EngineHoards)
}


class EngineAway(Unready):
    """The engine server can't be reached, or broke off in the middle."""

    code = "ENGINE_AWAY"
    zh = "无法连接远程引擎，或连接中途断开。"
    hint = (
        "Start the engine server; check engine_url, and that it trusts engine_cert. The job is tried again."
    )
    hint_zh = "请启动引擎服务，检查 engine_url 及其是否信任 engine_cert；任务将自动重试。"


class EngineUntrusted(Unready):
    """One of the two sides could not show the other who it is."""

    code = "ENGINE_UNTRUSTED"
    zh = "与远程引擎的双向证书校验失败。"
    hint = "Check engine_ca, engine_cert and engine_key, and the authority that the engine server trusts."
    hint_zh = "请检查 engine_ca、engine_cert、engine_key，以及引擎服务所信任的证书机构。"


class EngineChanged(Diverged):
    """The engine server runs another engine, or other models, than when this process asked."""

    code = "ENGINE_CHANGED"
    zh = "远程引擎的版本或模型与许可所列不符。"
    hint = "Restart the worker, and ask for the swap anew: a permit names the engine's models."
    hint_zh = "请重启工作进程并重新申请换脸：许可中写明了引擎的模型。"


@dataclass(frozen=True, slots=True)
class Line:
    """How an engine server is reached."""

    url: str
    ca: Path | None
    cert: Path | None
    key: Path | None
    timeout: float
    """Seconds the server may be silent."""
    deflate: bool = False

    def client(self) -> httpx.Client:
        """A connection that trusts one authority, shows a certificate and follows nobody elsewhere.

        Raises `EngineUntrusted` for certificates that can't be read.
        """
        try:
            trust: ssl.SSLContext | bool = True
            if self.ca is not None and self.cert is not None:
                trust = ssl.create_default_context(cafile=self.ca)
                trust.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            raise EngineUntrusted(f"a certificate or key can't be loaded ({error.strerror})") from None
        return httpx.Client(
            base_url=self.url,
            verify=trust,
            timeout=httpx.Timeout(self.timeout, connect=min(_CONNECT_SECONDS, self.timeout)),
            trust_env=False,
            follow_redirects=False,
        )


class RemoteEngine:
    """A `swap.engine.Engine`, and `Fenced`."""

    def __init__(self, line: Line, identity: Identity, entropy: Entropy) -> None:
        """Made by `reach`."""
        self._line, self._identity, self._entropy = line, identity, entropy
        # Whoever consented to an engine on this machine has not consented to her pictures leaving it.
        self.name = f"remote-{identity.name}"
        self.version, self.digests = identity.version, identity.digests

    @classmethod
    def reach(cls, line: Line, entropy: Entropy) -> "RemoteEngine":
        """Ask who is there. Raises `EngineAway`, `EngineUntrusted`, `EngineGarbled`."""
        with line.client() as client, _plainly():
            return cls(line, Identity.from_json(_asked(client, "GET", "/v1/engine")), entropy)

    def bound(self, job: str, attempt: int) -> "BoundEngine":
        """For one attempt of a job."""
        return BoundEngine(self._line, self._identity, self.name, job, attempt)

    def render(
        self,
        frames: Iterator[Frame],
        tracks: Sequence[PermittedTrack],
        portrait: Portrait,
        *,
        cancelled: Callable[[], bool],
    ) -> Generator[Rendered, None, Report]:
        """As a job of its own, for trying the engine out."""
        return self.bound(fresh(self._entropy), 1).render(frames, tracks, portrait, cancelled=cancelled)


@dataclass(frozen=True, slots=True)
class BoundEngine:
    """The engine for one attempt of one job."""

    line: Line
    identity: Identity
    name: str
    job: str
    attempt: int

    @property
    def version(self) -> str:
        """The version over there."""
        return self.identity.version

    @property
    def digests(self) -> Any:
        """The models over there."""
        return self.identity.digests

    def render(
        self,
        frames: Iterator[Frame],
        tracks: Sequence[PermittedTrack],
        portrait: Portrait,
        *,
        cancelled: Callable[[], bool],
    ) -> Generator[Rendered, None, Report]:
        """See `swap.engine.Engine`.

        Raises `EngineAway`, `EngineUntrusted`, `EngineStalled`, `EngineBusy`: the job may be tried
        again. `EngineGarbled`, `EngineChanged`, `EngineLong`, `RunOvertaken`: it may not.
        """
        with self.line.client() as client:
            with _plainly():
                run = self._open(client, Opening(self.job, self.attempt, tracks, portrait))
            try:
                return (yield from self._lock_step(client, run, frames, cancelled))
            finally:
                # Where the run has ended there is nothing to delete, and where the engine is gone nobody.
                with suppress(httpx.HTTPError):
                    client.delete(run.path, headers=run.headers, timeout=2.0)

    def _open(self, client: httpx.Client, opening: Opening) -> "_RemoteRun":
        body = enginewire.opened(opening, deflate=self.line.deflate)
        said = _asked(client, "POST", "/v1/runs", body)
        if Identity.from_json(said.get("engine")) != self.identity:
            raise EngineChanged("the engine server is not the one that the permit names")
        run, ticket = said.get("run"), said.get("ticket")
        if not isinstance(run, str) or not isinstance(ticket, str) or not (run + ticket).isalnum():
            raise EngineGarbled("the engine server opened no run")
        return _RemoteRun(f"/v1/runs/{run}", {"Authorization": f"Bearer {ticket}"})

    def _lock_step(
        self, client: httpx.Client, run: "_RemoteRun", frames: Iterator[Frame], cancelled: Callable[[], bool]
    ) -> Generator[Rendered, None, Report]:
        held: deque[Frame] = deque()
        last = False
        while not cancelled():
            batch = [] if last else list(_batch(frames, room=LOOK_AHEAD - len(held)))
            last = last or not batch
            held.extend(batch)
            body = b"".join(enginewire.sent(frame, deflate=self.line.deflate) for frame in batch)
            report = None
            with _plainly():
                for kind, said in self._answers(client, run, body, last=last):
                    match kind:
                        case Kind.RENDERED if held:
                            yield enginewire.rendered(said, held.popleft())
                        case Kind.RENDERED:
                            raise EngineLong("the engine gave a frame that it was never given")
                        case Kind.END:
                            report = enginewire.report(said)
                        case Kind.HUNGRY if not last:
                            pass
                        case Kind.FAULT:
                            raise _said(enginewire.fault(said))
                        case _:
                            raise EngineGarbled("the engine said something that is not its turn to say")
                    if cancelled():
                        return Report(0, ())
            if report is not None:
                return report
            if len(held) >= LOOK_AHEAD:
                raise EngineHoards(f"the engine holds {LOOK_AHEAD} frames and wants more")
        return Report(0, ())

    def _answers(
        self, client: httpx.Client, run: "_RemoteRun", body: bytes, *, last: bool
    ) -> Iterator[tuple[Kind, bytes]]:
        """The records of one step, as they come. Raises `EngineAway` where they end too soon."""
        asked = {"last": int(last), "deflate": int(self.line.deflate)}
        over = False
        with client.stream(
            "POST", f"{run.path}/frames", content=body, headers=run.headers, params=asked
        ) as answer:
            if not answer.is_success:
                _refuse(answer.status_code, _start(answer))
            for kind, said in enginewire.records(answer.iter_bytes()):
                if over:
                    raise EngineGarbled("the engine goes on after the end of a step")
                over = kind in {Kind.HUNGRY, Kind.END, Kind.FAULT}
                yield kind, said
        if not over:
            raise EngineAway("the engine server broke off within a step")


@dataclass(frozen=True, slots=True)
class _RemoteRun:
    path: str
    headers: dict[str, str]


def _batch(frames: Iterator[Frame], *, room: int) -> Iterator[Frame]:
    size = 0
    for _ in range(min(room, _BATCH_FRAMES)):
        frame = next(frames, None)
        if frame is None:
            return
        size += frame.image.size
        yield frame
        if size >= _BATCH_BYTES:
            return


def _asked(client: httpx.Client, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    """A short answer in JSON. Raises what the server says is wrong, if it says no."""
    with client.stream(method, path, content=body) as answer:
        start = _start(answer)
    if not answer.is_success:
        _refuse(answer.status_code, start)
    return enginewire.parsed(start)


def _start(answer: httpx.Response) -> bytes:
    """An answer that is to be short, as far as it may go."""
    held = bytearray()
    for chunk in answer.iter_bytes():
        held += chunk
        if len(held) > _SMALL_ANSWER:
            raise EngineGarbled("the engine server's answer is too long")
    return bytes(held)


def _refuse(status: int, body: bytes) -> NoReturn:
    try:
        code = enginewire.fault(body)
    except EngineGarbled:
        raise EngineAway(f"the engine server answers {status}") from None
    raise _said(code)


def _said(code: str) -> ConsentryError:
    if code == NoSuchRun.code:
        return EngineAway("the engine server no longer knows the run")
    error = _SAID.get(code, EngineCrashed)
    return error(f"the engine server reports {code}")


@contextmanager
def _plainly() -> Iterator[None]:
    """What goes wrong on the wire, in our own words."""
    try:
        yield
    except httpx.TimeoutException as error:
        if isinstance(error, httpx.ConnectTimeout):
            raise EngineAway("the engine server does not answer") from None
        raise EngineStalled("the engine server was silent for too long") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if _about_certificates(error):
            raise EngineUntrusted("the engine server and we don't trust each other's certificates") from error
        raise EngineAway(f"the engine server can't be reached: {type(error).__name__}") from error


def _about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        error = error.__cause__ or error.__context__
    return False
