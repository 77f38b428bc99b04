"""Threads share a few heaps: what glibc made for them is counted in a process of its own."""

import re
import subprocess
import sys

import pytest

from service import heap

PROGRAM = """
import ctypes, sys, threading
from service.heap import ARENAS, few_arenas
if sys.argv[1] == "few":
    assert few_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(12)
def works():
    together.wait()
    libc.malloc(100_000)
    together.wait()
threads = [threading.Thread(target=works) for _ in range(12)]
[each.start() for each in threads]
[each.join() for each in threads]
libc.malloc_stats()
print(ARENAS)
"""


def arenas(wanted: str) -> tuple[int, int]:
    """How many heaps there are after twelve threads, and how many there may be."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, wanted], capture_output=True, text=True, check=True, timeout=60
    )
    return len(re.findall(r"^Arena \d+:", done.stderr, re.MULTILINE)), int(done.stdout)


@pytest.mark.parametrize("wanted", ["few", "many"])
def test_many_threads_share_few_heaps(wanted: str) -> None:
    there, allowed = arenas(wanted)

    assert (there <= allowed) is (wanted == "few")


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _name: object())

    assert not heap.few_arenas()
