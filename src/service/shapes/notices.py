"""Notices: the texts people are shown, by version and digest."""

from service.shapes.shape import Digest, Shape


class Notice(Shape):
    """A published text of record."""

    id: str
    version: str
    language: str
    sha256: Digest
    text: str
