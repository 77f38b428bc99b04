"""Authorities over real sockets: stamps are kept once two readers say so; what else they do costs a date."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest

from audit import stamp
from audit.checkpoint import Checkpoint
from audit.keys import Duty, SigningKey
from audit.marks import Marks
from audit.stamprows import Stamp, StampRows
from audit.treerows import TreeRows
from logbook import NOON, Desk
from loopback import served
from openssl_tsa import OpensslTsa, turned
from service import outsiders
from service.authorities import Authorities, open_authorities
from service.database import Database
from service.settings import BadSettings, load
from service.stamp_post import StampPost, TsaAddressUnfit, host
from service.stamping import Outcome, Stamper, holds
from stamps import Authority, authority, integer, sequence


@dataclass
class House:
    """A log on a desk, and who stamps it. The clock is this machine's, `ahead` of it by what a test says."""

    desk: Desk
    urls: dict[str, str] = field(default_factory=dict)
    trust: str = ""
    every: timedelta = timedelta(minutes=60)
    seconds: float = 5.0
    ahead: timedelta = timedelta()

    @property
    def authorities(self) -> Authorities:
        return Authorities(self.urls, self.trust, self.every, self.seconds, Marks(self.desk.folder / "unfit"))

    def stamper(self) -> Stamper:
        return Stamper(self.desk.database, self.desk.log(), self.authorities, lambda: self.clock)

    @property
    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def grow(self, count: int = 1) -> Checkpoint:
        self.desk.write_many(count)
        return self.desk.log().publish(now=NOON)

    def kept(self) -> list[Stamp]:
        with self.desk.database.read() as session:
            return list(StampRows(self.desk.tenant, session).newest(100))

    def uses(self, *them: Authority) -> None:
        self.urls = {host(one.url): one.url for one in them}
        self.trust = "".join(one.root_pem for one in them)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    house = House(Desk(database, tmp_path))
    house.desk.started()
    return house


@pytest.fixture
def tsa() -> Iterator[Authority]:
    with authority() as ours:
        yield ours


def codes(outcomes: object) -> list[str | None]:
    assert isinstance(outcomes, list)
    return [one.fault.code if one.fault else None for one in outcomes]


def test_a_published_checkpoint_is_stamped_and_kept(house: House, tsa: Authority) -> None:
    house.uses(tsa)
    assert house.stamper().round() == [Outcome(host(tsa.url), 0)]
    checkpoint = house.grow(3)

    (done,) = house.stamper().round()

    assert (done.size, done.asked, done.fault) == (3, True, None)
    (kept,) = house.kept()
    assert (kept.size, kept.digest, kept.authority) == (3, checkpoint.digest, host(tsa.url))
    assert kept.says == done.says
    assert abs(kept.at - datetime.now(UTC)) < timedelta(seconds=30)
    assert stamp.check(kept.response, checkpoint.plain.encode(), tsa.root_pem) == kept.says
    assert holds(kept, checkpoint, house.authorities)


def test_each_is_asked_once_for_a_checkpoint_and_not_before_its_interval_is_over(
    house: House, tsa: Authority
) -> None:
    # Given
    house.uses(tsa)
    house.grow()
    stamper = house.stamper()
    stamper.round(patient=True)
    stamper.round(patient=True)
    assert tsa.asked == 1

    # When it grows, a patient round waits for the interval; one that was asked for does not
    house.grow()
    stamper.round(patient=True)
    assert tsa.asked == 1
    house.ahead = timedelta(minutes=61)
    (late,) = stamper.round(patient=True)
    assert (tsa.asked, codes([late])) == (2, ["STAMP_CLOCK"])
    house.ahead = timedelta()
    stamper.round()
    assert [one.size for one in house.kept()] == [2, 1]

    # And a clock that was set back puts nothing off: the last stamp would be to come yet.
    house.grow()
    house.ahead = timedelta(minutes=-4)
    stamper.round(patient=True)
    assert [one.size for one in house.kept()] == [3, 2, 1]


def test_several_are_asked_at_once_and_one_that_is_away_holds_up_no_other(
    house: House, tsa: Authority
) -> None:
    with authority() as other:
        house.uses(tsa, other)
        house.grow()
        other.answer = lambda _request: (503, b"")

        assert sorted(map(str, codes(house.stamper().round()))) == ["None", "STAMP_UNREADY"]
        assert [one.authority for one in house.kept()] == [host(tsa.url)]

        other.answer = None
        house.stamper().round()
        assert {one.authority for one in house.kept()} == {host(tsa.url), host(other.url)}
        assert tsa.asked == 1


def _of_other_bytes(tsa: Authority, request: bytes) -> bytes:
    return sequence(sequence(integer(0)), tsa.token(request, imprint=bytes(32)))


def _of_another_question(tsa: Authority, _request: bytes) -> bytes:
    return sequence(sequence(integer(0)), tsa.token(stamp.request(b"another").data))


