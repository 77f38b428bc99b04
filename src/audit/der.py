"""DER (ITU-T X.690), as much of it as takes a value apart and puts it together again.

Shipped in every bundle: `audit.stamped` reads by it.
"""

SEQUENCE, SET = 0x30, 0x31
INTEGER, BITS, OCTETS, OID = 0x02, 0x03, 0x04, 0x06
EXPLICIT_0 = 0xA0


def tlv(tag: int, body: bytes) -> bytes:
    """A value: tag, length in its only form, content."""
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + body


def children(body: bytes) -> list[bytes]:
    """The values that lie one after another in `body`, each whole. Raises `ValueError`."""
    found, at = [], 0
    while at < len(body):
        end = _end(body, at)
        found.append(body[at:end])
        at = end
    return found


def only(value: bytes, tag: int) -> bytes:
    """The content of one value of this tag, and nothing after it. Raises `ValueError`."""
    if not value or value[0] != tag or _end(value, 0) != len(value):
        raise ValueError("not one value of this tag")
    return value[_begin(value, 0) :]


def _begin(data: bytes, at: int) -> int:
    if at + 1 >= len(data):
        raise ValueError("cut off in a header")
    first = data[at + 1]
    # Indefinite lengths are BER; four bytes of length are more than anything here has.
    if first == 0x80 or first > 0x84:
        raise ValueError("a length that is not DER")
    return at + 2 + (first & 0x7F if first & 0x80 else 0)


def _end(data: bytes, at: int) -> int:
    begin = _begin(data, at)
    length = data[at + 2 : begin]
    size = int.from_bytes(length) if length else data[at + 1]
    if length and (size < 0x80 or length[0] == 0):
        raise ValueError("a length that is not DER")
    if begin + size > len(data):
        raise ValueError("cut off in its content")
    return begin + size
