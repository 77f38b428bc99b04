"""CBOR in its one canonical form (RFC 8949 4.2.1; CTAP 2.1, 8). The one door to `cbor2`."""

import cbor2

from audit.canonical import NotCanonical


def encode(value: object) -> bytes:
    """The canonical bytes of a value."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> object:
    """The value whose canonical bytes are exactly `data`. Raises `NotCanonical`.

    Numbers, text, bytes, lists, and maps by number, text or bytes. Nothing of ours has tags, or keys of maps.
    """
    try:
        value: object = cbor2.loads(data)
        _expect_plain(value, len(data))
        same = encode(value) == data
    # cbor2 raises of its own and what the values in it raise; whatever it is, this is no value of ours.
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, AttributeError):
        raise NotCanonical("not CBOR") from None
    if not same:
        raise NotCanonical("CBOR that is not in its canonical form")
    return value


def _expect_plain(value: object, most: int) -> None:
    """Raise `NotCanonical` for what is dear to write again, before it is.

    Maps as keys of maps are encoded once to be sorted and once to be written, at each level: 107 bytes took
    minutes. References (tags 28, 29) make of a few bytes a value of any size; written out, each takes a byte.
    """
    waiting, seen = [value], 0
    while waiting:
        seen += 1
        if seen > most:
            raise NotCanonical("CBOR that refers to itself")
        match waiting.pop():
            case dict() as pairs if all(isinstance(key, int | str | bytes) for key in pairs):
                waiting += [*pairs, *pairs.values()]
            case list() as items:
                waiting += items
            case None | int() | float() | str() | bytes():
                pass
            case _:
                raise NotCanonical("CBOR of another kind than ours")
