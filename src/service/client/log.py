"""Calls about the log: checkpoints, entries, proofs, and the keys to check them with."""

from service.client.call import Call, get, raw
from service.shapes import log as shapes
from service.shapes.page import Page


def checkpoint() -> Call[shapes.Checkpoint]:
    """The last published checkpoint. Keep one to notice a log that was rewritten."""
    return get("/v1/log/checkpoint", shapes.Checkpoint)


def entries(after: str | int | None = None, limit: int | None = None) -> Call[Page[shapes.Entry]]:
    """Published entries, oldest first. Go on with `next`, or from the last index that was seen."""
    return get("/v1/log/entries", Page[shapes.Entry], after=after, limit=limit)


def proof(entry: str) -> Call[bytes]:
    """The proof that an entry is in the log (c2sp.org/tlog-proof)."""
    return raw(f"/v1/log/entries/{entry}/proof")


def file(path: str) -> Call[bytes]:
    """A file of the log as its monitors read it: `checkpoint`, `tile/0/000`. Needs no key."""
    return raw(f"/log/{path}")


def trust() -> Call[shapes.Trust]:
    """Public keys. Have them from more places than this one."""
    return get("/v1/trust", shapes.Trust)
