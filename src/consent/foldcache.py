"""Folded models on disk, so that a start doesn't fold again. A cache: losing it costs a second."""

import hashlib
import os
import tempfile
from pathlib import Path

from consent.eye_errors import CacheUnwritable, FoldFailed
from consent.folding import fold
from consent.modelcard import ModelCard, ModelRole


def folded(card: ModelCard, quantised: bytes, *, cache: Path) -> Path:
    """The folded file of `card`, whose verified bytes are `quantised`, inside `cache`.

    The digest the card pins is checked at every call, not only when the file is made: a cache that
    somebody or a dying disk has changed is folded anew. Raises `FoldFailed`, `CacheUnwritable`.
    """
    path = cache / f"{card.name}-{(card.folded_sha256 or '')[:16]}.onnx"
    if _digest(path) == card.folded_sha256:
        return path
    network = fold(quantised, free_size=card.role is ModelRole.DETECTOR)
    if hashlib.sha256(network).hexdigest() != card.folded_sha256:
        raise FoldFailed(f"model {card.name} does not fold to the pinned bytes")
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, network)
    except OSError as error:
        raise CacheUnwritable(f"the model cache can't be written ({error.strerror})") from error
    return path


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # absent or unreadable: fold again, and let the write say what is wrong
        return None


def _replace(path: Path, content: bytes) -> None:
    # Written aside and renamed: another process sees the old file or the whole new one, and two
    # that fold at once rename the same bytes. Synced first, or a crash could leave a name on nothing.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
