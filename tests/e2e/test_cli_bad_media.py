"""Bad media from a shell: a stable code and a hint, and nothing half-written."""

from pathlib import Path

import pytest

from clips import gradients, walk, write
from shell import Shell, a_source, enrolled


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell("init", "--mode", "demo", "--origin", "log.example/bad")
    return shell


def announced(shell: Shell, video: Path) -> str:
    person, _ = enrolled(shell, "her")
    words = ("--source", shell.file("source.json", a_source()), "--cast", f"{person}:PERFORMER")
    template: str = shell("template", "announce", video, *words)["template"]
    return template


def stored(shell: Shell) -> list[Path]:
    folders = (shell.data / "quarantine", shell.data / "media")
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.mp4", b"", "SOURCE_EMPTY"),
        ("text.mp4", b"this is not a video", "SOURCE_UNREADABLE"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "SOURCE_UNREADABLE"),
    ],
)
def test_what_is_no_video_stays_outside(shell: Shell, name: str, data: bytes, code: str) -> None:
    video = shell.folder / name
    video.write_bytes(data)
    template = announced(shell, video)

    refused = shell("template", "add", template, video, leaves=3)

    assert refused["error"]["code"] == code
    assert refused["error"]["hint"]
    assert refused["error"]["hint_zh"]
    assert stored(shell) == []
    assert shell("template", "show", template)["state"] == "announced"


def test_other_bytes_than_announced_stay_outside_and_the_announced_ones_still_come_in(shell: Shell) -> None:
    video = write(shell.folder / "hers.mp4", walk("astronaut", 4))
    other = write(shell.folder / "other.mp4", gradients(4))
    template = announced(shell, video)

    assert shell("template", "add", template, other, leaves=3)["error"]["code"] == "SOURCE_NOT_ANNOUNCED"
    assert stored(shell) == []

    assert shell("template", "add", template, video)["frames"] == 4


def test_steps_out_of_order_are_named(shell: Shell) -> None:
    video = write(shell.folder / "hers.mp4", walk("astronaut", 4))
    template = announced(shell, video)

    assert shell("template", "scan", template, leaves=3)["error"]["code"] == "WRONG_STATE"
    missing = shell.folder / "nothing.mp4"
    assert shell("template", "add", template, missing, leaves=3)["error"]["code"] == "FILE_UNREADABLE"


def test_whoever_has_not_answered_is_shown_the_clip_and_nobody_is_compared(shell: Shell) -> None:
    video = write(shell.folder / "hers.mp4", walk("astronaut", 4))
    template = announced(shell, video)
    shell("template", "add", template, video)
    person = shell("template", "show", template)["cast"][0]["person"]

    shell("template", "preview", template, "--person", person, "--to", shell.folder / "for-her.mp4")
    stranger, _ = enrolled(shell, "stranger")
    words = ("--person", stranger, "--to", shell.folder / "not-for-him.mp4")
    assert shell("template", "preview", template, *words, leaves=1)["reasons"] == ["G-46"]
    assert not (shell.folder / "not-for-him.mp4").exists()

    scanned = shell("template", "scan", template, leaves=1)
    assert "G-09" in scanned["reasons"]
    assert scanned["verdicts"] is None
