"""The guard C2PA needs: every sample of an MP4 lies in bytes the manifest's hash covers.

`c2pa.hash.bmff.v3` leaves `ftyp`, `free`, `skip`, `mfra` and its own `uuid` box out. A file whose
samples sit in such a box plays, verifies, and can be rewritten afterwards while it still reads as
trusted (c2pa-rs pull 2488). C2PA 2.4 tells validators to look; the library does not. So we look,
before signing and after reading, and accept only what our own muxer writes.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from audit.boxes import Box, MediaMalformed, boxes, payload, top_level
from audit.errors import BadInput

MANIFEST_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The extended type of the box that holds a C2PA manifest store (C2PA 2.4, A.5)."""

_ALLOWED = {b"ftyp", b"uuid", b"moov", b"mdat", b"free", b"skip"}
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"udta"}
_FORBIDDEN = {b"mvex", b"iloc", b"cmov", b"rmra"}  # fragments, items, compressed and reference movies
_MAX_FTYP = 128
_MAX_FREE = 2**20
_MAX_DEPTH = 8
_MAX_SAMPLES = 2**22


class MediaRefused(BadInput):
    """An MP4 keeps bytes where a manifest's hash would not cover them, or a layout we do not sign."""

    code = "MEDIA_REFUSED"
    zh = "该 MP4 的结构使内容凭证无法覆盖全部媒体数据，拒绝签名。"
    hint = "Re-mux it to a progressive MP4: one moov, samples in mdat, no fragments or references."
    hint_zh = "请重新封装为普通 MP4：单一 moov，样本均在 mdat 内，无分片、无外部引用。"


def check(path: Path) -> None:
    """Whether a file that has no manifest yet may be signed. Raises `MediaRefused`."""
    found = objections(path, signed=False)
    if found:
        raise MediaRefused("; ".join(found))


def objections(path: Path, *, signed: bool) -> tuple[str, ...]:
    """What is wrong with the layout of an MP4; empty if nothing.

    `signed` says whether it must hold exactly one manifest box or none. Unreadable counts as wrong.
    """
    try:
        with path.open("rb") as file:
            found = top_level(file)
            wrong = list(_top_level_objections(file, found, signed=signed))
            moov = [box for box in found if box.kind == b"moov"]
            if len(moov) == 1:
                mdat = [box for box in found if box.kind == b"mdat"]
                wrong += _movie_objections(payload(file, moov[0]), mdat)
    except MediaMalformed as error:
        return (str(error),)
    return tuple(dict.fromkeys(wrong))


def _top_level_objections(file: BinaryIO, found: list[Box], *, signed: bool) -> Iterator[str]:
    kinds = [box.kind for box in found]
    if kinds[:1] != [b"ftyp"] or kinds.count(b"ftyp") != 1:
        yield "the file does not begin with its only ftyp box"
    if kinds.count(b"moov") != 1:
        yield f"{kinds.count(b'moov')} moov boxes where one belongs"
    for box in found:
        if box.kind not in _ALLOWED:
            yield f"a top-level box {box.kind.decode('latin-1')!a} that our muxer never writes"
        elif box.kind == b"ftyp" and box.size > _MAX_FTYP:
            yield "an ftyp box large enough to hide things in"
        elif box.kind in {b"free", b"skip"} and (box.size > _MAX_FREE or any(payload(file, box))):
            yield "a free or skip box that is not empty space"
    extended = [_extended_type(file, box) for box in found if box.kind == b"uuid"]
    if extended != [MANIFEST_UUID] * signed:
        yield "the uuid boxes are not exactly one manifest" if signed else "a uuid box before signing"


def _extended_type(file: BinaryIO, box: Box) -> bytes:
    file.seek(box.start)
    return file.read(min(16, box.size))


def _movie_objections(moov: bytes, mdat: list[Box]) -> Iterator[str]:
    tracks = 0
    for box in _walk(moov, 0, len(moov), 0):
        if box.kind in _FORBIDDEN:
            yield f"a {box.kind.decode()} box"
        elif box.kind == b"trak":
            tracks += 1
            yield from _track_objections(moov, box, mdat)
    if not tracks:
        yield "a movie without tracks"


