"""A witness of ours over HTTP: statuses, bounds, and a memory that it does not go on without."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from audit import durable, note, tree
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness
from audit.durable import DiskFull
from audit.keys import Duty, SigningKey
from audit.note import NoteVerifier
from audit.witness import LONGEST_REQUEST, SIZE_TYPE, Request, of_origin
from service import witness_server
from service.witness_home import WitnessFolderMissing, WitnessFolderTaken, WitnessForgot, WitnessHome
from witnesses import Served, witness

ORIGIN = "log.example/studio"
KEY = SigningKey.generate(Duty.LOG, lambda size: bytes([1]) * size)
LOG = NoteVerifier(ORIGIN, KEY.verifying)
LEAVES = [tree.leaf_hash(b"%d" % number) for number in range(50)]


def request(old: int, new: int) -> bytes:
    proof = tuple(tree.consistency_path(tree.nodes_of(LEAVES), old, new))
    return Request(old, proof, Checkpoint.sign(ORIGIN, new, tree.root(LEAVES[:new]), KEY).text).data


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with witness(tmp_path / "w", LOG.text, os.urandom) as one:
        yield one


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, trust_env=False, timeout=20) as client:
        yield client


def test_each_answer_has_its_status_and_type(client: httpx.Client, served: Served) -> None:
    def asked(data: bytes) -> tuple[int, str, str]:
        answer = client.post("/add-checkpoint", content=data)
        return answer.status_code, answer.headers["content-type"], answer.text

    status, _, line = asked(request(0, 10))
    assert status == 200
    text = Checkpoint.sign(ORIGIN, 10, tree.root(LEAVES[:10]), KEY).text
    assert abs((served.home.witness.saw(note.parse(text + line)) or 0) - time.time()) < 60
    assert asked(request(5, 20)) == (409, SIZE_TYPE, "10\n")
    assert asked(request(10, 20).replace(b"\n\n", b"\nAAAA\n\n", 1))[0] == 400
    assert asked(b"x" * (LONGEST_REQUEST + 1))[0] == 400
    assert asked(b"x" * (8 * LONGEST_REQUEST))[0] == 400
    assert asked(b"")[0] == 400
    assert asked(request(10, 20))[0] == 200
    assert asked(request(20, 20))[0] == 200
    forked = Request(20, (), Checkpoint.sign(ORIGIN, 20, bytes(32), KEY).text).data
    for _ in range(2):
        assert asked(forked)[0] == 422
    (kept,) = (served.home.folder / "evidence").iterdir()
    assert kept.read_bytes() == forked
    # What anybody can make of the log's public checkpoint is one more file, however often, in any form.
    public = Checkpoint.sign(ORIGIN, 20, tree.root(LEAVES[:20]), KEY).text
    line = public.splitlines()[-1]
    for number in range(4):
        shown = public + line.replace(ORIGIN, f"nobody.{number}") + "\n"
        assert asked(Request(20, (bytes([number]) * 32,), shown).data)[0] == 422
    assert sum(1 for _ in (served.home.folder / "evidence").iterdir()) == 2
    for method, path in (("GET", "/add-checkpoint"), ("PUT", "/add-checkpoint")):
        assert client.request(method, path).status_code == 405
    assert client.get("/docs").status_code == 404


def test_what_it_cosigned_last_is_there_for_everybody(client: httpx.Client, served: Served) -> None:
    path = f"/{of_origin(ORIGIN)}/checkpoint"
    assert client.get(path).status_code == 404
    for old, new in ((0, 10), (10, 20), (20, 20)):
        client.post("/add-checkpoint", content=request(old, new))
        parsed = note.parse(client.get(path).text)
        assert Checkpoint.parse(parsed.serialised, LOG).size == new
        assert served.home.witness.saw(parsed) is not None
    for other in ("0" * 64, "..", "x"):
        assert client.get(f"/{other}/checkpoint").status_code == 404


def test_it_does_not_cosign_once_what_it_saw_is_gone(client: httpx.Client, served: Served) -> None:
    client.post("/add-checkpoint", content=request(0, 10))
    (served.home.folder / "seen" / of_origin(ORIGIN)).unlink()

    answer = client.post("/add-checkpoint", content=request(0, 10))
    assert (answer.status_code, answer.text) == (500, "WITNESS_FORGOT\n")
    with pytest.raises(WitnessForgot):
        served.home.desk(lambda: 0)


def test_it_goes_on_where_it_was_when_it_starts_anew(tmp_path: Path) -> None:
    for data, status in ((request(0, 10), 200), (request(0, 20), 409), (request(10, 20), 200)):
        with witness(tmp_path / "w", LOG.text, os.urandom) as one:
            answer = httpx.post(f"{one.url}/add-checkpoint", content=data, trust_env=False)
            assert answer.status_code == status


def test_a_folder_is_made_once_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    home = WitnessHome.found(tmp_path / "w", "w.example/1", os.urandom)

    assert home.witness.name == "w.example/1"
    assert Witness.parse(home.witness.text) == home.witness
    assert (tmp_path / "w").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(WitnessFolderTaken):
        WitnessHome.found(tmp_path / "w", "w.example/1", os.urandom)
    (tmp_path / "file").write_text("")
    with pytest.raises(WitnessFolderTaken):
        WitnessHome.found(tmp_path / "file", "w.example/1", os.urandom)
    for name in ("", "two words", "a+b"):
        with pytest.raises(note.NoteMalformed):
            WitnessHome.found(tmp_path / "other", name, os.urandom)
        assert not (tmp_path / "other").exists()
    for lost in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(WitnessFolderMissing):
            WitnessHome(lost).desk(lambda: 0)


def test_a_log_is_added_once_under_one_key(tmp_path: Path) -> None:
    home = WitnessHome.found(tmp_path / "w", "w.example/1", os.urandom)
    assert home.logs == {}
    assert home.add(f"{LOG.text}\n") == LOG
    home.desk(lambda: 0).add(request(0, 10))
    assert home.add(LOG.text) == LOG
    assert home.logs == {ORIGIN: LOG}
    assert home.head(of_origin(ORIGIN)).read() is not None
    assert home.desk(lambda: 0).add(request(0, 20)).status == 409

    other = NoteVerifier(ORIGIN, SigningKey.generate(Duty.LOG, os.urandom).verifying)
    with pytest.raises(note.NoteMalformed):
        home.add(other.text)
    with pytest.raises(note.NoteMalformed):
        home.add("nonsense")
    second = NoteVerifier("log.example/second", KEY.verifying)
    home.add(second.text)
    assert list(home.logs) == [ORIGIN, "log.example/second"]


def test_a_lost_state_folder_stops_it(tmp_path: Path) -> None:
    from shutil import rmtree

    home = WitnessHome.found(tmp_path / "w", "w.example/1", os.urandom)
    home.add(LOG.text)
    rmtree(tmp_path / "w" / "seen")
    with pytest.raises(WitnessForgot):
        home.desk(lambda: 0)
    (tmp_path / "w" / "seen").mkdir()
    with pytest.raises(WitnessForgot):
        home.desk(lambda: 0)


def test_a_body_that_does_not_come_is_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_server, "_STALLED", 0.3)
    host, _, port = served.url.removeprefix("http://").partition("/")[0].partition(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(b"POST /w/add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\nold 1")
        assert line.recv(100).startswith(b"HTTP/1.1 408")


def test_a_full_disk_cosigns_nothing_and_forgets_nothing(
    client: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/add-checkpoint", content=request(0, 10))

    def full(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    with monkeypatch.context() as patched:
        patched.setattr(durable, "replace", full)
        answer = client.post("/add-checkpoint", content=request(10, 20))
        assert (answer.status_code, answer.text) == (503, "DISK_FULL\n")
    assert client.post("/add-checkpoint", content=request(5, 20)).text == "10\n"

    with monkeypatch.context() as patched:
        # What monitors read is not what it remembers: it was cosigned all the same.
        patched.setattr(WitnessHome, "keep", full)
        assert client.post("/add-checkpoint", content=request(10, 20)).status_code == 200
    assert client.post("/add-checkpoint", content=request(5, 20)).text == "20\n"
