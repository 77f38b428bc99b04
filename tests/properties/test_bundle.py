"""Bundles from strangers: our errors only, one form, and nothing of theirs is unpacked or believed first."""

import io
import struct
import warnings
import zipfile
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit import bundle, offline
from audit.bundle import EvidenceMalformed, EvidenceTooLarge
from audit.offline import Fault

NAME = st.from_regex(r"[a-z0-9_][a-z0-9._-]{0,8}(/[a-z0-9_][a-z0-9._-]{0,8}){0,3}", fullmatch=True)
FILES = st.dictionaries(NAME, st.binary(max_size=40), min_size=1, max_size=6)
GOOD = bundle.write({"a": b"", "b/c.json": b"{}", "bundle.json": b"it"})


def again(data: bytes) -> None:
    """What is read at all is written back to the same bytes."""
    try:
        files = bundle.read(data)
    except EvidenceMalformed:
        return
    assert bundle.write(files) == data


@given(FILES)
def test_what_is_written_is_read(files: dict[str, bytes]) -> None:
    data = bundle.write(files)

    assert bundle.read(data) == files
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == files


@given(st.binary(max_size=400))
@example(GOOD)
@example(b"PK\3\4")
@example(b"PK\5\6" + bytes(18))
def test_any_bytes_are_a_bundle_in_its_one_form_or_none(data: bytes) -> None:
    again(data)


@given(st.data())
def test_no_change_of_a_bundle_is_another_bundle(data: Any) -> None:
    good = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(good) - 1))
        match data.draw(st.sampled_from(("flip", "cut", "add", "size"))):
            case "flip":
                good[at] ^= data.draw(st.integers(1, 255))
            case "cut":
                del good[at : at + data.draw(st.integers(1, 9))]
            case "add":
                good[at:at] = data.draw(st.binary(min_size=1, max_size=9))
            case _:
                good[at : at + 4] = struct.pack("<I", data.draw(st.sampled_from((0xFFFFFFFF, 10**9, 0))))
        if not good:
            break
    if bytes(good) != GOOD:
        with pytest.raises(EvidenceMalformed):
            bundle.read(bytes(good))


def zipped(*entries: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(out, "w", how) as made:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr, info.compress_type = 3, 0o100644 << 16, how
            made.writestr(info, data)
    return out.getvalue()


def test_python_writes_the_same_zip() -> None:
    assert zipped(("a", b"1"), ("b", b"2")) == bundle.write({"a": b"1", "b": b"2"})


@pytest.mark.parametrize(
    "data",
    [
        zipped(("../a", b"")),
        zipped(("/a", b"")),
        zipped(("a/../b", b"")),
        zipped(("a\\b", b"")),
        zipped((".a", b"")),
        zipped(("a/", b"")),
        zipped(("a", b"1"), ("a", b"2")),
        zipped(("b", b""), ("a", b"")),
        zipped(("ä", b"")),
        zipped(("a" * 101, b"")),
        zipped(("a/" * 7 + "a", b"")),
        zipped(("a", bytes(1 << 20)), how=zipfile.ZIP_DEFLATED),
        zipped(("a", bytes(1 << 20)), how=zipfile.ZIP_BZIP2),
        zipped(("a", bytes(1 << 20)), how=zipfile.ZIP_LZMA),
        zipped(),
        b"",
        GOOD + b"\0",
        b"\0" + GOOD,
        GOOD[:-1],
    ],
)
def test_no_other_zip_is_a_bundle(data: bytes) -> None:
    with pytest.raises(EvidenceMalformed):
        bundle.read(data)


def test_a_declared_size_of_gigabytes_is_not_believed() -> None:
    for offset in (18, 22):
        lie = bytearray(GOOD)
        lie[offset : offset + 4] = struct.pack("<I", 0xFFFFFFFE)
        with pytest.raises(EvidenceMalformed):
            bundle.read(bytes(lie))


def test_a_zip64_member_of_ten_gigabytes_is_not_believed() -> None:
    ten = 10 << 30
    extra = struct.pack("<HHQQ", 1, 16, ten, ten)
    version, sizes = (45, 0, 0, 0, 0x21, 0), (0xFFFFFFFF, 0xFFFFFFFF, 1, len(extra))
    head = struct.pack("<4s5H3I2H", b"PK\3\4", *version, *sizes) + b"a" + extra
    record = struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, *version, *sizes, 0, 0, 0, 0, 0) + b"a" + extra
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(record), len(head), 0)
    with zipfile.ZipFile(io.BytesIO(head + record + end)) as others:
        assert others.infolist()[0].file_size == ten

    for body in (b"", b"it"):
        with pytest.raises(EvidenceMalformed, match="a name or size that no bundle has there"):
            bundle.read(head + body + record + end)


def test_no_bundle_is_made_that_none_would_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EvidenceMalformed):
        bundle.write({"../a": b""})
    monkeypatch.setattr(offline, "MOST_FILES", 1)
    with pytest.raises(EvidenceTooLarge):
        bundle.write({"a": b"", "b": b""})
    with pytest.raises(EvidenceMalformed):
        bundle.read(GOOD)
    monkeypatch.setattr(offline, "LARGEST", 10)
    with pytest.raises(EvidenceMalformed):
        bundle.read(GOOD)


@given(st.text(max_size=200))
@example("log a+b+c")
@example("consentry/export/v1 a")
@example("log 0+00000000+")
def test_any_text_is_a_trust_file_or_none(text: str) -> None:
    try:
        bundle.verifier({}, text, None)
    except EvidenceMalformed:
        return


@given(st.binary(max_size=200))
@example(b"a\n1\nAAAA\n\n\xe2\x80\x94 a AAAA\n")
def test_any_bytes_are_a_checkpoint_or_none(data: bytes) -> None:
    with pytest.raises(Fault), offline.reading("it"):
        offline.Trust().checkpoint(data)


@given(
    st.dictionaries(
        st.sampled_from(("bundle.json", "bundle.sig", "entries.jsonl", "log/checkpoint")), st.binary()
    )
)
@example({"bundle.json": b'{"files":[]}'})
@example({"bundle.json": b"[]"})
@example({"bundle.json": b"[" * 5000})
@example({"bundle.json": b'{"files":{}}', "bundle.sig": b"\xff"})
@example({"bundle.json": b"1" * 5000})
def test_any_files_are_claims_that_are_not_proven(files: dict[str, bytes]) -> None:
    verifier = bundle.verifier(files, "", None)

    (claim,) = verifier.claims()

    assert (claim.name, claim.verdict) == ("files", "not proven")
    assert verifier.items() == []
