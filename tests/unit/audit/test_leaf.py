import json
from pathlib import Path
from typing import Any

import pytest

from audit import tree
from audit.canonical import canonical
from audit.leaf import Leaf, LeafMalformed, LeafPart

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "leaf_v1.json").read_text())["vectors"]

PART = LeafPart("0" * 32, "1" * 64, "2" * 64)
LATER = LeafPart("3" * 32, "1" * 64, "2" * 64)
LEAF = Leaf("Decided", "2026-11-22T12:00Z", "e" * 32, (PART, LATER), ("f" * 64,), "c" * 64)


@pytest.mark.parametrize("vector", VECTORS)
def test_the_bytes_of_a_leaf_are_what_they_were_on_the_first_day(vector: dict[str, Any]) -> None:
    fields = vector["leaf"]
    leaf = Leaf(
        fields["t"],
        fields["ts"],
        fields["eid"],
        tuple(LeafPart(**part) for part in fields["parts"]),
        tuple(fields.get("ref", ())),
        fields.get("cp"),
    )

    assert leaf.data == vector["bytes"].encode()
    assert Leaf.parse(leaf.data) == leaf
    assert tree.leaf_hash(leaf.data).hex() == vector["leaf_hash"]


def test_a_field_that_is_not_there_takes_no_room() -> None:
    data = Leaf("Decided", "2026-11-22T12:00Z", "e" * 32, (PART,)).data

    assert set(json.loads(data)) == {"v", "t", "ts", "eid", "parts"}


def test_one_subject_may_have_a_part_for_each_of_its_seals() -> None:
    again = LeafPart(PART.h, "9" * 64, "2" * 64)

    assert Leaf.parse(Leaf("Decided", LEAF.ts, LEAF.eid, (PART, again)).data).parts == (PART, again)


@pytest.mark.parametrize(
    "change",
    [
        {"t": ""},
        {"t": "a b"},
        {"t": 'a"b'},
        {"t": "x" * 65},
        {"t": 1},
        {"ts": "2026-11-22T12:00:00Z"},
        {"ts": "2026-13-22T12:00Z"},
        {"ts": "2026-11-22T24:00Z"},
        {"ts": "٢٠٢٦-11-22T12:00Z"},
        {"eid": "E" * 32},
        {"eid": "e" * 31},
        {"parts": []},
        {"parts": {}},
        {"parts": ["x"]},
        {"parts": [{"h": PART.h, "com": PART.com}]},
        {"parts": [{"h": PART.h, "com": PART.com, "ct": PART.ct, "x": 1}]},
        {"parts": [{"h": PART.h.upper()[:31] + "A", "com": PART.com, "ct": PART.ct}]},
        {"ref": []},
        {"ref": ["f" * 63]},
        {"ref": ["f" * 64, "f" * 64]},
        {"ref": [1]},
        {"cp": ""},
        {"cp": None},
        {"v": 2},
        {"v": True},
        {"v": "1"},
        {"kid": "0" * 16},
    ],
)
def test_what_format_v1_does_not_say_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(LeafMalformed):
        Leaf.parse(canonical({**json.loads(LEAF.data), **change}))


def test_parts_in_another_order_or_twice_are_refused() -> None:
    for parts in [(LATER, PART), (PART, PART)]:
        with pytest.raises(LeafMalformed):
            Leaf("Decided", LEAF.ts, LEAF.eid, parts)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        LEAF.data + b"\n",
        LEAF.data.replace(b":", b": ", 1),
        LEAF.data.replace(b'"v":1', b'"v":1.0'),
        LEAF.data.replace(b'"v":1', b'"v":1,"v":1'),
        LEAF.data.replace(b"Decided", b"\\u0044ecided"),
        b"[" * 100_000,
        b"[" * 60_000,
        b"[" * 900 + b"]" * 900,
    ],
)
def test_bytes_that_are_not_the_canonical_leaf_are_refused(data: bytes) -> None:
    with pytest.raises(LeafMalformed):
        Leaf.parse(data)


def test_a_leaf_fits_into_a_bundle_or_is_not_written() -> None:
    parts = tuple(LeafPart(f"{number:032x}", "1" * 64, "2" * 64) for number in range(400))

    with pytest.raises(LeafMalformed):
        _ = Leaf("Decided", LEAF.ts, LEAF.eid, parts).data
