"""CBOR in its one canonical form (RFC 8949 4.2.1; CTAP 2.1, 8). The one door to `cbor2`."""

import cbor2

from audit.canonical import NotCanonical


def encode(value: object) -> bytes:
    """The canonical bytes of a value."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> object:
    """The value whose canonical bytes are exactly `data`. Raises `NotCanonical`."""
    try:
        value: object = cbor2.loads(data)
        same = encode(value) == data
    # cbor2 raises of its own and what the values in it raise; whatever it is, this is no value of ours.
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, AttributeError):
        raise NotCanonical("not CBOR") from None
    if not same:
        raise NotCanonical("CBOR that is not in its canonical form")
    return value
