"""What people send is parsed behind walls, and nothing a file does leaves its cell."""

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import clips
from swap.faults import (
    Cancelled,
    DecoderCrashed,
    DecoderMemory,
    DecoderTimeout,
    SandboxUnavailable,
)
from swap.limits import Limits
from swap.sandbox import Mode, Sandbox
from swap.warden import Warden, command

Open = Callable[[Path | bytes], int]

_ME = "import sys; sys.path.insert(0, sys.argv.pop(1)); "
_READY = _ME + (
    "import os, socket, time; from swap.wire import Line, Kind, FRAME; line = Line(int(sys.argv[1])); "
    "line.tell(Kind.READY, {'ready': True}); "
    "s = socket.socket(fileno=int(sys.argv[1])); socket.recv_fds(s, 1 << 16, 2); "
)


def bad_cell(program: str, **limits: float) -> Sandbox:
    return Sandbox(Limits(**limits), spares=0, start=command("seccomp", _READY + program))  # type: ignore[arg-type]


@contextmanager
def no_process_stays() -> Iterator[None]:
    """Afterwards there are no more children than before (the shared sandbox may keep its spare)."""
    before = children()
    yield
    assert children() <= before


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


def test_frames_are_the_decoders_frames_to_the_last_bit(
    tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.walk("astronaut", 9))
    with av.open(str(path)) as container:
        expected = [(f.pts, f.to_ndarray(format="bgr24", threads=1)) for f in container.decode(video=0)]

    with sandbox.frames(opened(path)) as reading:
        frames = list(reading)

    assert [frame.pts for frame in frames] == [pts for pts, _ in expected]
    assert [frame.index for frame in frames] == list(range(9))
    assert all((f.image == image).all() for f, (_, image) in zip(frames, expected, strict=True))
    assert (reading.clip.width, reading.clip.height, reading.clip.frames) == (320, 240, 9)
    assert reading.unread == 0


def test_a_picture_stays_what_it_was_while_the_decoder_goes_on(
    tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.gradients(20))

    with sandbox.frames(opened(path)) as reading:
        first = next(reading)
        kept = first.image.copy()
        list(reading)

    assert (first.image == kept).all()


def test_behind_the_walls_there_is_nothing_to_open_start_or_reach(sandbox: Sandbox) -> None:
    walls = sandbox.walls()

    assert len(walls) == 8
    assert all(walls.values()), walls


def test_without_the_filter_files_and_sockets_stay_out_of_reach() -> None:
    with Sandbox(Limits(), mode=Mode.RLIMITS, spares=0) as weaker:
        walls = weaker.walls()

    assert walls["open a file"]
    assert walls["make a file"]
    assert walls["open a socket"]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_deployment_without_libseccomp_decodes_only_if_its_settings_say_so(
    mode: Mode, tmp_path: Path, opened: Open
) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(3)))
    boot = (
        _ME
        + "sys.modules['pyseccomp'] = None; from swap.cell import main; main(int(sys.argv[1]), sys.argv[2])"
    )
    sandbox = Sandbox(Limits(), mode=mode, spares=0, start=command(mode, boot))

    if mode is Mode.RLIMITS:
        with sandbox.frames(source) as reading:
            assert len(list(reading)) == 3
    else:
        with pytest.raises(SandboxUnavailable):
            sandbox.frames(source)