def _walk(data: bytes, start: int, end: int, depth: int) -> Iterator[Box]:
    if depth > _MAX_DEPTH:
        raise MediaMalformed("boxes nested too deep")
    for box in boxes(data, start, end):
        yield box
        if box.kind in _CONTAINERS:
            yield from _walk(data, box.start, box.end, depth + 1)
        elif box.kind == b"meta":
            yield from _walk(data, box.start + _full_box(data, box), box.end, depth + 1)


def _full_box(data: bytes, meta: Box) -> int:
    """Bytes of version and flags before a `meta` box's children: 4 in ISO files, 0 in QuickTime's."""
    return 0 if data[meta.start + 4 : meta.start + 8] == b"hdlr" else min(4, meta.size)


def _track_objections(moov: bytes, trak: Box, mdat: list[Box]) -> Iterator[str]:
    tables: dict[bytes, Box] = {}
    for box in _walk(moov, trak.start, trak.end, 0):
        if box.kind in {b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"dref", b"stbl"}:
            if box.kind in tables:
                yield f"two {box.kind.decode()} boxes in one track"
                return
            tables[box.kind] = box
    if {b"stsc", b"stsz", b"dref"} - tables.keys() or (b"stco" in tables) == (b"co64" in tables):
        yield "a track without exactly one table each of chunks, samples and data references"
        return
    if b"stz2" in tables:
        yield "compact sample sizes"
        return
    references = list(boxes(moov, tables[b"dref"].start + 8, tables[b"dref"].end))
    if not references or any(
        box.kind != b"url " or moov[box.start : box.end] != b"\0\0\0\1" for box in references
    ):
        yield "a data reference to another file"
    for offset, size in _chunks(moov, tables):
        if not any(box.start <= offset and offset + size <= box.end for box in mdat):
            yield "samples outside mdat"
            return


def _chunks(moov: bytes, tables: dict[bytes, Box]) -> Iterator[tuple[int, int]]:
    """Where each chunk lies: offset in the file and bytes. Raises `MediaMalformed` if tables disagree."""
    sizes = _sample_sizes(moov, tables[b"stsz"])
    wide = b"co64" in tables
    offsets = _integers(moov, tables[b"co64" if wide else b"stco"], 4, width=8 if wide else 4)
    runs = _integers(moov, tables[b"stsc"], 4, width=4, columns=3)
    firsts, counts = runs[0::3], runs[1::3]
    if (offsets and firsts[:1] != [1]) or any(b <= a for a, b in pairwise(firsts)):
        raise MediaMalformed("a sample-to-chunk table out of order")
    run, sample = -1, 0
    for number, offset in enumerate(offsets, start=1):
        if run + 1 < len(firsts) and firsts[run + 1] == number:
            run += 1
        # A count larger than what is left would make the slice short and the chunk look small.
        if counts[run] > len(sizes) - sample:
            raise MediaMalformed("chunks hold more samples than there are sizes")
        yield offset, sum(sizes[sample : sample + counts[run]])
        sample += counts[run]
    if sample != len(sizes) or run + 1 != len(firsts):
        raise MediaMalformed("samples or runs that no chunk holds")


def _sample_sizes(moov: bytes, stsz: Box) -> list[int]:
    uniform = int.from_bytes(moov[stsz.start + 4 : stsz.start + 8], "big")
    if not uniform:
        return _integers(moov, stsz, 8, width=4)
    count = int.from_bytes(moov[stsz.start + 8 : stsz.end], "big")
    if stsz.size != 12 or count > _MAX_SAMPLES:
        raise MediaMalformed("a sample size table of the wrong length")
    return [uniform] * count


def _integers(moov: bytes, box: Box, at: int, *, width: int, columns: int = 1) -> list[int]:
    """A full box's table: a 32-bit count `at` bytes into the payload, then that many rows."""
    body = box.start + at + 4
    count = int.from_bytes(moov[box.start + at : body], "big") * columns
    if box.end - body != count * width:
        raise MediaMalformed(f"a {box.kind.decode()} table whose count and length disagree")
    return [int.from_bytes(moov[i : i + width], "big") for i in range(body, box.end, width)]
