"""What a supervisor is told: by the API's three routes, and by a worker's own small window."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from callers import Outside
from service import listening
from service.facts import Lookout
from service.listening import CannotListen
from worlds import World


def lookout(world: World) -> Lookout:
    return Lookout.of(world.settings, world.record.database, world.record.journal, world.record.clock)


@contextmanager
def api(world: World) -> Iterator[Callable[[str], httpx.Response]]:
    outside = Outside.of(world)
    try:
        yield outside.auditor.get
    finally:
        outside.close()


@contextmanager
def window(world: World) -> Iterator[Callable[[str], httpx.Response]]:
    with listening.listening("127.0.0.1:0", lookout(world)) as at:
        yield lambda path: httpx.get(f"http://{at}{path}", trust_env=False)


both = pytest.mark.parametrize("asked_by", [api, window])
Asked = Callable[[World], "Iterator[Callable[[str], httpx.Response]]"]


@both
def test_a_deployment_that_is_well_is_alive_and_ready_and_counted(
    at_stage: Callable[..., World], asked_by: Asked
) -> None:
    with asked_by(at_stage("founded")) as get:
        alive, ready, metrics = get("/healthz"), get("/readyz?verbose"), get("/metrics")

    assert (alive.status_code, alive.json()) == (200, {"ok": True, "codes": []})
    assert (ready.status_code, ready.json()) == (200, {"ok": True, "codes": []})
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "consentry_log_entries " in metrics.text


@both
def test_a_lost_journal_makes_it_unready_and_does_not_kill_it(
    at_stage: Callable[..., World], asked_by: Asked
) -> None:
    world = at_stage("founded")
    journal = world.record.layout.journal
    with asked_by(world) as get:
        journal.rename(journal.with_name("elsewhere"))

        alive, ready = get("/healthz"), get("/readyz")

    assert alive.status_code == 200
    assert (ready.status_code, ready.json()) == (503, {"ok": False, "codes": ["JOURNAL_UNREADABLE"]})


def test_the_window_shows_nothing_else_and_says_nothing_of_who_asks(
    at_stage: Callable[..., World], capfd: pytest.CaptureFixture[str]
) -> None:
    with listening.listening("127.0.0.1:0", lookout(at_stage("founded"))) as at:
        for path in ("/", "/people/somebody", "/metrics/../private"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://{at}{path}", timeout=10)
            assert refused.value.code == 404
            refused.value.close()
        host, _, port = at.partition(":")
        with socket.create_connection((host, int(port))) as rude:
            rude.sendall(b"\x00\xff garbage\r\n\r\n")
            rude.recv(1024)
        posted = httpx.post(f"http://{at}/healthz", trust_env=False)

    assert posted.status_code == 501
    assert capfd.readouterr().err == ""


def test_a_client_that_says_nothing_does_not_keep_others_waiting_or_the_window_open(
    at_stage: Callable[..., World],
) -> None:
    with listening.listening("127.0.0.1:0", lookout(at_stage("founded"))) as at:
        host, _, port = at.partition(":")
        with socket.create_connection((host, int(port))):
            answered = httpx.get(f"http://{at}/healthz", trust_env=False)
            assert json.loads(answered.text)["ok"]


@pytest.mark.parametrize("address", ["127.0.0.1:{taken}", "203.0.113.1:0", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_had_is_said(at_stage: Callable[..., World], address: str) -> None:
    watched = lookout(at_stage("founded"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asked = address.format(taken=taken.getsockname()[1])

        with pytest.raises(CannotListen) as caught, listening.listening(asked, watched):
            pass

    assert caught.value.hint
    assert caught.value.hint_zh
