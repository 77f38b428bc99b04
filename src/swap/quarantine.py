"""Where uploads wait: bytes nobody has parsed, readable by the sandbox and by no engine or model."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from swap.draft import Create, create
from swap.folder import ContentFolder, Stored
from swap.limits import Limits


class Quarantine:
    """Received files by `received_digest`. There is no way to get a path out of here.

    A folder of its own, apart from the media store: an engine is given the other one. Raises what
    `ContentFolder` raises.
    """

    def __init__(self, root: Path, limits: Limits, *, make: Create = create) -> None:
        self._folder = ContentFolder(root, make=make)
        self._limits = limits

    def receive(self, chunks: Iterable[bytes]) -> Stored:
        """Take in an upload as it arrives. An upload that breaks off, or is too large, leaves nothing."""
        return self._folder.put(chunks, max_bytes=self._limits.max_bytes)

    def adopt(self, path: Path) -> Stored:
        """Take in an upload that lies on our disk already. As `ContentFolder.adopt`."""
        return self._folder.adopt(path, max_bytes=self._limits.max_bytes)

    def descriptor_for_sandbox(self, digest: str) -> AbstractContextManager[int]:
        """The received bytes as an open descriptor, to be handed to a `Sandbox` and to nobody else."""
        return self._folder.descriptor(digest)

    def bytes_for_sandbox(self, digest: str) -> bytes:
        """The received bytes of a photo, to be handed to a `Sandbox` and to nobody else."""
        with self._folder.descriptor(digest) as fd, open(fd, "rb", closefd=False) as file:
            return file.read()

    def holds(self, digest: str) -> bool:
        """Whether the upload is here."""
        return self._folder.holds(digest)

    def discard(self, digest: str) -> bool:
        """Remove an upload, durably; False if it was not here."""
        return self._folder.discard(digest)

    def kept_since(self, before: datetime) -> Iterator[str]:
        """As `ContentFolder.kept_since`."""
        return self._folder.kept_since(before)

    def sweep(self, *, before: datetime | None = None) -> int:
        """Remove what crashed uploads left behind; how many files. `before` as for `swap.draft.sweep`."""
        return self._folder.sweep(before=before)


def in_chunks(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """A local file as an upload."""
    with path.open("rb") as file:
        while chunk := file.read(size):
            yield chunk