def _of_the_same_without_its_nonce(tsa: Authority, request: bytes) -> bytes:
    again = stamp.request(b"x").data
    digest = request.index(b"\x04\x20")
    asked = again.index(b"\x04\x20")
    return sequence(
        sequence(integer(0)),
        tsa.token(again[:asked] + request[digest : digest + 34] + again[asked + 34 :]),
    )


def _by_another(_tsa: Authority, request: bytes) -> bytes:
    return Authority().reply(request)[1]


@pytest.mark.parametrize(
    "says",
    [
        lambda _tsa, _request: b"garbage",
        lambda _tsa, _request: b"",
        lambda _tsa, _request: sequence(sequence(integer(2))),
        _of_other_bytes,
        _of_another_question,
        _of_the_same_without_its_nonce,
        _by_another,
    ],
)
def test_an_answer_that_does_not_hold_is_not_kept_it_rings_and_is_asked_for_again(
    house: House, tsa: Authority, says: Callable[[Authority, bytes], bytes]
) -> None:
    # Given
    house.uses(tsa)
    house.grow()
    tsa.answer = lambda request: (200, says(tsa, request))

    # When
    assert codes(house.stamper().round()) == ["STAMP_INVALID"]

    # Then
    assert house.kept() == []
    assert "STAMP_INVALID" in house.authorities.unfit()[host(tsa.url)]
    tsa.answer = None
    assert codes(house.stamper().round()) == [None]
    assert len(house.kept()) == 1
    assert house.authorities.unfit() == {}


def test_another_nonce_is_refused_even_over_the_right_bytes(house: House, tsa: Authority) -> None:
    """Otherwise the case above would say nothing of nonces."""
    data = house.grow().plain.encode()
    asked = stamp.request(data)
    answer = _of_the_same_without_its_nonce(tsa, asked.data)
    assert stamp.check(answer, data, tsa.root_pem)
    with pytest.raises(stamp.StampInvalid):
        stamp.check(answer, data, tsa.root_pem, asked.nonce)


@pytest.mark.parametrize("jump", [timedelta(minutes=10), timedelta(days=-30)])
def test_a_clock_that_jumps_is_said_and_nothing_is_kept(
    house: House, tsa: Authority, jump: timedelta
) -> None:
    house.uses(tsa)
    house.grow()
    house.ahead = jump

    assert codes(house.stamper().round()) == ["STAMP_CLOCK"]
    assert house.kept() == []
    assert "STAMP_CLOCK" in house.authorities.unfit()[host(tsa.url)]


