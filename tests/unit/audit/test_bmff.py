"""The guard: every sample in bytes the manifest's hash covers."""

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import bmff, boxes
from small_mp4 import decoded, write_mp4


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_mp4(tmp_path / "clip.mp4", audio=True)


def _edit(path: Path, edited: bytes) -> Path:
    target = path.with_name("edited.mp4")
    target.write_bytes(edited)
    return target


def _objections(path: Path, edited: bytes, *, signed: bool = False) -> str:
    return "; ".join(bmff.objections(_edit(path, edited), signed=signed))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_our_own_muxer_passes(clip: Path) -> None:
    assert bmff.objections(clip, signed=False) == ()
    bmff.check(clip)


def test_a_file_without_faststart_passes_too(tmp_path: Path) -> None:
    assert bmff.objections(write_mp4(tmp_path / "late.mp4", movflags="use_metadata_tags"), signed=False) == ()


def test_samples_hidden_in_a_free_box_play_and_are_refused(clip: Path) -> None:
    data = clip.read_bytes()
    evil = data.replace(b"mdat", b"free", 1)
    assert len(decoded(_edit(clip, evil))) == 12

    found = _objections(clip, evil)

    assert "free or skip box that is not empty" in found
    assert "samples outside mdat" in found
    with pytest.raises(bmff.MediaRefused):
        bmff.check(_edit(clip, evil))


def test_a_chunk_that_begins_in_mdat_and_ends_outside_is_refused(clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    with clip.open("rb") as file:
        top = boxes.top_level(file)
    mdat = next(box for box in top if box.kind == b"mdat")
    # The last 100 bytes of mdat become a box of their own, zeroed so that it looks like empty space.
    data[mdat.end - 100 : mdat.end] = struct.pack(">I4s", 100, b"free") + bytes(92)
    data[mdat.start - 8 : mdat.start - 4] = struct.pack(">I", mdat.size + 8 - 100)

    assert "samples outside mdat" in _objections(clip, bytes(data))


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (_box(b"free", bytes(10)), ""),
        (_box(b"skip", b""), ""),
        (_box(b"free", b"data"), "not empty space"),
        (_box(b"mfra", b""), "never writes"),
        (_box(b"moof", b""), "never writes"),
        (_box(b"meta", bytes(4)), "never writes"),
        (_box(b"moov", b""), "2 moov boxes"),
        (_box(b"ftyp", b"isom"), "only ftyp"),
        (_box(b"uuid", bytes(16)), "uuid box before signing"),
        (_box(b"uuid", bmff.MANIFEST_UUID), "uuid box before signing"),
        (b"\0\0\0\0mdat", "does not fit"),
        (b"\0\0\0", "stray bytes"),
        (b"\0\0\0\1mdat\0\0\0\0\0\0\0\1", "does not fit"),
        (_box(b"free", b"") * 64, "more than 64"),
    ],
)
def test_what_may_stand_beside_the_movie(clip: Path, extra: bytes, expected: str) -> None:
    found = _objections(clip, clip.read_bytes() + extra)

    assert (expected in found) if expected else not found


def test_a_manifest_is_expected_exactly_once_after_signing(clip: Path) -> None:
    one = _box(b"uuid", bmff.MANIFEST_UUID + b"store")

    assert "not exactly one manifest" in _objections(clip, clip.read_bytes(), signed=True)
    assert _objections(clip, clip.read_bytes() + one, signed=True) == ""
    assert "not exactly one manifest" in _objections(clip, clip.read_bytes() + one * 2, signed=True)


def test_an_ftyp_that_hides_things_is_refused(clip: Path) -> None:
    data = clip.read_bytes()
    size = struct.unpack(">I", data[:4])[0]
    big = struct.pack(">I", size + 400) + data[4:size] + bytes(400) + data[size:]

    assert "ftyp box large enough" in _objections(clip, big)


def _moov_edit(data: bytes, old: bytes, new: bytes) -> bytes:
    at = data.index(b"moov")
    return data[:at] + data[at:].replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"url \0\0\0\1", b"url \0\0\0\0", "data reference to another file"),
        (b"url \0\0\0\1", b"urn \0\0\0\1", "data reference to another file"),
        (b"stco", b"xxxx", "exactly one table"),
        (b"stco", b"stsz", "two stsz boxes"),
        (b"dref", b"xxxx", "exactly one table"),
        (b"stts", b"stz2", "compact sample sizes"),
        (b"edts", b"mvex", "a mvex box"),
        (b"trak", b"xxxx", ""),
    ],
)
def test_what_may_stand_inside_the_movie(clip: Path, old: bytes, new: bytes, expected: str) -> None:
    assert expected in _objections(clip, _moov_edit(clip.read_bytes(), old, new))


def test_a_movie_without_tracks_is_refused(tmp_path: Path) -> None:
    data = _box(b"ftyp", b"isom\0\0\0\0") + _box(b"moov", _box(b"mvhd", bytes(100))) + _box(b"mdat", b"")

    assert "without tracks" in _objections(tmp_path / "x.mp4", data)


def test_an_item_location_box_is_refused(tmp_path: Path) -> None:
    meta = _box(b"meta", bytes(4) + _box(b"iloc", bytes(8)))
    data = _box(b"ftyp", b"isom\0\0\0\0") + _box(b"moov", meta) + _box(b"mdat", b"")

    assert "a iloc box" in _objections(tmp_path / "x.mp4", data)


