"""A cell trying its own walls: what an intruder in the decoder would try first."""

import mmap
import os
import resource
import socket
import threading
from collections.abc import Callable
from pathlib import Path


def try_walls() -> dict[str, bool]:
    """Each attempt and whether it was stopped. Runs inside a confined cell."""
    attempts: dict[str, Callable[[], object]] = {
        "open a file": lambda: Path("/etc/passwd").open(),  # noqa: SIM115
        "make a file": lambda: os.memfd_create("loot"),
        "open a socket": socket.socket,
        "fork": _fork,
        "start a thread": lambda: threading.Thread(target=lambda: None).start(),
        "kill the parent": lambda: os.kill(os.getppid(), 0),
        "make code": _make_code,
        "raise a limit": _raise_limit,
    }
    return {name: _stopped(attempt) for name, attempt in attempts.items()}


def _stopped(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, RuntimeError, ValueError, MemoryError):
        return True
    return False


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _make_code() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def _raise_limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
