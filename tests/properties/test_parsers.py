"""Whatever bytes come: our errors and no others, and what is read at all is written to the same bytes."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import cbor
from audit.canonical import NotCanonical
from audit.errors import ConsentryError
from audit.stamp import StampInvalid
from parsers import PARSERS, REFUSED_AS_THEY_ARE


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """A few edits of something valid: flipped, cut, repeated, stuffed, or with another length in it."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(("flip", "cut", "repeat", "stuff", "length"))):
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
            case "length":
                data[at : at + 4] = draw(st.sampled_from((b"\xff\xff\xff\xff", b"\x80\0\0\0", b"9" * 4)))
            case _:
                data[at:at] = draw(
                    st.binary(max_size=6) | st.sampled_from((b"\n", b"\n\n", b" ", b"=", b"\0"))
                )
    return bytes(data)


@pytest.mark.parametrize("name", [name for name in PARSERS if name not in REFUSED_AS_THEY_ARE])
def test_what_is_valid_is_written_again_as_it_was(name: str) -> None:
    valid, again = PARSERS[name]

    assert again(valid()) == valid()


SLOW = [
    # Fuzzing found these: maps as keys of maps, encoded twice at each of twenty levels, and
    bytes([0xA2] * 15 + [0x82] + [0xA2] * 5 + [0] * 84 + [0x45]),
    bytes([0xA1] * 24 + [0] * 25),
    # a list shared by two members of the next, thirty times over.
    b"".join(b"\xd8\x1c\x82" for _ in range(30)) + b"\0" + b"\xd8\x1d\0" * 30,
]


@pytest.mark.parametrize("data", SLOW)
@pytest.mark.timeout(20)
def test_a_few_bytes_take_no_minutes(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        cbor.decode(data)


FOUND = [
    # A key of a kind that the library knows by no name: its own error came out.
    (
        "private key",
        b"consentry/log/v1 private key\n-----BEGIN PRIVATE KEY-----\n"
        b"MC4CAQAwBUYDK4VwBCIEIAUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF\n-----END PRIVATE KEY-----\n",
    ),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_fuzzing_found_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(ConsentryError):
        PARSERS[name][1](data)


def test_a_certificate_whose_names_are_none_is_no_trust() -> None:
    # Given a root with one byte of its issuer's tags changed: names are parsed when they are asked for.
    valid, again = PARSERS["time stamp's trust"]
    lines = valid().decode().strip().split("\n")
    der = bytearray(b64decode("".join(lines[1:-1])))
    der[der.index(b"\x06\x03\x55\x04\x03") + 5] = 0x00
    text = f"{lines[0]}\n{b64encode(der).decode()}\n{lines[-1]}\n"

    with pytest.raises(StampInvalid, match="trust"):
        again(text.encode())


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=120)
@given(data=st.data())
def test_anything_else_is_refused_with_an_error_of_ours_or_means_what_it_says(
    name: str, data: st.DataObject
) -> None:
    valid, again = PARSERS[name]
    drawn = data.draw(damaged(valid()) | st.binary(max_size=80))

    try:
        written = again(drawn)
    except ConsentryError:
        return
    assert written == drawn
