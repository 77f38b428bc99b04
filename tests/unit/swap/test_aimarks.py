"""Marks of AI in a file as received: found wherever they stand, in our own outputs too."""

import os
from pathlib import Path

import pytest

from swap import aigc
from swap.aimarks import MARKS, marked


def looked_at(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return marked(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("before", [0, 7, (1 << 20) - 1, (1 << 20) - 10, 3 << 20])
def test_a_mark_is_found_wherever_it_stands(tmp_path: Path, mark: bytes, before: int) -> None:
    file = tmp_path / "received"
    file.write_bytes(b"\0" * before + mark + b"\0" * 100)

    assert looked_at(file)


def test_a_file_without_a_mark_has_none(tmp_path: Path) -> None:
    file = tmp_path / "received"
    file.write_bytes(os.urandom(3 << 20) + MARKS[0][:-1])

    assert not looked_at(file)
    file.write_bytes(b"")
    assert not looked_at(file)


def test_the_field_we_write_ourselves_is_one() -> None:
    field = aigc.field("consentry-demo", "ab" * 16, demo=True).encode()

    assert any(mark in field for mark in MARKS)
