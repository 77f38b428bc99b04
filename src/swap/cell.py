"""A used-once process that parses one untrusted file behind walls, then ends.

Started ahead of need: it imports, warms up and reports itself ready. Then it waits for one order
and its descriptors, closes the walls (`confine`), and only then looks at the file. When the parent
goes away its line breaks and so does the cell. Exit codes: 0 done, 77 out of memory.
"""

import os
import socket
import sys
from contextlib import suppress
from typing import Any

from audit.errors import ConsentryError
from swap.confine import NoFilter, confine, filter_ready
from swap.faults import DecoderCrashed
from swap.tasks import map_ring, perform
from swap.warmup import warm_up
from swap.wire import Kind, Line, Order

OUT_OF_MEMORY = 77
SECCOMP = "seccomp"


def main(line_fd: int, mode: str) -> None:
    """Be a cell on the socket `line_fd`. Never returns."""
    line = Line(line_fd)
    seccomp: Any | None = None
    try:
        seccomp = filter_ready() if mode == SECCOMP else None
    except NoFilter as error:
        line.tell(Kind.READY, {"ready": False, "why": str(error)})
        os._exit(0)
    warm_up()
    line.tell(Kind.READY, {"ready": True, "why": ""})
    with socket.socket(fileno=line_fd) as ear:
        data, fds, _, _ = socket.recv_fds(ear, 1 << 16, 2)
        ear.detach()
    if not data:
        os._exit(0)  # the parent needs no cell any more
    try:
        _serve(Order.from_bytes(data), fds, line, seccomp)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except ConsentryError as fault:
        line.tell(Kind.FAULT, {"code": fault.code, "detail": str(fault)})
    except BrokenPipeError:
        pass  # nobody listens any more
    except Exception as error:  # noqa: BLE001  (this is the process's last word)
        with suppress(OSError):
            line.tell(Kind.FAULT, {"code": DecoderCrashed.code, "detail": type(error).__name__})
    # Not a normal exit: destructors of libraries that met hostile bytes have no reason to run.
    os._exit(0)


def _serve(order: Order, fds: list[int], line: Line, seccomp: Any | None) -> None:
    ring = map_ring(order, fds)
    confine(
        order.limits,
        file_bytes=order.limits.max_bytes if order.do == "remux" else 0,
        seccomp=seccomp,
    )
    line.tell(Kind.DONE, perform(order, fds, ring, line))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
