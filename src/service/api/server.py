"""The API on a socket: uvicorn, with bounds for slow and idle clients."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from service.listening import CannotListen

HEADERS_SECONDS = 10.0
"""What a client has to send the head of a request. uvicorn would wait for ever, and count it among
`MOST_AT_ONCE`: a few hundred slow clients would shut everybody else out."""
IDLE_SECONDS = 20
"""A connection without a request is closed after this."""
CLOSING_SECONDS = 60.0
"""What a client has, at least, to take the end of an answer once its connection is closed on our side:
asyncio would keep the connection, and what is written to it, for as long as the client likes."""
STOP_SECONDS = 30
"""What answers under way have when the server stops."""
MOST_AT_ONCE = 512


class Impatient(H11Protocol):
    """HTTP/1.1 that waits for ever neither for the head of a request nor until an answer is taken.

    Bodies have bounds of their routes.
    """

    _due: asyncio.TimerHandle | None = None
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Asyncio."""
        super().connection_made(transport)
        self._due = self.loop.call_later(HEADERS_SECONDS, self._too_late)
        self._look(was_closing=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio."""
        super().connection_lost(exc)
        for timer in (self._due, self._watch):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Asyncio."""
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        waiting = cycle is None or cycle.response_complete
        if not waiting and self._due is not None:
            self._due.cancel()
            self._due = None
        elif waiting and self._due is None:
            self._due = self.loop.call_later(HEADERS_SECONDS, self._too_late)

    def _too_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _look(self, *, was_closing: bool) -> None:
        closing = self.transport.is_closing()
        if was_closing and closing:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(CLOSING_SECONDS, partial(self._look, was_closing=closing))


def bound(address: str) -> socket.socket:
    """A listening socket at HOST:PORT; port 0 takes a free one. Raises `CannotListen`."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    # With its protocol: asyncio sets TCP_NODELAY on accepted sockets that name TCP, and on no others. Without
    # it the body of each answer waits for the acknowledgement of its head: 40 ms, measured.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), int(port)))
        listening.listen(MOST_AT_ONCE)
    except (OSError, OverflowError) as error:
        listening.close()
        raise CannotListen(f"{address}: {getattr(error, 'strerror', None) or error}") from None
    return listening


def server(app: FastAPI) -> uvicorn.Server:
    """The server, not yet running. What it logs of its own is dropped: paths hold ids."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Impatient,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            limit_concurrency=MOST_AT_ONCE,
            lifespan="off",
        )
    )


@contextmanager
def serving(app: FastAPI, address: str = "127.0.0.1:0") -> Iterator[str]:
    """The application served by a thread of this process; its base address."""
    listening, running = bound(address), server(app)
    thread = Thread(target=running.run, kwargs={"sockets": [listening]}, name="api", daemon=True)
    thread.start()
    host, port = listening.getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        running.should_exit = True
        thread.join(STOP_SECONDS)
        listening.close()
