"""A call as a value: what to send, and how to read the answer. Sending it is somebody else's business."""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from pydantic import TypeAdapter

from service.client.errors import FileShortened
from service.shapes.shape import Shape

if TYPE_CHECKING:
    from typing_extensions import TypeForm

CHUNK = 256 * 1024

Answer = TypeVar("Answer")
Steps: TypeAlias = Generator["Call[Any]", Any, Answer]
"""Calls that belong together: yields each, is sent its answer (or thrown its problem), returns the result."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `[begin, end)` of a file as a body: read as they are sent, and anew if sent again."""

    file: Path
    begin: int
    end: int

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, in chunks. Raises `FileShortened`."""
        left = self.end - self.begin
        with self.file.open("rb") as source:
            source.seek(self.begin)
            while left > 0:
                data = source.read(min(CHUNK, left))
                if not data:
                    raise FileShortened(f"{left} bytes less than it had")
                left -= len(data)
                yield data


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answer is read from. Names of headers in any case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One request. Sent again it is the same request: its Idempotency-Key goes with it."""

    method: str
    path: str
    read: Callable[[Reply], Answer]
    body: bytes | Part | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = field(default_factory=lambda: token_hex(16))

    def all_headers(self) -> dict[str, str]:
        """Its headers, the Idempotency-Key and the body's type and length among them."""
        headers = {"Accept": "application/json, application/problem+json", **self.headers}
        if self.method == "POST":
            headers["Idempotency-Key"] = self.key
        if isinstance(self.body, Part):
            headers.setdefault("Content-Type", "application/octet-stream")
            headers["Content-Length"] = str(self.body.end - self.body.begin)
        elif self.body is not None:
            headers.setdefault("Content-Type", "application/json")
        return headers


@dataclass(frozen=True, slots=True)
class Follow(Generic[Answer]):
    """Something to be waited for by its server-sent events; `read` takes the data of the last one."""

    path: str
    read: Callable[[str], Answer]


def get(path: str, kind: "TypeForm[Answer]", **query: object) -> Call[Answer]:
    """A GET of a shape, or of a list of shapes."""
    said = {name: str(value) for name, value in query.items() if value is not None}
    return Call("GET", path, shaped(kind), query=said)


def post(path: str, kind: "TypeForm[Answer]", asked: Shape | None = None, **query: object) -> Call[Answer]:
    """A POST of a shape, or of nothing."""
    said = {name: str(value).lower() for name, value in query.items() if value is not None}
    body = None if asked is None else asked.model_dump_json(exclude_unset=True).encode()
    return Call("POST", path, shaped(kind), body, said)


def send(method: str, path: str, read: Callable[[Reply], Answer], body: Part, **headers: str) -> Call[Answer]:
    """A PUT or PATCH of a part of a file."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(method, path, read, body, headers=said)


def delete(path: str, kind: "TypeForm[Answer]") -> Call[Answer]:
    """A DELETE that answers with what was ended."""
    return Call("DELETE", path, shaped(kind))


def raw(path: str) -> Call[bytes]:
    """A GET of bytes."""
    return Call("GET", path, lambda reply: reply.body, headers={"Accept": "*/*"})


def written(path: str, asked: Shape) -> Call[bytes]:
    """A POST of a shape that answers with bytes."""
    said = asked.model_dump_json(exclude_unset=True).encode()
    return Call("POST", path, lambda reply: reply.body, said, headers={"Accept": "*/*"})


def follow(path: str, kind: "TypeForm[Answer]") -> Follow[Answer]:
    """Something that ends in a shape."""
    return Follow(path, TypeAdapter(kind).validate_json)


def shaped(kind: "TypeForm[Answer]") -> Callable[[Reply], Answer]:
    """A reader of JSON."""
    adapter: TypeAdapter[Answer] = TypeAdapter(kind)
    return lambda reply: adapter.validate_json(reply.body)
