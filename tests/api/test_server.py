"""The socket itself: clients that say nothing, or say it slowly, are not waited for."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace

import httpx
import pytest

from api.conftest import Opened
from callers import Outside
from service.api import route, server
from service.api.server import bound
from service.database import DatabaseUnready
from service.facts import Facts
from service.listening import CannotListen
from waiting import LONG

pytestmark = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


@pytest.fixture
def there(outside: Opened, monkeypatch: pytest.MonkeyPatch) -> Outside:
    monkeypatch.setattr(server, "HEADERS_SECONDS", 0.5)
    return outside("founded")


def connection(there: Outside) -> socket.socket:
    url = there.client.base_url
    return socket.create_connection((url.host, url.port or 0), timeout=LONG)


def answer(steady: socket.socket) -> bytes:
    """One answer: its head and as much of a body as that announces."""
    head, _, body = b"", b"", b""
    while b"\r\n\r\n" not in head:
        head += steady.recv(1 << 16)
    head, _, body = head.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += steady.recv(1 << 16)
    return body


def test_a_client_that_sends_the_head_of_its_request_byte_by_byte_is_hung_up_on(there: Outside) -> None:
    def drips(slow: socket.socket) -> None:
        for _ in range(200):
            slow.sendall(b"G")
            time.sleep(0.05)

    with connection(there) as slow, pytest.raises((BrokenPipeError, ConnectionResetError)):
        drips(slow)

    assert there.operator.get("/v1/policy").status_code == 200


def test_so_is_one_that_begins_a_second_request_and_stops(there: Outside) -> None:
    with connection(there) as slow:
        slow.sendall(b"GET /v1/notices HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
        slow.sendall(b"GET /v1/")
        while slow.recv(1 << 16):
            pass


def test_one_that_asks_in_time_keeps_its_connection(there: Outside) -> None:
    with connection(there) as steady:
        for _ in range(3):
            steady.sendall(b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"ROUTE_UNKNOWN" in answer(steady)
            time.sleep(0.7)


def test_the_end_of_an_answer_does_not_wait_until_its_beginning_was_acknowledged(
    there: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, made = list[int](), server.Impatient.connection_made

    def looked_at(self: server.Impatient, transport: asyncio.Transport) -> None:
        line = transport.get_extra_info("socket")
        seen.append(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        made(self, transport)

    monkeypatch.setattr(server.Impatient, "connection_made", looked_at)
    with connection(there) as steady:
        steady.sendall(b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        answer(steady)

    assert seen == [1]


def post(there: Outside, length: int, body: bytes = b"") -> bytes:
    """The head of a POST that announces so many bytes, and some of them."""
    return (
        f"POST /v1/people HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {there.operator.token}\r\n"
        f"Idempotency-Key: one\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode() + body


def test_a_body_that_never_comes_is_not_waited_for(there: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "BODY_SECONDS", 0.5)
    with connection(there) as slow:
        slow.sendall(post(there, 100, b'{"proof"'))
        assert b"BODY_STALLED" in answer(slow)

    assert there.world.rows("once") == there.world.rows("person") == 0


def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_nothing(
    there: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    with connection(there) as rude:
        rude.sendall(post(there, 100, b'{"proof"'))

    assert there.operator.get("/v1/policy").status_code == 200
    assert there.world.rows("once") == there.world.rows("person") == 0
    assert "a bug" not in caplog.text


def test_a_body_larger_than_allowed_is_refused_before_it_comes_or_while_it_does(there: Outside) -> None:
    with connection(there) as stated:
        stated.sendall(post(there, route.LARGEST_BODY + 1))
        assert b"BODY_TOO_LARGE" in answer(stated)

    def drops() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * (1 << 15)

    sent = there.operator.ask("POST", "/v1/people", content=drops())
    assert (sent.status_code, sent.json()["code"]) == (413, "BODY_TOO_LARGE")


def test_an_address_that_is_taken_is_said_so(there: Outside) -> None:
    url = there.client.base_url

    with pytest.raises(CannotListen):
        bound(f"{url.host}:{url.port}")
    with pytest.raises(CannotListen):
        bound("127.0.0.1:99999")


@pytest.mark.parametrize("path", ["people", f"templates/{'0' * 32}/donors"])
def test_who_has_no_key_is_told_so_before_a_byte_of_his_body_is_kept(there: Outside, path: str) -> None:
    # Given a stranger who announces as many bytes as photos may have
    head = (
        f"POST /v1/{path} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: one\r\nContent-Length: {60 << 20}\r\n\r\n"
    )

    # When he sends some of them
    with connection(there) as stranger:
        stranger.sendall(head.encode() + b"{" * 1000)
        said = answer(stranger)

    # Then he is not waited for.
    assert b"API_KEY_MISSING" in said


def test_a_key_that_sends_many_large_bodies_at_once_is_told_to_wait(there: Outside) -> None:
    # Given as many bodies of photos under way as are kept in memory at once
    length = f"Idempotency-Key: one\r\nContent-Length: {60 << 20}\r\n\r\n"
    asking = f"POST /v1/templates/{'0' * 32}/donors HTTP/1.1\r\nHost: x\r\n"
    asking += f"Authorization: Bearer {there.operator.token}\r\n{length}"
    with ExitStack() as lines:
        for _ in range(route.PHOTOS_AT_ONCE):
            lines.enter_context(connection(there)).sendall(asking.encode() + b"{")
        time.sleep(0.2)

        # When there comes one more
        more = lines.enter_context(connection(there))
        more.sendall(asking.encode())
        said = answer(more)

    # Then it is not taken in,
    assert b"UPLOADS_BUSY" in said
    # and others are, once those have come to their end.
    time.sleep(1)
    assert there.operator.post(f"/v1/templates/{'0' * 32}/donors", {}).status_code == 422


def test_methods_that_clients_make_up_are_counted_as_one(there: Outside) -> None:
    for word in ("BREW", "ANNA-SMITH", "PROPFIND"):
        there.nobody.ask(word, "/v1/people")

    said = there.auditor.get("/metrics").text
    assert 'consentry_requests_total{method="other",route="/v1/people",status="405"} 3.0' in said
    assert "ANNA" not in said


def test_a_process_whose_threads_all_wait_is_alive(there: Outside) -> None:
    # Given a database that keeps every thread waiting
    gate, asked = threading.Event(), threading.Barrier(41)

    def waits() -> Facts:
        asked.wait(30)
        gate.wait(30)
        raise DatabaseUnready("gone")

    object.__setattr__(there.house, "lookout", SimpleNamespace(facts=waits))
    with ThreadPoolExecutor(40) as probes:
        for _ in range(40):
            probes.submit(httpx.get, f"{there.client.base_url}/readyz", timeout=60)
        asked.wait(30)

        # Then a supervisor still hears that the process lives: to start it again would mend nothing.
        try:
            assert there.client.get("/healthz", timeout=5).status_code == 200
        finally:
            gate.set()


def test_a_request_of_two_lengths_is_the_last_on_its_line(there: Outside) -> None:
    # Given a request that a proxy may read by its length, and we by its chunks
    two = post(there, 5).removesuffix(b"\r\n") + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"

    # When something follows that might be a request
    with connection(there) as line:
        line.sendall(two + b"GET /v1/notices HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b"".join(iter(lambda: line.recv(1 << 16), b""))

    # Then it is not answered
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"REQUEST_INVALID" in said
