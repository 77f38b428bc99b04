"""Files that hold a secret: for their owner alone, or we refuse to use them."""

import os
import stat
from pathlib import Path

from audit import durable
from audit.errors import BadInput, Unready

_LIMIT = 16 * 1024


class KeyMissing(Unready):
    """A key file is not where it should be."""

    code = "KEY_MISSING"
    zh = "缺少密钥文件。"
    hint = "Run `consentry init`, or put the key back from its own backup."
    hint_zh = "请运行 `consentry init`，或从密钥专用备份中恢复。"


class KeyFileExposed(Unready):
    """Somebody besides its owner may read or write a key file, or swap it for another."""

    code = "KEY_FILE_EXPOSED"
    zh = "密钥文件或其所在目录的权限过宽。"
    hint = "chmod 600 the file and chmod 700 its directory; if others had access, replace the key."
    hint_zh = "请执行 chmod 600（文件）与 chmod 700（目录）；若他人曾可访问，请更换密钥。"


class KeyExists(BadInput):
    """A key would overwrite another one. Keys are never overwritten."""

    code = "KEY_EXISTS"
    zh = "密钥文件已存在，不会被覆盖。"
    hint = "Choose another file, or move the old key away if it really is to be retired."
    hint_zh = "请另选文件；若旧密钥确需停用，请先将其移走。"


def write(path: Path, data: bytes) -> None:
    """Write a secret once, mode 0600 in a directory of mode 0700, durable on return."""
    with durable.disk(path):
        durable.make_directory(path.parent, mode=0o700)
    refuse_exposed(path.parent)
    if not durable.create(path, data, mode=0o600):
        raise KeyExists(f"{path.name} exists")


def read(path: Path) -> bytes:
    """The bytes of a secret. Raises `KeyMissing`, `KeyFileExposed`, `audit.durable.DiskFailed`."""
    refuse_exposed(path.parent)
    with durable.disk(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise KeyMissing(f"{path.name} is missing") from None
        with os.fdopen(descriptor, "rb") as file:
            # Ask the open file, not the name: the name may mean another file a moment later.
            _refuse_mode(path, os.fstat(descriptor).st_mode)
            return file.read(_LIMIT)


def refuse_exposed(path: Path) -> None:
    """Raise `KeyFileExposed` if group or others have any right to `path`, `KeyMissing` if it is not there."""
    with durable.disk(path):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            raise KeyMissing(f"{path.name} is missing") from None
    _refuse_mode(path, mode)


def _refuse_mode(path: Path, mode: int) -> None:
    allowed = 0o700 if stat.S_ISDIR(mode) else 0o600
    if stat.S_IMODE(mode) & ~allowed:
        raise KeyFileExposed(f"{path.name} has mode {stat.S_IMODE(mode):04o}, expected {allowed:04o}")
