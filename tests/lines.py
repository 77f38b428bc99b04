"""Lines as they are on trains: a connection carries so many bytes, then it is cut, or something happens."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

Happens = Callable[[socket.socket], bool]
"""What happens to a connection, given the side that the bytes come from; whether it goes on after it."""


def cut(_: socket.socket) -> bool:
    """It is hung up on, on both sides."""
    return False


def unnoticed(source: socket.socket) -> bool:
    """Who was sending is gone, and the other side hears of it seconds later."""
    source.shutdown(socket.SHUT_RDWR)
    time.sleep(3)
    return False


@dataclass
class BadLine:
    """What stands for a service at `base`, over a line that keeps what it is told to keep."""

    base: str = ""
    connections: int = 0
    happened: int = 0
    """How much of what was to happen did."""
    carried: Counter[str] = field(default_factory=Counter)
    """Bytes `up` to the service and `down` from it, over all connections."""


@contextmanager
def bad_line(
    base: str,
    *,
    up: Sequence[tuple[int, Happens]] = (),
    down: Sequence[tuple[int, Happens]] = (),
) -> Iterator[BadLine]:
    """A line to `base`. The first connection carries the first pair's bytes, then that happens; and so on.

    A connection that ends before leaves its pair to the next one.
    """
    far = urlsplit(base)
    line = BadLine()
    ways, so_far = (("up", up), ("down", down)), Counter[str]()

    def carry(source: socket.socket, sink: socket.socket, way: str, plan: tuple[int, Happens] | None) -> None:
        left, happens = plan or (-1, cut)
        with suppress(OSError):
            while data := source.recv(1 << 16 if left < 0 else min(1 << 16, left)):
                sink.sendall(data)
                line.carried[way] += len(data)
                left -= len(data) if left > 0 else 0
                if left == 0:
                    line.happened += 1
                    so_far[way] += 1
                    if not happens(source):
                        break
                    left = -1
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    class Carrying(BaseRequestHandler):
        def handle(self) -> None:
            line.connections += 1
            here, there = (next(iter(plans[so_far[way] :]), None) for way, plans in ways)
            with socket.create_connection((far.hostname or "", far.port or 0)) as service:
                back = Thread(target=carry, args=(service, self.request, "down", there))
                back.start()
                carry(self.request, service, "up", here)
                back.join()

    class Line(ThreadingTCPServer):
        daemon_threads = True

    with Line(("127.0.0.1", 0), Carrying) as server:
        line.base = f"http://127.0.0.1:{server.server_address[1]}"
        serving = Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield line
        finally:
            server.shutdown()
            serving.join()
