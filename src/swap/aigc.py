"""The `AIGC` field: the implicit label of GB 45438-2025 (6.1, Annex E) in an MP4, written once, read back.

The key is `AIGC` and the value is the inner JSON object as text, under `moov.udta.meta` (`keys` and
`ilst`; TC260-PG-20257A). FFmpeg writes it for `metadata["AIGC"]` when `movflags` has
`use_metadata_tags`, and drops it without a word when it has not: so every written file is read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from audit import durable
from audit.boxes import Box, MediaMalformed, boxes, payload, top_level
from audit.errors import BadInput
from swap.provider import check_provider

KEY = "AIGC"
"""What the muxer must be given as the metadata key."""

_FIELDS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
_MAY_BE_EMPTY = {"ReservedCode1", "ReservedCode2"}
# Annex E j: printable ASCII without space, double quote and backslash.
_VALUE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{0,512}")
_CONTAINERS = {b"moov", b"trak", b"mdia", b"udta"}
_DEPTH = 6


class AigcMissing(BadInput):
    """A file has no `AIGC` field."""

    code = "AIGC_MISSING"
    zh = "文件中没有 AIGC 元数据标识。"
    hint = "Write it while muxing, with movflags use_metadata_tags, and read it back."
    hint_zh = "请在封装时写入（需 movflags use_metadata_tags），并回读确认。"


class AigcTwice(BadInput):
    """A file has more than one `AIGC` field (GB 45438-2025, 6.1 c: exactly one)."""

    code = "AIGC_TWICE"
    zh = "文件中有多份 AIGC 元数据标识，标准要求仅保留一份。"
    hint = "Replace the field instead of adding another."
    hint_zh = "请替换原有标识，不要追加。"


class AigcMalformed(BadInput):
    """An `AIGC` field is not the JSON object of Annex E, or uses characters outside its set."""

    code = "AIGC_MALFORMED"
    zh = "AIGC 元数据标识的格式不符合 GB 45438-2025 附录 E。"
    hint = "Seven string values, printable ASCII without space, quote and backslash."
    hint_zh = "应为七个字符串字段，仅限可见 ASCII 字符（不含空格、双引号、反斜杠）。"


def field(producer: str, produce_id: str, *, demo: bool, reserved: str = "") -> str:
    """The value to write: compact JSON.

    The first propagator is the producer (Annex E, note 1). `reserved` may hold the producer's own
    integrity data. Raises `ProviderCodeInvalid`, `AigcMalformed`.
    """
    check_provider(producer, demo=demo)
    values = ("1", producer, produce_id, reserved, producer, produce_id, "")
    found = dict(zip(_FIELDS, values, strict=True))
    _check(found)
    return json.dumps(found, separators=(",", ":"))


def read(path: Path) -> Mapping[str, str]:
    """The seven values of an MP4's one field, wherever in its metadata such a field can stand.

    Raises `AigcMissing`, `AigcTwice`, `AigcMalformed`, `durable.DiskFailed`.
    """
    try:
        with durable.disk(path), path.open("rb") as file:
            found = [
                value
                for box in top_level(file)
                if box.kind in {b"moov", b"meta", b"udta"}
                for value in _occurrences(box.kind, payload(file, box))
            ]
    except MediaMalformed as error:
        raise AigcMalformed(f"the file's boxes can't be read: {error}") from None
    if not found:
        raise AigcMissing("no AIGC field")
    if len(found) > 1:
        raise AigcTwice(f"{len(found)} AIGC fields")
    return _parse(found[0])


def _parse(value: bytes) -> Mapping[str, str]:
    try:
        pairs = json.loads(value.decode("ascii"), object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise AigcMalformed("the AIGC value is not ASCII JSON") from None
    # Of two equal keys a parser keeps one, and parsers differ in which.
    names = [pair[0] for pair in pairs if isinstance(pair, tuple)] if isinstance(pairs, list) else []
    if sorted(names) != sorted(_FIELDS) or len(pairs) != len(_FIELDS):
        raise AigcMalformed("the AIGC object does not have its seven fields once each")
    found = dict(pairs)
    _check(found)
    return {name: found[name] for name in _FIELDS}


def _check(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise AigcMalformed(f"{name} is not text of the permitted characters")
        if not value and name not in _MAY_BE_EMPTY:
            raise AigcMalformed(f"{name} is empty")
    if values["Label"] not in {"1", "2", "3"}:
        raise AigcMalformed("Label is none of 1, 2, 3")


def _occurrences(kind: bytes, data: bytes) -> Iterator[bytes]:
    """The bytes of each value whose key contains `AIGC`."""
    if kind == b"meta":
        yield from _in_meta(data)
    else:
        yield from _in_container(data, Box(kind, 0, len(data)), _DEPTH)


def _in_container(data: bytes, container: Box, depth: int) -> Iterator[bytes]:
    for box in boxes(data, container.start, container.end):
        if box.kind == b"meta":
            yield from _in_meta(data[box.start : box.end])
        elif box.kind in _CONTAINERS and depth:
            yield from _in_container(data, box, depth - 1)
        elif KEY.encode() in box.kind:
            yield data[box.start : box.end]


def _in_meta(meta: bytes) -> Iterator[bytes]:
    children = list(boxes(meta, 0 if meta[4:8] == b"hdlr" else 4))
    keys = [key for box in children if box.kind == b"keys" for key in _keys(meta, box)]
    for box in children:
        if box.kind != b"ilst":
            continue
        for item in boxes(meta, box.start, box.end):
            number = int.from_bytes(item.kind, "big")
            named = keys[number - 1 : number] if number else []
            parts = list(boxes(meta, item.start, item.end))
            if item.kind == b"----":
                named = [meta[part.start : part.end] for part in parts if part.kind == b"name"]
            if any(_is_ours(name) for name in named):
                # Eight bytes of type and locale stand before the text of a `data` box.
                yield from (meta[part.start + 8 : part.end] for part in parts if part.kind == b"data")


def _keys(meta: bytes, box: Box) -> list[bytes]:
    return [meta[key.start : key.end] for key in boxes(meta, box.start + 8, box.end)]


def _is_ours(name: bytes) -> bool:
    return KEY.lower().encode() in name.lower()
