"""Two copies of one database are at work under one log: one publishes, and of the other nothing is seen."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import pytest

from audit.checkpoint import Checkpoint
from audit.errors import Diverged
from audit.fsck import fsck
from audit.guard import LogBehind, LogForked
from audit.head import Head, TreeHead
from audit.ledger import Entry
from audit.log import Log
from audit.proof import Proof
from audit.storage import FileDiverged, Storage
from crash.appends import reopened
from logbook import NOON, BreakingStorage, Countdown, Desk, Died

SIZES = pytest.mark.parametrize(("mine", "theirs"), [(1, 1), (2, 1), (1, 2), (300, 2), (2, 300)])


@pytest.fixture
def twin(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Callable[[], Desk]]:
    """A desk on a copy of the database, as it is now; keys, head and storage are the same."""
    made: list[Desk] = []

    def copied() -> Desk:
        url = desk.database.url
        desk.database.close()
        if desk.database.embedded:
            path = Path(url.removeprefix("sqlite:///"))
            shutil.copyfile(path, path.with_name("twin.db"))
            url = f"sqlite:///{path.with_name('twin.db')}"
        else:
            name = url.partition("?")[0].rpartition("/")[2]
            server: str = request.getfixturevalue("postgres_server")
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}b" TEMPLATE "{name}"')  # type: ignore[arg-type]
            url = url.replace(name, f"{name}b")
        made.append(reopened(desk.folder, url))
        return made[-1]

    yield copied
    for each in made:
        each.keystore.close()
        each.database.close()


def is_alone(desk: Desk, won: list[Entry], checkpoint: Checkpoint) -> None:
    """What is public is of this database, and fits together."""
    done = fsck(desk.storage, desk.log().verifier)
    assert (done.wrong, done.checkpoint) == ((), checkpoint)
    assert desk.head.read() == TreeHead(checkpoint.size, checkpoint.root)
    with desk.database.read() as session:
        log = desk.log()
        assert log.latest(session) == checkpoint
        for one in won:
            assert Proof.parse(log.proof(session, one.leaf_hash)).check(one.leaf, log.verifier) == checkpoint
        assert log.audit(session).findings == ()


def says_nothing(desk: Desk, log: Log, lost: list[Entry], shared: Entry) -> None:
    """Neither of what it lost nor of what both have: it can't tell the two from each other."""
    for entry in (shared, *lost[:2]):
        for ask in (log.covered, log.vouched, log.proof):
            with desk.database.read() as session, pytest.raises((LogBehind, LogForked)):
                ask(session, entry.leaf_hash)
    for look in (log.latest, log.public):
        with desk.database.read() as session, pytest.raises((LogBehind, LogForked)):
            look(session)
    with pytest.raises((LogBehind, LogForked)):
        log.publish(now=NOON)
    with pytest.raises((LogBehind, LogForked)):
        desk.log("the next").start()


def stored(desk: Desk) -> bytes:
    return b"".join(
        path.read_bytes() for path in sorted((desk.folder / "studio" / "log").rglob("*")) if path.is_file()
    )


@SIZES
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed-in-its-row"])
def test_one_of_two_publishes_and_nothing_of_the_other_is_seen(
    desk: Desk, twin: Callable[[], Desk], mine: int, theirs: int, *, signed: bool
) -> None:
    # Given a log, and a copy of its database that goes on as well
    log = desk.started()
    (*_, shared) = desk.write_many(3)
    log.publish(now=NOON)
    other = twin()
    rival = other.log("rival")
    assert rival.start() == log.start()
    won, lost = desk.write_many(mine), other.write_many(theirs)

    # of which the one may have got as far as to sign in its own row,
    if signed:
        dies = BreakingStorage(desk.storage, Countdown(0))
        with pytest.raises(Died):
            other.log("rival", storage=dies).publish(now=NOON)

    # When both publish
    checkpoint = log.publish(won[-1].leaf_hash, now=NOON)
    with pytest.raises(LogForked if signed and theirs >= mine else LogBehind):
        rival.publish(lost[-1].leaf_hash, now=NOON)

    # Then one is public, and of the other there is nothing.
    is_alone(desk, won, checkpoint)
    says_nothing(other, rival, lost, shared)
    public = stored(desk)
    assert all(one.leaf in public for one in won)
    assert not any(one.leaf in public or bytes.fromhex(one.leaf_hash) in public for one in lost)


@dataclass
class Meanwhile:
    """Storage and head of somebody to whom something happens before the first put, or before the swap."""

    inner: Storage
    head: Head
    at: str
    happens: Callable[[], object]
    done: list[object] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    def put(self, path: str, data: bytes) -> None:
        self._now("put")
        self.inner.put(path, data)

    def advance(self, old: TreeHead | None, new: TreeHead) -> None:
        self._now("advance")
        self.head.advance(old, new)

    def read(self) -> TreeHead | None:
        return self.head.read()

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def _now(self, step: str) -> None:
        # Files are put several at once: none of them before it has happened.
        with self.lock:
            if step == self.at and not self.done:
                self.done.append(self.happens())


def attempt(log: Log) -> Checkpoint | Diverged:
    try:
        return log.publish(now=NOON)
    except Diverged as refused:
        return refused


@SIZES
@pytest.mark.parametrize("at", ["put", "advance"])
def test_who_is_overtaken_between_signing_and_the_head_shows_nothing(
    desk: Desk, twin: Callable[[], Desk], mine: int, theirs: int, at: str
) -> None:
    # Given two databases at work, of which the one publishes once the other has signed, or has put its files
    log = desk.started()
    (*_, shared) = desk.write_many(3)
    log.publish(now=NOON)
    other = twin()
    entries = {"mine": desk.write_many(mine), "theirs": other.write_many(theirs)}
    came: dict[str, Checkpoint | Diverged] = {}
    between = Meanwhile(desk.storage, desk.head, at, lambda: came.update(mine=attempt(log)))
    rival = other.log("rival", storage=between, head=between)  # type: ignore[arg-type]

    # When that one goes on
    came["theirs"] = attempt(rival)

    # Then one of them is public. Files of one size are in each other's way.
    (won,) = (name for name, one in came.items() if isinstance(one, Checkpoint))
    (lost,) = came.keys() - {won}
    in_the_way = mine == theirs
    assert won == ("theirs" if at == "advance" and in_the_way else "mine")
    assert type(came[lost]) in ({FileDiverged} if in_the_way else {LogBehind, LogForked})
    desks = {"mine": desk, "theirs": other}
    is_alone(desks[won], entries[won], came[won])  # type: ignore[arg-type]
    says_nothing(desks[lost], desks[lost].log("again"), entries[lost], shared)
