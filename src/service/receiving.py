"""Bytes of announced templates on their way in: whole, or in parts that survive what breaks off.

Whoever sends a template's bytes holds it while he does, over all processes (`partfiles`): of two at once
one is told to wait. The bytes themselves go the one way in (`swap.admission`); nothing here looks at them.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import ClassVar

from sqlmodel import Session

from audit.errors import BadInput
from service.partfiles import Part, PartFiles, UploadAtWork
from service.uploads import Upload, Uploads
from service.wiring import Record
from swap.admission import Admission
from swap.errors import Tampered
from swap.faults import SourceEmpty, SourceTooLarge
from swap.remux import Remuxed

BATCH = 50
LEFT = timedelta(hours=24)
"""After which a part that no row names is nobody's: its row was lost with a database."""
_WHOLE = ".whole"


class _WithOffset(BadInput):
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.headers: Mapping[str, str] = {"Upload-Offset": str(offset)}


class OffsetDiffers(_WithOffset):
    """Bytes that do not begin where the last ones that arrived ended."""

    code = "UPLOAD_OFFSET_DIFFERS"
    zh = "续传位置与服务器已保存的位置不一致。"
    hint = "Go on from the offset in the header Upload-Offset of this answer, or of HEAD."
    hint_zh = "请从本响应（或 HEAD 响应）的 Upload-Offset 处继续上传。"


class UploadUnfinished(_WithOffset):
    """An upload that was to be completed before all of its bytes were there."""

    code = "UPLOAD_UNFINISHED"
    zh = "上传尚未完成。"
    hint = "Send the rest, from the offset in the header Upload-Offset on."
    hint_zh = "请从 Upload-Offset 处继续上传剩余内容。"


@dataclass(frozen=True, slots=True)
class Receiving:
    """The bytes of one tenant's templates."""

    record: Record
    admission: Admission
    uploads: Uploads
    parts: PartFiles

    @classmethod
    def of(cls, record: Record, admission: Admission) -> "Receiving":
        """For an opened record. Raises `FolderExposed`, `StorageFull`."""
        return cls(record, admission, _uploads(record), PartFiles(record.layout.uploads))

    @property
    def most(self) -> int:
        """Bytes that an upload may have."""
        return self.admission.sandbox.limits.max_bytes

    def whole(self, template: str, chunks: Iterable[bytes]) -> Remuxed:
        """Take a template's bytes in as they come. As `Admission.admit`; `UploadAtWork` beside another."""
        # Before the first byte is asked for: who can't be let in shouldn't send a film.
        self.admission.awaiting(template)
        with self._alone_with(template) as mine:
            try:
                return self.admission.admit(template, chunks)
            finally:
                mine.discard()

    def begin(self, owner: str, template: str, size: int) -> Upload:
        """Open an upload of `size` bytes. Raises as `Admission.awaiting`, and `QuotaExceeded`."""
        self.admission.awaiting(template)
        if size > self.most:
            raise SourceTooLarge(f"{size} bytes; at most {self.most}")
        if size < 1:
            raise SourceEmpty("an upload of no bytes")
        with self.record.database.write() as session:
            return self.uploads.begin(session, owner, template, size, now=self.record.clock())

    def find(self, owner: str, upload: str) -> Upload:
        """How far an upload is. Raises `NoSuchThing`."""
        with self.record.database.read() as session:
            return self.uploads.get(session, upload, owner, now=self.record.clock())

    def append(self, owner: str, upload: str, offset: int, chunks: Iterable[bytes]) -> int:
        """Go on from `offset`; where it is then. Raises `OffsetDiffers`, and as `Part.append`."""
        self.find(owner, upload)
        with self.parts.held(upload) as part:
            found = self._held(owner, upload, part)
            if found.offset != offset:
                raise OffsetDiffers(f"{found.offset} bytes are here", found.offset)
            at = offset

            def saved(size: int) -> None:
                nonlocal at
                with self.record.database.write() as session:
                    self.uploads.advance(session, upload, size, now=self.record.clock())
                at = size

            part.append(offset, chunks, most=found.size, saved=saved)
        return at

    def complete(self, owner: str, upload: str) -> Remuxed:
        """Take the bytes in, without a copy where that can be. As `Admission.admit`.

        Bytes that are not let in are deleted; where the deployment is not ready they wait for another try.
        Raises `UploadUnfinished`, `UploadAtWork`.
        """
        self.find(owner, upload)
        with self.parts.held(upload) as part:
            found = self._held(owner, upload, part)
            if found.offset < found.size:
                raise UploadUnfinished(f"{found.offset} of {found.size} bytes are here", found.offset)
            with self._alone_with(found.template) as mine:
                try:
                    if part.path.stat().st_size != found.size:
                        raise Tampered("an upload has another size than was recorded")
                    done = self.admission.admit_file(found.template, part.path)
                except BadInput:
                    self._delete(upload, part)
                    raise
                finally:
                    mine.discard()
            self._delete(upload, part)
        return done

    def abandon(self, owner: str, upload: str) -> None:
        """Delete an upload. Raises `NoSuchThing`, `UploadAtWork`."""
        self.find(owner, upload)
        with self.parts.held(upload) as part:
            self._held(owner, upload, part)
            self._delete(upload, part)

    def _held(self, owner: str, upload: str, part: Part) -> Upload:
        """The upload as it is now that we hold it."""
        try:
            return self.find(owner, upload)
        except BadInput:
            # It was completed or deleted while we came, and our hold made its file anew.
            part.discard()
            raise

    def _alone_with(self, template: str) -> AbstractContextManager[Part]:
        return self.parts.held(template + _WHOLE)

    def _delete(self, upload: str, part: Part) -> None:
        # The file first: without its row nobody would know what it was.
        part.discard()
        with self.record.database.write() as session:
            self.uploads.forget(session, upload)


def purge(record: Record, session: Session, *, now: datetime) -> int:
    """Delete uploads that have expired, and parts that nobody knows; how many. For `service.retention`."""
    uploads, parts = _uploads(record), PartFiles(record.layout.uploads)
    gone = 0
    for upload in uploads.due(session, BATCH, now=now):
        if _discarded(parts, upload):
            uploads.forget(session, upload)
            gone += 1
    for name in parts.left(before=now - LEFT):
        if gone < BATCH and not uploads.known(session, name):
            gone += _discarded(parts, name)
    return gone


def _discarded(parts: PartFiles, name: str) -> bool:
    try:
        with parts.held(name) as part:
            part.discard()
            return True
    except UploadAtWork:
        return False


def _uploads(record: Record) -> Uploads:
    settings = record.settings
    return Uploads(settings.tenant, settings.uploads_open, settings.upload_bytes_open, record.entropy)
