"""A server that says what it is told to say, once each, and the last for ever."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from loopback import served


@dataclass(frozen=True)
class Said:
    """An answer. A `Content-Length` of its own may promise more than there is."""

    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def answering(*answers: Said) -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    """Its address, and the headers of every request it was sent."""
    asked: list[Mapping[str, str]] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = answers[min(len(asked), len(answers) - 1)]
            asked.append({name.title(): value for name, value in self.headers.items()})
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        do_POST = do_HEAD = do_PATCH = do_GET  # noqa: N815  (the names are http.server's)

    with served(Answering) as port:
        yield f"http://127.0.0.1:{port}", asked
