"""Files that belong to an authorization: bound to it by digest and size, never kept by us.

A PDF signed elsewhere is full of names. Its digest in her document is enough to show later that this
very file was meant; the file itself stays with those who have it.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from audit.canonical import Json
from consent.errors import DocumentMalformed
from consent.strict import Fields

MOST = 20


class Kind(StrEnum):
    """What the file is."""

    ESIGN_PDF = "esign-pdf"


@dataclass(frozen=True, slots=True, order=True)
class Attachment:
    """One file."""

    sha256: str
    size: int
    """Bytes."""
    kind: Kind = Kind.ESIGN_PDF

    @classmethod
    def of(cls, data: bytes) -> "Attachment":
        """Of a PDF's bytes. Raises `DocumentMalformed` for other bytes."""
        if not data.startswith(b"%PDF-"):
            raise DocumentMalformed("attachment: expected a PDF")
        return cls(sha256(data).hexdigest(), len(data))

    def is_of(self, data: bytes) -> bool:
        """Whether these are its bytes."""
        return (len(data), sha256(data).hexdigest()) == (self.size, self.sha256)

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        return {"kind": str(self.kind), "sha256": self.sha256, "size": self.size}


def read_attachments(f: Fields) -> frozenset[Attachment]:
    """The field `attachments`; absent is none. Raises `DocumentMalformed`."""
    items = f.take("attachments") if f.has("attachments") else []
    if not isinstance(items, list | tuple) or len(items) > MOST:
        raise DocumentMalformed(f"{f.at('attachments')}: expected a list of at most {MOST}")
    found = set()
    for item in items:
        a = Fields(item, f.at("attachments"))
        found.add(Attachment(a.digest("sha256"), a.count("size"), a.word("kind", Kind)))
        a.end()
    if len(found) != len(items):
        raise DocumentMalformed(f"{f.at('attachments')}: expected each item once")
    return frozenset(found)
