"""Witnesses for tests: real ones behind a real socket, and ones that answer what they are told to."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

from starlette.responses import Response

from audit.ids import Entropy
from audit.witness import Answer
from enginehosts import serving
from loopback import served
from service.witness_home import WitnessHome
from service.witness_server import witness_app

Clock = Callable[[], int]


@dataclass
class Served:
    """A witness of ours on this machine."""

    home: WitnessHome
    url: str
    away: Event = field(default_factory=Event)
    """Set: it answers 503."""

    @property
    def vkey(self) -> str:
        return self.home.witness.text


@contextmanager
def witness(folder: Path, log: str, entropy: Entropy, name: str = "w.example/1") -> Iterator[Served]:
    """A real witness of this log, served; one that is there already goes on."""
    home = WitnessHome(folder)
    if not folder.exists():
        home = WitnessHome.found(folder, name, entropy)
        home.add(log)
    app, away = witness_app(home, home.desk(lambda: int(time.time())), "/w"), Event()

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await (Response(status_code=503) if away.is_set() else app)(scope, receive, send)

    with serving(behind) as url:
        yield Served(home, f"{url}/w", away)


@dataclass
class Liar:
    """Answers every request with what it is told to, headers and all."""

    url: str = ""
    answer: Answer = field(default_factory=lambda: Answer(200, ""))
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)
    silent: Event = field(default_factory=Event)
    """Set: answers go out. Cleared by a test that wants none."""
    dripping: bool = False
    shows: str | None = None
    """The note that it says it cosigned last, to whoever asks for it."""


@contextmanager
def lying() -> Iterator[Liar]:
    """Something on this machine that is asked as a witness is."""
    liar = Liar()
    liar.silent.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (liar.shows or "").encode()
            self.send_response(404 if liar.shows is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            liar.asked.append(self.rfile.read(int(self.headers["content-length"])))
            liar.silent.wait()
            self.send_response(liar.answer.status)
            for name, value in liar.headers.items():
                self.send_header(name, value)
            body = liar.answer.body.encode()
            if "Content-Length" not in liar.headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                for start in range(0, len(body), 1 if liar.dripping else 1 << 16):
                    self.wfile.write(body[start : start + (1 if liar.dripping else 1 << 16)])
                    time.sleep(0.05 if liar.dripping else 0)
            except OSError:
                pass  # it was left

    with served(Handler) as port:
        liar.url = f"http://127.0.0.1:{port}"
        try:
            yield liar
        finally:
            liar.silent.set()


def policy(log: str, witnesses: Mapping[str, tuple[str, str]], quorum: str | int = "all") -> str:
    """A tlog-policy: `witnesses` by name, each with vkey and URL."""
    lines = [f"log {log}"] + [f"witness {name} {vkey} {url}" for name, (vkey, url) in witnesses.items()]
    return "\n".join(
        [*lines, f"group quorum-of-all {quorum} {' '.join(witnesses)}", "quorum quorum-of-all", ""]
    )


@contextmanager
def several(folder: Path, log: str, entropy: Entropy, count: int) -> Iterator[dict[str, Served]]:
    """Several witnesses, named w1 and so on."""
    with ExitStack() as open_:
        yield {
            f"w{n}": open_.enter_context(witness(folder / f"w{n}", log, entropy, f"w.example/{n}"))
            for n in range(1, count + 1)
        }
