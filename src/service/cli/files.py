"""Files that people hand to a command, and files it leaves them. Nothing of theirs is overwritten."""

import hashlib
import os
import shutil
from pathlib import Path

from audit import durable
from audit.canonical import Json, NotCanonical
from audit.errors import BadInput
from consent.strict import decode

LARGEST_TEXT = 1 << 20


class FileUnreadable(BadInput):
    """A file that was named can't be read."""

    code = "FILE_UNREADABLE"
    zh = "无法读取指定文件。"
    hint = "Check the path, and that you may read it."
    hint_zh = "请检查路径与读取权限。"


class FileTaken(BadInput):
    """Something lies where a file should be written."""

    code = "FILE_TAKEN"
    zh = "目标文件已存在，不会覆盖。"
    hint = "Name another file, or move this one away."
    hint_zh = "请指定其他文件名，或先移走该文件。"


class JsonMalformed(BadInput):
    """A JSON file is none, or says something that has no place in it."""

    code = "JSON_MALFORMED"
    zh = "JSON 文件格式不正确。"
    hint = "docs/cli.md shows each of these files."
    hint_zh = "各文件的格式见 docs/cli.md。"


def read_bytes(path: Path, *, most: int = LARGEST_TEXT) -> bytes:
    """A small file. Raises `FileUnreadable`."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise FileUnreadable(f"{path.name}: {error.strerror}") from None
    if len(data) > most:
        raise FileUnreadable(f"{path.name}: more than {most >> 20} MiB, which no file of this kind has")
    return data


def read_text(path: Path) -> str:
    """A small text. Raises `FileUnreadable`."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise FileUnreadable(f"{path.name}: not UTF-8") from None


def read_json(path: Path) -> Json:
    """A JSON file. Raises `FileUnreadable`, `JsonMalformed`."""
    try:
        return decode(read_bytes(path))
    except NotCanonical:
        raise JsonMalformed(f"{path.name}: not JSON in UTF-8") from None


def checked(path: Path) -> Path:
    """A file that is there and may be read. Raises `FileUnreadable`."""
    if not path.is_file() or not os.access(path, os.R_OK):
        raise FileUnreadable(f"{path.name}: no such file, or not one that may be read")
    return path


def digest_of(path: Path) -> str:
    """SHA-256 of a file of any size. Raises `FileUnreadable`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileUnreadable(f"{path.name}: {error.strerror}") from None


def free(path: Path) -> Path:
    """A place where nothing lies. Raises `FileTaken`."""
    if path.exists():
        raise FileTaken(f"{path.name} exists")
    return path


def write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a new file, whole and durable. Raises `FileTaken`, `DiskFull`, `DiskFailed`."""
    if not durable.create(path, data, mode=mode):
        raise FileTaken(f"{path.name} exists")


def copy(source: Path, target: Path) -> None:
    """A copy of `source`, there when it is whole. Raises `DiskFull`, `DiskFailed`, `FileNotFoundError`."""
    with source.open("rb") as opened, durable.disk(target):
        part = target.with_name(f".{target.name}.part")
        try:
            with part.open("wb") as file:
                shutil.copyfileobj(opened, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