def test_who_fails_is_asked_again_after_longer_and_longer_pauses(
    house: House, tsa: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(outsiders.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(StampPost, "__call__", lambda self, _request: _fails(asked))
    asked: list[float] = []

    def _fails(asked: list[float]) -> bytes:
        asked.append(now[0])
        raise stamp.StampUnready("it is away")

    house.uses(tsa)
    house.grow()
    stamper = house.stamper()
    for _ in range(4000):
        stamper.round(patient=True)
        now[0] += 1

    pauses = [round(later - sooner) for sooner, later in pairwise(asked)]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900][: len(pauses)]
    assert len(pauses) >= 8
    # Who asks by hand does not wait.
    stamper.round()
    assert len(asked) == len(pauses) + 2


@pytest.mark.parametrize("order", ["as it lies", "turned"])
def test_an_authority_of_openssls_is_understood_in_either_order(
    house: House, tsa: Authority, tmp_path: Path, order: str
) -> None:
    other = OpensslTsa(tmp_path / "openssl")
    turn = turned if order == "turned" else bytes
    tsa.answer = lambda request: (200, turn(other.reply(request)))
    house.uses(tsa)
    house.trust = other.root.read_text()
    checkpoint = house.grow()

    assert codes(house.stamper().round()) == [None]
    (kept,) = house.kept()
    assert stamp.ordered(kept.response) == kept.response
    assert holds(kept, checkpoint, house.authorities)


@dataclass
class Odd:
    """Something that answers, and how."""

    status: int = 200
    kind: str = "application/timestamp-reply"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"x"
    silent: bool = False
    dripping: bool = False


@pytest.mark.parametrize(
    "odd",
    [
        Odd(404),
        Odd(302, headers={"Location": "http://127.0.0.1:1/"}),
        Odd(kind="text/html"),
        Odd(body=bytes(200 << 10)),
        Odd(headers={"Content-Length": "100000"}),
        Odd(silent=True),
        Odd(dripping=True, body=bytes(1000)),
    ],
)
def test_whatever_else_comes_is_no_answer_within_the_time(house: House, odd: Odd) -> None:
    let_go = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if odd.silent:
                let_go.wait(30)
                return
            self.send_response(odd.status)
            self.send_header("Content-Type", odd.kind)
            for name, value in odd.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for begin in range(0, len(odd.body), 1 if odd.dripping else 1 << 20):
                    self.wfile.write(odd.body[begin : begin + (1 if odd.dripping else 1 << 20)])
                    if odd.dripping and let_go.wait(0.05):
                        return
            except OSError:
                pass  # it was left

    house.grow()
    with served(Handler) as port:
        house.urls, house.trust, house.seconds = (
            {"it": f"http://127.0.0.1:{port}/"},
            Authority().root_pem,
            1.0,
        )
        begun = time.monotonic()
        outcomes = house.stamper().round()
        let_go.set()

    assert codes(outcomes) == ["STAMP_UNREADY"]
    assert time.monotonic() - begun < 4
    assert house.kept() == []
    assert house.authorities.unfit() == {}


def test_a_row_that_was_edited_holds_no_more(house: House, tsa: Authority) -> None:
    house.uses(tsa)
    first, second = house.grow(), house.grow()
    house.stamper().round()
    (kept,) = house.kept()
    assert holds(kept, second, house.authorities)

    assert not holds(kept, first, house.authorities)
    assert not holds(kept, None, house.authorities)
    house.desk.sql("UPDATE log_stamp SET digest = ?", first.digest)
    assert not holds(house.kept()[0], second, house.authorities)
    house.desk.sql("UPDATE log_stamp SET digest = ?", second.digest)
    assert holds(house.kept()[0], second, house.authorities)
    house.desk.sql("UPDATE log_stamp SET response = ?", kept.response[:-1] + b"\0")
    assert not holds(house.kept()[0], second, house.authorities)
    house.trust = Authority().root_pem
    assert not holds(kept, second, house.authorities)


def test_stamps_are_found_over_an_entry_smallest_tree_first(house: House, tsa: Authority) -> None:
    with authority() as other:
        house.uses(tsa, other)
        for _ in range(3):
            house.grow(2)
            house.stamper().round()
    with house.desk.database.read() as session:
        rows = StampRows(house.desk.tenant, session)
        assert [one.size for one in rows.over(0)] == [2, 2, 4, 4, 6, 6]
        assert [one.size for one in rows.over(2)] == [4, 4, 6, 6]
        assert list(rows.over(6)) == []
        assert [one.size for one in rows.newest(3)] == [6, 6, 4]
        assert rows.last("nobody") is None
        assert StampRows("another", session).newest(9) == []
        # Whoever comes second with the same one changes nothing.
        first = rows.newest(1)[0]
    with house.desk.database.write() as session:
        StampRows(house.desk.tenant, session).add(
            Stamp(first.size, first.authority, first.digest, b"other", first.says, first.at)
        )
    assert house.kept()[0] == first


def test_what_is_no_longer_there_gets_no_stamp(house: House, tsa: Authority) -> None:
    """A database that was put back while an authority was asked."""
    house.uses(tsa)
    checkpoint = house.grow()
    stamper, asked = house.stamper(), stamp.request(checkpoint.plain.encode())
    answer = tsa.reply(asked.data)[1]
    kept, says = stamp.accept(answer, checkpoint.plain.encode(), tsa.root_pem, asked, datetime.now(UTC))
    gone = Stamp(9, host(tsa.url), checkpoint.digest, kept, says, says)
    key = SigningKey.generate(Duty.LOG, lambda size: bytes([3]) * size)
    stamper._keep(host(tsa.url), Checkpoint.sign("log.example/studio", 9, bytes(32), key), gone)
    assert house.kept() == []
    with house.desk.database.read() as session:
        assert TreeRows(house.desk.tenant, house.desk.log().verifier, session).of_size(9) is None


def test_authorities_are_named_with_their_own_roots(tmp_path: Path) -> None:
    pem = tmp_path / "tsa.pem"
    pem.write_text(Authority().root_pem)
    url = "http://tsa.example/tsr"

    assert open_authorities(load(tmp_path)) is None
    found = open_authorities(load(tmp_path, log_tsa_urls=(url,), log_tsa_trust=pem))
    assert found is not None
    assert (dict(found.urls), found.every) == ({"tsa.example": url}, timedelta(hours=1))
    for wrong in ({"log_tsa_urls": (url,)}, {"log_tsa_trust": pem}, {"log_tsa_minutes": 0}):
        with pytest.raises(BadSettings, match="log_tsa"):
            load(tmp_path, **wrong)
    (tmp_path / "none.pem").write_text("nothing")
    (tmp_path / "leaf.pem").write_bytes(OpensslTsa(tmp_path / "o").between.read_bytes())
    for urls, name in (
        ((url, "https://tsa.example/other"), "tsa.pem"),
        (("ftp://tsa.example/",), "tsa.pem"),
        ((url,), "nowhere.pem"),
        ((url,), "none.pem"),
        ((url,), "leaf.pem"),
    ):
        with pytest.raises(BadSettings, match="log_tsa"):
            open_authorities(load(tmp_path, log_tsa_urls=urls, log_tsa_trust=tmp_path / name))


@pytest.mark.parametrize(
    "url",
    [
        "tsa.example",
        "file:///etc/passwd",
        "http://user:secret@tsa.example/",
        "https://tsa.example/?key=1",
        "http://",
        "",
    ],
)
def test_an_address_carries_no_secret(url: str) -> None:
    with pytest.raises(TsaAddressUnfit):
        host(url)
