"""Who writes where, while somebody looks: the interpreter's own reports, and folders before and after.

The reports (PEP 578) name every file that Python code opens for writing, makes, moves or removes.
Code in C opens files unreported, so folders are compared as well.
"""

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_MAKING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MOVING = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
)
_SPAWNING = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"})

_Places = dict[Path, tuple[int, int]]
_watching: list["Writes"] = []
_lock = threading.Lock()
_installed = False


class Writes:
    """A watch kept while the block runs. Afterwards `seen` holds what was touched outside `own`."""

    def __init__(self, folders: Sequence[Path], *, own: Path | None = None) -> None:
        """`folders` are compared before and after, all the way down."""
        self._folders, self._own = folders, None if own is None else own.resolve()
        self._before: _Places = {}
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        _install()
        self._before = self._places()
        _watching.append(self)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        _watching.remove(self)
        after = self._places()
        for path in self._before.keys() | after.keys():
            if self._before.get(path) != after.get(path):
                self.note(path)

    def note(self, place: object) -> None:
        """Something was touched."""
        if isinstance(place, int):
            return  # a descriptor that was open already
        path = Path(os.fsdecode(place)) if isinstance(place, str | bytes | os.PathLike) else None
        if path == Path(os.devnull):
            return
        if path is None or self._own is None or not path.resolve().is_relative_to(self._own):
            self.seen.add(str(path))

    def _places(self) -> _Places:
        found: _Places = {}
        for folder in self._folders:
            for path in folder.rglob("*"):
                try:
                    stat = path.lstat()
                except OSError:  # gone between listing and looking: somebody else's temporary file
                    continue
                if not path.is_dir():
                    found[path] = (stat.st_mtime_ns, stat.st_size)
        return found


def _install() -> None:
    # An audit hook can never be taken out again; this one is put in once and does nothing unwatched.
    global _installed  # noqa: PLW0603
    with _lock:
        if not _installed:
            sys.addaudithook(_report)
            _installed = True


def _report(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    if event == "open":
        path, _mode, flags = arguments
        if not isinstance(flags, int) or not flags & _MAKING:
            return
        touched: tuple[object, ...] = (path,)
    elif event in _MOVING:
        touched = arguments[:1]
    elif event in _SPAWNING:
        touched = (None,)
    else:
        return
    for watch in _watching:
        for place in touched:
            watch.note(place)
