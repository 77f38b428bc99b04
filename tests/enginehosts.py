"""Engine servers on this machine, over real TCP and, where asked, real TLS on both sides."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
import uvicorn

from service.engine_server import configured, server_app
from service.remote_engine import Line
from swap.engine import Engine
from swap.hosting import Host
from swap.limits import Limits
from waiting import LONG


@dataclass(frozen=True, slots=True)
class Papers:
    """One side's certificate and key, and the authority that it trusts."""

    ca: Path
    cert: Path
    key: Path


def papers(folder: Path, authority: trustme.CA, name: str, trusted: trustme.CA | None = None) -> Papers:
    folder.mkdir(parents=True, exist_ok=True)
    issued = authority.issue_cert(name)
    made = Papers(folder / f"{name}.ca", folder / f"{name}.pem", folder / f"{name}.key")
    (trusted or authority).cert_pem.write_to_path(str(made.ca))
    made.cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(made.key))
    return made


@contextmanager
def serving(app: Any, shown: Papers | None = None) -> Iterator[str]:
    """The address of `app`, served in a thread."""
    config = configured(
        app,
        address="127.0.0.1",
        port=0,
        cert=shown and shown.cert,
        key=shown and shown.key,
        client_ca=shown and shown.ca,
        demo=True,
    )
    server = uvicorn.Server(config)
    line = socket.socket()
    line.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [line]}, daemon=True)
    thread.start()
    until = time.monotonic() + LONG
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    assert server.started
    try:
        yield f"{'https' if shown else 'http'}://127.0.0.1:{line.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(LONG)
        line.close()


def host_of(engine: Engine, **limits: float) -> Host:
    return Host(engine, entropy=os.urandom, clock=time.monotonic, **limits)


@contextmanager
def hosted(engine: Engine, shown: Papers | None = None, **limits: float) -> Iterator[str]:
    with serving(server_app(host_of(engine, **limits), Limits()), shown) as url:
        yield url


def openly(url: str, timeout: float = 20.0, *, deflate: bool = False) -> Line:
    return Line(url, None, None, None, timeout, deflate)


def with_papers(url: str, mine: Papers, timeout: float = 20.0) -> Line:
    return Line(url, mine.ca, mine.cert, mine.key, timeout)