@pytest.mark.parametrize(
    "program", ["import nothing_like_it", "sys.exit(3)", "import os; os.write(4, b'hello')"]
)
def test_a_cell_that_never_gets_ready_is_our_fault_not_the_files(program: str, opened: Open) -> None:
    sandbox = Sandbox(Limits(), spares=0, start=command("seccomp", _ME + program))

    with no_process_stays(), pytest.raises(SandboxUnavailable):
        sandbox.probe(opened(b"x"))


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("os.kill(os.getpid(), 11)", DecoderCrashed),
        ("os._exit(0)", DecoderCrashed),
        ("os._exit(77)", DecoderMemory),
        (
            "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 5))\nwhile True: pass",
            DecoderTimeout,
        ),
        ("time.sleep(60)", DecoderTimeout),
        ("os.write(s.fileno(), b'nonsense, and more of it'); time.sleep(60)", DecoderCrashed),
        ("os.write(s.fileno(), b'C\\xff\\xff\\xff\\xff'); time.sleep(60)", DecoderCrashed),
        ("line.say(Kind.CLIP, b'{'); time.sleep(60)", DecoderCrashed),
        ("line.tell(Kind.CLIP, []); time.sleep(60)", DecoderCrashed),
        ("line.tell(Kind.CLIP, {'width': 1}); time.sleep(60)", DecoderCrashed),
        ("line.tell(Kind.DONE, {}); time.sleep(60)", DecoderCrashed),
        ("line.tell(Kind.FAULT, {'code': ['?'], 'detail': 1}); time.sleep(60)", DecoderCrashed),
        ("line.tell(Kind.FAULT, {'code': '__class__'}); time.sleep(60)", DecoderCrashed),
    ],
)
def test_a_cell_that_dies_hangs_or_lies_is_a_clear_fault(
    program: str, fault: type[Exception], opened: Open
) -> None:
    with no_process_stays(), pytest.raises(fault):
        bad_cell(program, patience_seconds=3.0).frames(opened(b"x"))


_CLIP = (
    "clip = dict(width=64, height=48, tick=25, rate_num=25, rate_den=1, frames=2, start=0, duration=2,"
    " rotation=0, aspect_num=1, aspect_den=1, codec='h264', has_audio=False)\n"
)


@pytest.mark.parametrize(
    "program",
    [
        "line.say(Kind.FRAME, FRAME.pack(1, 0, 64, 48))",
        "line.say(Kind.FRAME, FRAME.pack(0, 0, 4000, 4000))",
        "line.say(Kind.FRAME, b'short')",
        "line.say(Kind.FRAME, FRAME.pack(0, 5, 64, 48)); line.say(Kind.FRAME, FRAME.pack(1, 5, 64, 48))",
        "line.tell(Kind.DONE, {'unread': -1})",
        "line.tell(Kind.DONE, {})",
        "line.say(Kind.SOUND, b'')",
    ],
)
def test_a_cell_that_lies_about_frames_is_caught(program: str, opened: Open) -> None:
    lying = bad_cell(f"{_CLIP}line.tell(Kind.CLIP, clip)\n{program}\ntime.sleep(60)")

    with no_process_stays(), lying.frames(opened(b"x")) as reading, pytest.raises(DecoderCrashed):
        list(reading)


def test_a_cell_that_says_less_than_the_header_leaves_frames_unread(opened: Open) -> None:
    lying = bad_cell(f"{_CLIP}line.tell(Kind.CLIP, clip)\nline.tell(Kind.DONE, {{'unread': 0}})")

    with lying.frames(opened(b"x")) as reading:
        assert list(reading) == []
    assert reading.unread == 2


@pytest.mark.parametrize(
    "program",
    [
        "line.tell(Kind.DONE, {'frames': 0, 'sound': 'kept'})",
        "line.tell(Kind.DONE, {'frames': 1, 'sound': 'loud'})",
        "line.tell(Kind.DONE, {'width': 9, 'height': 0})",
        "line.tell(Kind.DONE, {'width': 90000, 'height': 90000})",
        "line.say(Kind.FRAME, b'')",
    ],
)
def test_no_account_of_the_work_is_no_work(program: str, opened: Open) -> None:
    lying = bad_cell(f"{program}\ntime.sleep(60)")

    with pytest.raises(DecoderCrashed):
        lying.remux(opened(b"x"), opened(b""))
    with pytest.raises(DecoderCrashed):
        lying.photo(b"x")


