"""What a cell does with an order, seen from its own end of the line."""

import json
import mmap
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Photo

import clips
from swap.faults import NoFrames
from swap.limits import Limits
from swap.tasks import map_ring, perform
from swap.warmup import warm_up
from swap.wire import FRAME, HEADER, SLOTS, SOUND, Kind, Line, Order, slot_bytes

Open = Callable[[Path | bytes], int]
LIMITS = Limits(max_pixels=320 * 240, max_photo_pixels=320 * 240)


class Ear:
    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.line = Line(self.theirs.fileno())

    def heard(self) -> list[tuple[Kind, bytes]]:
        self.theirs.shutdown(socket.SHUT_WR)
        data = b""
        while chunk := self.ours.recv(1 << 20):
            data += chunk
        messages = []
        while data:
            kind, length = HEADER.unpack_from(data)
            messages.append((Kind(kind), data[HEADER.size : HEADER.size + length]))
            data = data[HEADER.size + length :]
        return messages


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.ours.close()
    ear.theirs.close()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_frames_go_round_the_ring_as_credits_come_in(
    suffix: str, tmp_path: Path, opened: Open, ear: Ear
) -> None:
    source = opened(clips.write(tmp_path / f"a.{suffix}", clips.gradients(8)))
    order = Order("frames", LIMITS)
    ring = os.memfd_create("ring")
    os.ftruncate(ring, SLOTS * slot_bytes(LIMITS.max_pixels))
    ear.ours.send(b"\1" * (8 - SLOTS))

    shared = map_ring(order, [source, ring])
    account = perform(order, [source, ring], shared, ear.line)

    assert account == {"unread": 0}
    (first, clip), *frames = ear.heard()
    assert first is Kind.CLIP
    assert json.loads(clip)["frames"] == 8
    assert [FRAME.unpack(body)[0] for _, body in frames] == list(range(8))
    with mmap.mmap(ring, 0, prot=mmap.PROT_READ) as seen:
        offset = slot_bytes(LIMITS.max_pixels) * (7 % SLOTS)
        last = np.frombuffer(bytes(seen[offset : offset + 96 * 64 * 3]), np.uint8).reshape(64, 96, 3)
    assert np.abs(last.astype(int) - clips.gradients(8)[7]).mean() < 12
    os.close(ring)


def test_probing_tells_of_the_clip_and_no_frame(tmp_path: Path, opened: Open, ear: Ear) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(8)))

    assert perform(Order("probe", LIMITS), [source], None, ear.line) == {}
    assert [kind for kind, _ in ear.heard()] == [Kind.CLIP]


def test_sound_goes_up_with_its_place(tmp_path: Path, opened: Open, ear: Ear) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(10), sound="aac"))

    assert (
        perform(Order("sound", LIMITS), [source], map_ring(Order("sound", LIMITS), [source]), ear.line) == {}
    )

    places = [SOUND.unpack_from(body) for kind, body in ear.heard() if kind is Kind.SOUND]
    assert places[0][0] == 0
    assert all(channels == 2 for _, channels in places)
    assert [at for at, _ in places] == sorted(at for at, _ in places)


def test_a_remux_and_a_photo_give_their_account(tmp_path: Path, opened: Open, ear: Ear) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(8)))
    target, ring = os.memfd_create("target"), os.memfd_create("ring")
    os.ftruncate(ring, slot_bytes(LIMITS.max_photo_pixels))
    png = tmp_path / "a.png"
    Photo.new("RGB", (20, 10)).save(png)
    photo = Order("photo", LIMITS)

    assert perform(Order("remux", LIMITS), [source, target], None, ear.line) == {"frames": 8, "sound": "none"}
    fds = [opened(png), ring]
    assert perform(photo, fds, map_ring(photo, fds), ear.line) == {"width": 20, "height": 10}
    os.close(target)
    os.close(ring)


def test_an_order_survives_the_line() -> None:
    order = Order("remux", Limits(max_seconds=7))

    assert Order.from_bytes(order.to_bytes()) == order


def test_a_cell_warms_up_on_media_of_its_own_making() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    warm_up()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_probe_of_nothing_readable_is_a_fault(tmp_path: Path, opened: Open, ear: Ear) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.gradients(5))

    with pytest.raises(NoFrames):
        perform(Order("probe", LIMITS), [opened(clips.damaged(path, range(5)))], None, ear.line)
