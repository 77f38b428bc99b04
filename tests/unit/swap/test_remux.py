"""The normalised re-mux: the same pictures in a container we wrote, and nothing else of the upload."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import av
import pytest

import clips
from audit.canonical import digest
from direct import Direct
from swap.faults import CodecNotAllowed, SourceTruncated, SourceUnreadable, StorageFull
from swap.folder import Stored
from swap.limits import Limits
from swap.quarantine import Quarantine, in_chunks
from swap.remux import Remuxed
from swap.sandbox import Sandbox
from swap.store import MediaStore

Open = Callable[[Path | bytes], int]


@pytest.fixture(scope="module", params=["behind walls", "here"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The same answers, whether a cell gives them or the functions it calls."""
    if request.param == "here":
        yield cast(Sandbox, Direct())
    else:
        with Sandbox(Limits()) as walled:
            yield walled


@pytest.fixture
def target() -> Iterator[int]:
    fd = os.memfd_create("target")
    yield fd
    os.close(fd)


def content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def boxes(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        found.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    return found


def pictures(sandbox: Sandbox, fd: int) -> list[bytes]:
    with sandbox.frames(fd) as reading:
        assert reading.clip.start == 0
        return [frame.image.tobytes() for frame in reading]


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("libx264", "mp4"),
        ("libx264", "mov"),
        ("libx264", "mkv"),
        ("libx265", "mp4"),
        ("libvpx-vp9", "webm"),
        ("libsvtav1", "mkv"),
        ("mpeg4", "mp4"),
    ],
)
def test_every_codec_on_the_list_keeps_its_pictures(
    codec: str, suffix: str, tmp_path: Path, sandbox: Sandbox, opened: Open, target: int
) -> None:
    source = opened(clips.write(tmp_path / f"a.{suffix}", clips.walk("hopper", 8), codec=codec))

    done = sandbox.remux(source, target)

    assert done == Remuxed(frames=8, sound="none")
    assert pictures(sandbox, target) == pictures(sandbox, source)
    assert boxes(content(target)) == [b"ftyp", b"moov", b"free", b"mdat"]


def test_the_same_upload_gives_the_same_bytes(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(9), sound="aac"))
    results = []

    for _ in range(2):
        fd = os.memfd_create("target")
        sandbox.remux(source, fd)
        results.append(content(fd))
        os.close(fd)

    assert results[0] == results[1]


def test_a_normalised_file_is_its_own_normal_form(
    tmp_path: Path, sandbox: Sandbox, opened: Open, target: int
) -> None:
    sandbox.remux(opened(clips.write(tmp_path / "a.mkv", clips.gradients(9))), target)
    again = os.memfd_create("again")

    sandbox.remux(target, again)

    assert content(again) == content(target)
    os.close(again)


def test_nothing_of_the_upload_but_its_pictures_and_sound_comes_through(
    tmp_path: Path, sandbox: Sandbox, opened: Open, target: int
) -> None:
    path = tmp_path / "a.mkv"
    clips.write(
        path,
        clips.gradients(9),
        sound="aac",
        streams=2,
        metadata={"title": "SECRET-TITLE", "location": "+39.9+116.4/", "comment": "SECRET-NOTE"},
    )
    polyglot = path.read_bytes() + b"<script>SECRET-SCRIPT</script>PK\x03\x04"

    sandbox.remux(opened(polyglot), target)

    data = content(target)
    assert not any(word in data for word in (b"SECRET", b"+39.9", b"script", b"Lavf", b"PK\x03\x04"))
    with av.open(str(tmp_path / "b.mp4"), "w") as _:
        pass
    (tmp_path / "b.mp4").write_bytes(data)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert set(container.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
        assert container.chapters() == []


@pytest.mark.parametrize(
    ("sound", "fate"),
    [
        ("aac", "kept"),
        ("libmp3lame", "kept"),
        ("libopus", "kept"),
        ("flac", "dropped"),
        ("pcm_s16le", "dropped"),
    ],
)
def test_sound_is_kept_where_an_mp4_can_hold_it_and_said_to_be_dropped_elsewhere(
    sound: str, fate: str, tmp_path: Path, sandbox: Sandbox, opened: Open, target: int
) -> None:
    source = opened(clips.write(tmp_path / "a.mkv", clips.gradients(25), sound=sound))

    assert sandbox.remux(source, target).sound == fate
    assert sandbox.probe(target).has_audio == (fate == "kept")
    samples = sum(len(block.samples) for block in sandbox.sound(target))
    assert (abs(samples - 48_000) < 3_000) if fate == "kept" else samples == 0


def test_a_full_disk_is_said_to_be_full(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(9)))
    full = os.open("/dev/full", os.O_RDWR)

    with pytest.raises(StorageFull):
        sandbox.remux(source, full)
    os.close(full)


class Intake:
    def __init__(self, root: Path, sandbox: Sandbox) -> None:
        self.root = root
        self.quarantine = Quarantine(root / "quarantine", Limits())
        self.store = MediaStore(root / "media")
        self.sandbox = sandbox

    def normalise(self, path: Path) -> Stored:
        received = self.quarantine.receive(in_chunks(path))
        with (
            self.quarantine.descriptor_for_sandbox(received.digest) as source,
            self.store.draft() as draft,
        ):
            self.sandbox.remux(source, draft.fileno())
            return self.store.keep(draft)

    def media(self) -> list[Path]:
        return [path for path in (self.root / "media").rglob("*") if path.is_file()]


def test_a_normalised_template_lies_under_the_digest_of_its_bytes(tmp_path: Path, sandbox: Sandbox) -> None:
    intake = Intake(tmp_path, sandbox)
    path = clips.write(tmp_path / "a.mkv", clips.gradients(9), sound="libopus")

    first, second = intake.normalise(path), intake.normalise(path)

    assert first == second
    (file,) = intake.media()
    assert file.name == first.digest == digest(file.read_bytes())
    assert first.size == file.stat().st_size


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda data: b"nothing", SourceUnreadable),
        (lambda data: data[: len(data) // 2], SourceTruncated),
        (lambda data: data.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/AVX"), CodecNotAllowed),
    ],
)
def test_a_refused_upload_leaves_nothing_among_the_media(
    spoil: Callable[[bytes], bytes], fault: type[Exception], tmp_path: Path, sandbox: Sandbox
) -> None:
    intake = Intake(tmp_path, sandbox)
    path = clips.write(tmp_path / "a.mkv", clips.gradients(60))
    path.write_bytes(spoil(path.read_bytes()))

    with pytest.raises(fault):
        intake.normalise(path)
    assert intake.media() == []