@pytest.mark.parametrize(
    "body", ["b''", "bytes(9)", "bytes(8) + b'\\7' + bytes(14)", "bytes(8) + b'\\2' + bytes(6)"]
)
def test_half_a_sample_is_no_sound(body: str, opened: Open) -> None:
    lying = bad_cell(f"line.say(Kind.SOUND, {body})\ntime.sleep(60)")

    with pytest.raises(DecoderCrashed):
        list(lying.sound(opened(b"x")))


def test_what_a_cell_says_reaches_a_message_only_as_printable_text(opened: Open) -> None:
    shouting = bad_cell(
        "line.tell(Kind.FAULT, {'code': 'NO_VIDEO', 'detail': '\\x1b[31mred\\n' + 'x' * 999})"
    )

    with pytest.raises(Exception, match="red") as caught:
        shouting.probe(opened(b"x"))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 200


def test_cancelling_kills_the_cell_at_once(opened: Open) -> None:
    sandbox = bad_cell("time.sleep(60)")
    asked = iter([False, False, True])
    started = time.monotonic()

    with no_process_stays(), pytest.raises(Cancelled):
        sandbox.probe(opened(b"x"), cancelled=lambda: next(asked, True))

    assert time.monotonic() - started < 20


def test_cancelling_between_frames_stops_there(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(30)))
    taken: list[int] = []

    with sandbox.frames(source, cancelled=lambda: len(taken) >= 4) as reading, pytest.raises(Cancelled):
        deque((taken.append(frame.index) for frame in reading), maxlen=0)  # type: ignore[func-returns-value]

    assert taken == [0, 1, 2, 3]


def test_leaving_early_leaves_no_process(tmp_path: Path, opened: Open) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(30)))
    before = children()

    with no_process_stays(), Sandbox(Limits(), spares=2) as sandbox:
        with sandbox.frames(source) as reading:
            next(reading)
        assert len(children() - before) == 2  # the spares


def test_an_orphaned_cell_ends_by_itself() -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from swap.sandbox import Sandbox; "
        "from swap.limits import Limits; s = Sandbox(Limits()); s.warm(); "
        "print(s._waiting[0].pid, flush=True); os._exit(0)"
    )
    source = str(Path(__file__).parents[3] / "src")
    done = subprocess.run([sys.executable, "-c", program, source], capture_output=True, text=True, check=True)

    deadline = time.monotonic() + 20
    while Path(f"/proc/{done.stdout.strip()}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    assert not _alive(done.stdout.strip())


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_memory_is_bounded(tmp_path: Path, opened: Open) -> None:
    big = np.zeros((2160, 3840, 3), np.uint8)
    source = opened(clips.write(tmp_path / "a.mp4", [big, big]))

    with Sandbox(Limits(memory_bytes=24 << 20), spares=0) as sandbox, pytest.raises(DecoderMemory):
        sandbox.probe(source)


def test_a_cell_that_was_kept_warm_serves_before_one_that_was_just_started(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.walk("astronaut", 2))
    served, order = list[int](), Warden.order

    def notes(self: Warden, *asked: Any, **more: Any) -> None:
        served.append(self.pid)
        order(self, *asked, **more)

    monkeypatch.setattr(Warden, "order", notes)
    with Sandbox(Limits()) as sandbox:
        sandbox.warm()
        kept = [warden.pid for warden in sandbox._waiting]
        for _ in kept:
            sandbox.probe(opened(path))

    assert served == kept


def test_two_threads_read_at_once(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(12)))
    counts: list[int] = []

    def read() -> None:
        with sandbox.frames(source) as reading:
            counts.append(sum(1 for _ in reading))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counts == [12, 12, 12]


def test_the_parents_place_in_the_file_does_not_move(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    source = opened(clips.write(tmp_path / "a.mp4", clips.gradients(3)))

    sandbox.probe(source)

    assert os.lseek(source, 0, os.SEEK_CUR) == 0
