"""Files named by the SHA-256 of their bytes, in a folder only we can enter."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from swap.draft import Create, Draft, create, storage, sweep, sync_folder
from swap.errors import Tampered
from swap.faults import FolderExposed, MediaMissing, SourceEmpty, SourceTooLarge


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is durable under its digest."""

    digest: str
    size: int


class ContentFolder:
    """Write-once files under `root`, mode 0700 and 0600. Safe for several processes at once.

    Raises `FolderExposed` if other users could read what lies here, `StorageFull` where it writes.
    """

    def __init__(self, root: Path, *, make: Create = create) -> None:
        with storage():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(root.stat().st_mode)
        if mode & 0o077:
            raise FolderExposed(f"{root.name} has mode {mode:04o}; expected 0700")
        self._root = root
        self._make = make

    def draft(self) -> Draft:
        """A new file, not yet one of ours."""
        return Draft(self._root, self._make)

    def keep(self, draft: Draft) -> Stored:
        """Make a draft one of ours, under the digest of what is really on disk."""
        with draft.path.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        return self._keep(draft, digest, draft.path.stat().st_size)

    def adopt(self, path: Path, *, max_bytes: int) -> Stored:
        """Make a file from elsewhere one of ours, without a copy where the file system is the same.

        Read once, for its digest. The caller holds it: nobody writes to it while it is here. It stays where
        it was, too, until the caller removes it. Raises `SourceTooLarge`, `SourceEmpty`.
        """
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise SourceTooLarge(f"more than {max_bytes} bytes")
            if not size:
                raise SourceEmpty("the upload has no bytes")
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            place = self._placed(digest)
            try:
                with storage():
                    os.utime(file.fileno())  # it is here since now, whoever looks for what is left over
                    os.fsync(file.fileno())
                    os.link(path, place)
                    sync_folder(place.parent)
            except FileExistsError:
                # The same bytes came before; `descriptor` looks at them again. They are here since now, too.
                with suppress(FileNotFoundError):
                    os.utime(place)
            except OSError as error:
                if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}:
                    raise
                os.lseek(file.fileno(), 0, os.SEEK_SET)
                return self.put(iter(partial(file.read, 1 << 20), b""), max_bytes=max_bytes)
        return Stored(digest, size)

    def put(self, chunks: Iterable[bytes], *, max_bytes: int) -> Stored:
        """Keep a stream, all of it or nothing. Raises `SourceTooLarge` as soon as it is, `SourceEmpty`."""
        with self.draft() as draft:
            size, running = 0, hashlib.sha256()
            for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise SourceTooLarge(f"more than {max_bytes} bytes")
                running.update(chunk)
                draft.write(chunk)
            if not size:
                raise SourceEmpty("the upload has no bytes")
            return self._keep(draft, running.hexdigest(), size)

    def path(self, digest: str) -> Path:
        """Where the file lies. Raises `MediaMissing`."""
        place = self._place(digest)
        if not place.is_file():
            raise MediaMissing(f"no file {digest}")
        return place

    def holds(self, digest: str) -> bool:
        """Whether the file is here."""
        return self._place(digest).is_file()

    @contextmanager
    def descriptor(self, digest: str) -> Iterator[int]:
        """The file, open for reading, its bytes checked. Raises `MediaMissing`, `Tampered`."""
        with self.path(digest).open("rb") as file:
            # Through the descriptor that is handed out: a file swapped on disk afterwards changes nothing.
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise Tampered(f"file {digest} holds other bytes")
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            yield file.fileno()

    def discard(self, digest: str) -> bool:
        """Remove the file, durably; False if it was not here."""
        place = self._place(digest)
        try:
            place.unlink()
        except FileNotFoundError:
            return False
        sync_folder(place.parent)
        return True

    def kept_since(self, before: datetime) -> Iterator[str]:
        """Digests of files that lie here unchanged since `before`."""
        for path in self._root.glob("??/*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    yield path.name

    def sweep(self, *, before: datetime | None = None) -> int:
        """Remove what crashed writers left behind; how many files. `before` as for `swap.draft.sweep`."""
        return sweep(self._root, before=before)

    def _keep(self, draft: Draft, digest: str, size: int) -> Stored:
        draft.publish(self._placed(digest))
        return Stored(digest, size)

    def _placed(self, digest: str) -> Path:
        """Where a file will lie; its folder is there."""
        place = self._place(digest)
        with storage():
            if not place.parent.exists():
                place.parent.mkdir(mode=0o700, exist_ok=True)
                sync_folder(self._root)
        return place

    def _place(self, digest: str) -> Path:
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise MediaMissing("a media file is named by 64 hex digits")
        return self._root / digest[:2] / digest
