"""The database goes away: every request has a designed answer, and all goes on by itself once it is back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from sqlmodel import Session

from api.conftest import Opened
from api.test_guard import every, filled
from api.test_swaps import a_swap, told
from api.test_uploads import is_in, put
from callers import Outside
from incoming import Wire, announced, announcement, begun, clip, sent
from restarts import Server, away, server
from service.api.access import OPEN
from service.api.limits import Buckets, Limits
from service.database import Database, DatabaseUnready
from waiting import until
from worlds import World

__all__ = ["away", "server"]

ON_ONE = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
NEEDS_NO_DATABASE = {"/healthz", "/v1/trust", "/log/checkpoint", "/log/pruned", "/log/tile/{path:path}"}


@pytest.fixture
def standing(away: Callable[[str], World]) -> Iterator[Opened]:
    """A world at a stage, behind HTTP, on the server that can be stopped."""
    opened: list[Outside] = []

    def open_at(stage: str) -> Outside:
        opened.append(Outside.of(away(stage)))
        opened[-1].app.state.limits = Limits(Buckets(1e6, 1e6), Buckets(1e6, 1e6))
        return opened[-1]

    yield open_at
    for one in opened:
        one.close()


def unready(answer: httpx.Response) -> bool:
    """The designed answer: what it is, that it passes, and when to come again."""
    return (
        answer.status_code == 503
        and answer.json()["code"] == "DATABASE_UNREADY"
        and int(answer.headers["Retry-After"]) >= 1
    )


# A server that is stopped and started


def test_every_route_says_that_it_is_away_and_answers_again_when_it_is_back(
    standing: Opened, server: Server
) -> None:
    # Given
    there = standing("consented")
    operator = there.operator
    assert operator.get("/v1/policy").status_code == 200

    # When it is away
    server.stops()
    try:
        for method, path, _ in every(there.app):
            answer = operator.ask(method, filled(path))
            if path == "/readyz":
                assert answer.status_code == 503
                assert "DATABASE_UNUSABLE" in answer.json()["codes"]
            elif path in NEEDS_NO_DATABASE:
                assert answer.status_code in {200, 404}, (path, answer.text)
            elif method == "HEAD":
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path
            elif path == "/v1/withdrawals":
                body = {"authorization": there.world.people["hopper"].authorization, "code": "x"}
                assert unready(operator.post(path, body))
            elif path in OPEN and answer.status_code in {200, 404, 422}:
                # A body that says nothing, or a page: answered before anything is looked up.
                assert (method == "POST" and answer.status_code == 422) or path.startswith("/sign"), path
            else:
                assert unready(answer), (method, path, answer.status_code, answer.text)
    finally:
        server.starts()

    # Then nobody has to be restarted.
    until(lambda: operator.get("/readyz").status_code == 200)
    for method, path, _ in every(there.app):
        answer = operator.ask(method, filled(path))
        assert answer.status_code < 500, (method, path, answer.text)
        assert path in OPEN or answer.status_code != 401
    assert there.operator.post("/v1/templates", announcement(there.world)).status_code == 201


def test_an_upload_in_parts_outlives_it(standing: Opened, server: Server) -> None:
    # Given an upload in the midst of its second part
    there = standing("consented")
    template, third = announced(there), len(clip()) // 3
    upload = begun(there, template)
    assert sent(there.operator, upload, 0, clip()[:third]).status_code == 204
    rest = clip()[third:]
    path = f"/v1/uploads/{upload}"
    wire = Wire(there.operator, "PATCH", path, len(rest), Upload_Offset=str(third), Connection="close")
    wire.send(rest[:1000])
    until(lambda: there.world.files("uploads"))

    # When the database goes, and the rest comes
    server.stops()
    try:
        wire.send(rest[1000:])
        said = wire.answer()
    finally:
        server.starts()

    # Then it is said, and the upload goes on from what is known to be here.
    assert said.startswith("HTTP/1.1 503 "), said
    assert "DATABASE_UNREADY" in said
    assert there.operator.head(path).headers["Upload-Offset"] == str(third)
    assert sent(there.operator, upload, third, rest).status_code == 204
    assert there.operator.post(f"{path}/completion").status_code == 200
    is_in(there, template)


def test_a_whole_upload_is_repeated_after_it(standing: Opened, server: Server) -> None:
    there = standing("consented")
    template = announced(there)
    path = f"/v1/templates/{template}/content"
    wire = Wire(there.operator, "PUT", path, len(clip()), Connection="close")
    wire.send(clip()[:1000])
    until(lambda: there.world.files("quarantine"))

    server.stops()
    try:
        wire.send(clip()[1000:])
        said = wire.answer()
    finally:
        server.starts()

    assert said.startswith("HTTP/1.1 503 "), said
    # Whether its files are anybody else's can't be asked now: a purge would do that, or they are needed yet.
    assert "TemplateAdmitted" not in there.world.kinds()
    assert there.world.files("uploads") == []
    assert put(there, template, clip()).status_code == 200
    is_in(there, template)


def test_who_follows_a_swap_hears_its_end_all_the_same(standing: Opened, server: Server) -> None:
    # Given somebody who follows a swap that waits
    there = standing("asked")
    job, seen = there.world.known["job"], list[tuple[str, Any]]()
    told_to = there.operator

    def listens() -> None:
        for event in told(told_to, f"/v1/swaps/{job}/events"):
            seen.append(event)

    listening = threading.Thread(target=listens)
    listening.start()
    until(lambda: seen)

    # When the database goes and comes back, and then the swap is worked off
    server.stops()
    server.starts()
    there.release()

    # Then
    listening.join()
    assert seen[-1][0] == "end"
    assert seen[-1][1]["state"] == "released"


# Lost at each of a request's units of work


class Losing:
    """The database as one request sees it: gone at its n-th unit of work, as that begins or as it commits."""

    def __init__(self, at: int = 0, *, committed: bool = False) -> None:
        self.at, self.committed, self.seen = at, committed, 0

    @contextmanager
    def _over(self, whole: Any, database: Database) -> Iterator[Session]:
        self.seen += 1
        if self.seen != self.at:
            with whole(database) as session:
                yield session
            return
        if not self.committed:
            raise DatabaseUnready("the connection was lost")
        with whole(database) as session:
            commit = session.commit

            def lost() -> None:
                commit()
                raise DatabaseUnready("the connection was lost, and with it what became of this")

            session.commit = lost  # type: ignore[method-assign]
            yield session

    @contextmanager
    def over(self) -> Iterator["Losing"]:
        read, write = Database.read, Database.write
        with (
            patch.object(Database, "read", lambda database: self._over(read, database)),
            patch.object(Database, "write", lambda database: self._over(write, database)),
        ):
            yield self


def people(_there: Outside) -> tuple[str, Any, str]:
    return "/v1/people", {"proof": "verified-account", "by": "d", "how": "a", "age": "adult"}, "person"


def keys(_there: Outside) -> tuple[str, Any, str]:
    return "/v1/keys", {"role": "auditor", "name": "an auditor", "days": 1}, "api_key"


def swaps(there: Outside) -> tuple[str, Any, str]:
    return "/v1/swaps", a_swap(there.world), "job"


def announcements(there: Outside) -> tuple[str, Any, str]:
    return "/v1/templates", announcement(there.world), "template"


@pytest.mark.parametrize("committed", [False, True], ids=["as it begins", "as it commits"])
@pytest.mark.parametrize("what", [people, keys, swaps, announcements])
@ON_ONE
def test_wherever_a_post_loses_it_the_post_is_done_once(
    what: Callable[[Outside], tuple[str, Any, str]], committed: bool, outside: Opened
) -> None:
    # Given as many units of work as such a request has
    there = outside("received")
    there.app.state.limits = Limits(Buckets(1e6, 1e6), Buckets(1e6, 1e6))
    path, body, table = what(there)
    operator, world = there.operator, there.world
    # That its key was used is written once a minute, and what waits is sequenced: not in the counted one.
    assert operator.post(path, body).is_success
    with Losing().over() as counted:
        assert operator.post(path, body).is_success

    for at in range(1, counted.seen + 1):
        world.edit("UPDATE consent_counter SET reserved = 0")  # uses are not what is looked at
        # When the database is lost at one of them, and the request is sent again as its sender would
        before, headers = world.rows(table), {"Idempotency-Key": f"{what.__name__}-{at}"}
        with Losing(at, committed=committed).over() as losing:
            first = operator.post(path, body, headers=headers)
        until(lambda: not there.app.state.waiting)
        again = operator.post(path, body, headers=headers)
        if again.status_code == 409 and again.json()["code"] == "REQUEST_AT_WORK":
            # Nobody here knows what became of it: after a quarter of an hour it is taken to have broken off.
            world.edit("UPDATE once SET begun_at = '2026-01-01T00:00:00.000000Z' WHERE answer IS NULL")
            again = operator.post(path, body, headers=headers)

        # Then it was done once, and its sender is told so.
        assert losing.seen >= at
        assert first.is_success or unready(first), first.text
        assert again.is_success or again.json()["code"] == "REQUEST_UNFINISHED", (at, again.text)
        made = world.rows(table) - before
        # Who is tried in a cast is counted first, in a unit of its own: lost after it, nothing was made, and
        # the sender is told that it is not finished.
        assert made == 1 or (made == 0 and not again.is_success), at
        if first.is_success:
            assert again.json() == first.json()
