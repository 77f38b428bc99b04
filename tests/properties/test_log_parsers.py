"""Parsers of what strangers send: our errors only, and one spelling for everything they accept."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit import note, spelling
from audit.canonical import NotCanonical, canonical
from audit.checkpoint import Checkpoint
from audit.errors import ConsentryError
from audit.keys import VerifyingKey
from audit.leaf import Leaf, LeafPart
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.receipt import Receipt
from audit.tile import encode_bundle, parse_bundle

VECTORS = Path(__file__).parents[1] / "vectors"
RECEIPT: str = json.loads((VECTORS / "receipt_v1.json").read_text())["receipt"]
VKEY: str = json.loads((VECTORS / "receipt_v1.json").read_text())["vkey"]
NOTE: str = json.loads((VECTORS / "note.json").read_text())["note"]
CHECKPOINT: str = json.loads((VECTORS / "checkpoint.json").read_text())["text"]
LEAF: str = json.loads((VECTORS / "leaf_v1.json").read_text())["vectors"][1]["bytes"]
PROOF: str = json.loads(RECEIPT)["proof"]
KEY_LINE: str = json.loads((VECTORS / "keys.json").read_text())["duties"]["permit"]["text"]

Again = Callable[[str], str]


def leaf_again(text: str) -> str:
    return Leaf.parse(text.encode(errors="surrogatepass")).data.decode()


def receipt_again(text: str) -> str:
    receipt = Receipt.parse(text.encode(errors="surrogatepass"))
    receipt.check(NoteVerifier.parse(VKEY))
    return receipt.data.decode()


FORMATS: list[tuple[str, Again]] = [
    (NOTE, lambda text: note.parse(text).serialised),
    (VKEY, lambda text: NoteVerifier.parse(text).text + ("\n" if text.endswith("\n") else "")),
    (CHECKPOINT, lambda text: Checkpoint.parse(text, NoteVerifier.parse(VKEY)).text),
    (PROOF, lambda text: Proof.parse(text).text),
    (LEAF, leaf_again),
    (RECEIPT, receipt_again),
    (KEY_LINE, lambda text: VerifyingKey.parse(text).text),
]


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """A few small edits: what a fuzzer finds useful, starting from something valid."""
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 5)))
        text = (
            text[:begin]
            + draw(st.text(st.characters(), max_size=4) | st.sampled_from(["\n", "\n\n", "=", " ", "0", '"']))
            + text[end:]
        )
    return text


@pytest.mark.parametrize("number", range(len(FORMATS)))
def test_what_is_valid_reads_back(number: int) -> None:
    valid, again = FORMATS[number]

    assert again(valid) == valid


@pytest.mark.parametrize("number", range(len(FORMATS)))
@given(data=st.data())
def test_damage_is_refused_with_our_errors_or_means_what_it_says(number: int, data: st.DataObject) -> None:
    valid, again = FORMATS[number]
    text = data.draw(damaged(valid) | st.text(max_size=60))

    try:
        result = again(text)
    except ConsentryError:
        return
    assert result == text


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf{}")
@example('{"a":1}'.encode("utf-16"))
@example(b"1e400")
@example(b"NaN")
@example(b'"\\ud800"')
@example(b"9" * 5000)
def test_bytes_are_json_in_one_form_or_not_at_all(data: bytes) -> None:
    try:
        value = spelling.of_json(data)
    except NotCanonical:
        return
    assert canonical(value) == data


@given(st.text(max_size=30))
def test_base64_and_counts_have_one_spelling(text: str) -> None:
    for read, write in [
        (spelling.of_base64, lambda value: b64encode(value).decode()),
        (spelling.of_decimal, str),
    ]:
        try:
            value: Any = read(text)
        except NotCanonical:
            continue
        assert write(value) == text


@given(st.binary(max_size=400))
def test_a_bundle_has_one_spelling(data: bytes) -> None:
    try:
        entries = parse_bundle(data)
    except ConsentryError:
        return
    assert encode_bundle(entries) == data


def hexes(size: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=size, max_size=size).map(bytes.hex)


parts = st.lists(st.builds(LeafPart, hexes(16), hexes(32), hexes(32)), min_size=1, max_size=5, unique=True)


@given(
    st.from_regex(r"[A-Za-z][A-Za-z0-9.-]{0,63}", fullmatch=True),
    st.datetimes(),
    hexes(16),
    parts,
    st.lists(hexes(32), max_size=4, unique=True),
    st.none() | hexes(32),
)
def test_a_leaf_written_by_hand_is_canonical_json(
    t: str, at: Any, eid: str, some: list[LeafPart], ref: list[str], cp: str | None
) -> None:
    ts = f"{at:%m-%dT%H:%MZ}"
    leaf = Leaf(t, f"{at.year:04d}-{ts}", eid, tuple(sorted(some)), tuple(ref), cp)

    expected: dict[str, Any] = {
        "v": 1,
        "t": leaf.t,
        "ts": leaf.ts,
        "eid": eid,
        "parts": [{"h": p.h, "com": p.com, "ct": p.ct} for p in leaf.parts],
    }
    if ref:
        expected["ref"] = ref
    if cp:
        expected["cp"] = cp
    assert leaf.data == canonical(expected)
    assert Leaf.parse(leaf.data) == leaf
