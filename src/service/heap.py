"""How much memory a process of many threads keeps, where the C library is glibc."""

import ctypes

ARENAS = 2
_M_ARENA_MAX = -8
"""`mallopt(3)`."""


def few_arenas() -> bool:
    """Let all threads share a few heaps; before they start. False: this C library has no such thing.

    glibc gives up to eight heaps to each core and keeps of each the most it ever needed. With 40 threads that
    look at photos now and then, memory went on rising in steps for ten minutes; so it stays 100 MiB lower.
    A worker has fewer threads, and rose as well.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, ARENAS) == 1
