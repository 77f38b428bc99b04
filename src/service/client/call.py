"""A call as a value: what to send, and how to read the answer. Sending it is somebody else's business."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import TypeAdapter

from service.shapes.shape import Shape

if TYPE_CHECKING:
    from typing_extensions import TypeForm

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One request. Sent again it is the same request: its Idempotency-Key goes with it."""

    method: str
    path: str
    read: Callable[[bytes], Answer]
    body: bytes | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = field(default_factory=lambda: token_hex(16))

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than once: everything but a PATCH is made so."""
        return self.method != "PATCH"

    def all_headers(self) -> dict[str, str]:
        """Its headers, the Idempotency-Key and the body's type among them."""
        headers = {"Accept": "application/json, application/problem+json", **self.headers}
        if self.method == "POST":
            headers["Idempotency-Key"] = self.key
        if self.body is not None:
            headers.setdefault("Content-Type", "application/json")
        return headers


def get(path: str, kind: "TypeForm[Answer]", **query: object) -> Call[Answer]:
    """A GET of a shape, or of a list of shapes."""
    said = {name: str(value) for name, value in query.items() if value is not None}
    return Call("GET", path, TypeAdapter(kind).validate_json, query=said)


def post(path: str, kind: "TypeForm[Answer]", asked: Shape | None = None, **query: object) -> Call[Answer]:
    """A POST of a shape, or of nothing."""
    said = {name: str(value).lower() for name, value in query.items() if value is not None}
    body = None if asked is None else asked.model_dump_json(exclude_unset=True).encode()
    return Call("POST", path, TypeAdapter(kind).validate_json, body, said)


def delete(path: str, kind: "TypeForm[Answer]") -> Call[Answer]:
    """A DELETE that answers with what was ended."""
    return Call("DELETE", path, TypeAdapter(kind).validate_json)