def test_boxes_in_boxes_in_boxes_end_somewhere(tmp_path: Path) -> None:
    nested = b""
    for _ in range(20):
        nested = _box(b"stbl", nested)
    data = _box(b"ftyp", b"isom\0\0\0\0") + _box(b"moov", nested)

    assert "nested too deep" in _objections(tmp_path / "x.mp4", data)


def _table(data: bytes, kind: bytes) -> int:
    """Offset of the payload of the first such table."""
    return data.index(kind) + 4


@pytest.mark.parametrize(
    ("kind", "at", "value", "expected"),
    [
        (b"stco", 4, 2**31, "count and length disagree"),
        (b"stsz", 8, 1, "count and length disagree"),
        (b"stsz", 4, 7, "wrong length"),
        (b"stsc", 8, 2, "out of order"),
        (b"stsc", 12, 2**30, "more samples than there are sizes"),
        (b"stsz", 12, 2**30, "samples outside mdat"),
    ],
)
def test_tables_that_disagree_are_refused(
    tmp_path: Path, kind: bytes, at: int, value: int, expected: str
) -> None:
    data = bytearray(write_mp4(tmp_path / "clip.mp4").read_bytes())
    place = _table(bytes(data), kind) + at
    data[place : place + 4] = struct.pack(">I", value)

    assert expected in _objections(tmp_path / "clip.mp4", bytes(data))


def test_samples_that_no_chunk_holds_are_refused(tmp_path: Path) -> None:
    data = bytearray(write_mp4(tmp_path / "clip.mp4").read_bytes())
    place = _table(bytes(data), b"stsc") + 12
    data[place : place + 4] = struct.pack(">I", 1)

    assert "no chunk holds" in _objections(tmp_path / "clip.mp4", bytes(data))


def _synthetic(stsz: bytes, stsc: bytes, chunks: bytes, mdat: bytes) -> bytes:
    """A one-track movie whose tables are given; mdat's payload begins at byte 24."""
    reference = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1) + _box(b"url ", b"\0\0\0\1")))
    table = _box(b"stbl", stsz + stsc + chunks)
    trak = _box(b"trak", _box(b"mdia", _box(b"minf", reference + table)))
    return _box(b"ftyp", b"isom\0\0\0\0") + _box(b"mdat", mdat) + _box(b"moov", trak)


@pytest.mark.parametrize(
    ("offset", "fits"), [(24, True), (34, True), (35, False), (23, False), (2**40, False)]
)
def test_uniform_samples_and_wide_offsets_are_measured_too(
    tmp_path: Path, offset: int, *, fits: bool
) -> None:
    stsz = _box(b"stsz", struct.pack(">III", 0, 10, 3))
    stsc = _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 3, 1))
    chunks = _box(b"co64", struct.pack(">IIQ", 0, 1, offset))

    found = _objections(tmp_path / "x.mp4", _synthetic(stsz, stsc, chunks, bytes(40)))

    assert found == ("" if fits else "samples outside mdat")


def test_a_count_that_would_fill_memory_is_refused(tmp_path: Path) -> None:
    stsz = _box(b"stsz", struct.pack(">III", 0, 10, 2**32 - 1))
    stsc = _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 3, 1))
    chunks = _box(b"stco", struct.pack(">III", 0, 1, 24))

    assert "wrong length" in _objections(tmp_path / "x.mp4", _synthetic(stsz, stsc, chunks, bytes(40)))


def test_a_movie_box_larger_than_we_hold_is_refused(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "MAX_MOOV", 100)

    assert "larger than 100" in "; ".join(bmff.objections(clip, signed=False))


def test_a_box_cut_short_between_two_looks_is_refused() -> None:
    with pytest.raises(boxes.MediaMalformed):
        boxes.payload(io.BytesIO(bytes(5)), boxes.Box(b"moov", 0, 10))


def test_more_boxes_than_we_walk_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "MAX_BOXES", 3)

    assert len(list(boxes.boxes(_box(b"free", b"") * 2))) == 2
    with pytest.raises(boxes.MediaMalformed):
        list(boxes.boxes(_box(b"free", b"") * 4))


def test_an_empty_file_and_no_video_are_refused(tmp_path: Path) -> None:
    assert _objections(tmp_path / "x.mp4", b"")
    assert _objections(tmp_path / "x.mp4", b"hello, this is not a video at all")


def test_a_fragmented_file_is_refused(tmp_path: Path) -> None:
    path = write_mp4(tmp_path / "frag.mp4", movflags="frag_keyframe+empty_moov")

    assert "moof" in "; ".join(bmff.objections(path, signed=False))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mp4(tmp_path_factory.mktemp("small") / "clip.mp4", frames=4, width=64, height=64)


@given(at=st.integers(0, 10**6), value=st.integers(0, 255), length=st.integers(0, 10**6))
def test_no_bytes_make_the_guard_fall_over(small: Path, at: int, value: int, length: int) -> None:
    data = bytearray(small.read_bytes())
    data[at % len(data)] = value

    assert isinstance(_objections(small, bytes(data[: 1 + length % len(data)])), str)
