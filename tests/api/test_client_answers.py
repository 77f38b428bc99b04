"""What the client makes of answers that are odd, late or none: with a server that says what it is told to."""

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from answering import Said, answering
from senders import EITHER
from service.client import (
    Client,
    Damaged,
    FileShortened,
    Part,
    Problem,
    Unreachable,
    decisions,
    outputs,
    swaps,
    uploads,
)
from service.client.call import Call
from service.client.events import Events
from service.client.uploads import STUCK
from service.shapes import problem as shapes
from service.shapes.uploads import Upload
from waiting import until


def test_what_never_answers_is_said_to_be_unreachable() -> None:
    with Client("http://127.0.0.1:9", tries=1) as nowhere, pytest.raises(Unreachable):
        nowhere.send(decisions.policy())


@pytest.mark.parametrize("status", [200, 301, 502])
def test_a_page_of_some_proxy_is_not_taken_for_an_answer(status: int) -> None:
    with (
        answering(Said(status, b"<html>Secret Gateway</html>", {"Content-Type": "text/html"})) as (base, _),
        Client(base, tries=1) as client,
    ):
        for ask in (lambda: client.send(decisions.policy()), lambda: client.wait_for(swaps.ended("0" * 32))):
            with pytest.raises(Problem) as raised:
                ask()
            assert (raised.value.code, raised.value.said.status) == ("ANSWER_UNKNOWN", status)
            assert "Gateway" not in str(raised.value)


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_service_that_is_not_ready_is_asked_again_with_the_same_key(status: int) -> None:
    with answering(Said(status), Said(200, b'"done"')) as (base, asked), Client(base) as client:
        answer = client.send(Call("POST", "/", lambda reply: reply.body.decode(), b"{}"))

    assert answer == '"done"'
    first, second = (one["Idempotency-Key"] for one in asked)
    assert first == second != ""


def test_an_upload_that_somebody_else_writes_is_given_up(tmp_path: Path, noon: datetime) -> None:
    # Given an upload whose every part is refused
    file = tmp_path / "clip.mp4"
    file.write_bytes(bytes(100))
    steps = uploads.send("ab" * 16, file)
    next(steps)
    step = steps.send(Upload(upload="cd" * 16, template="ab" * 16, size=100, offset=0, delete_after=noon))

    # When it is asked each time how far it is, and is always elsewhere
    for offset in range(1, STUCK + 1):
        assert (step.method, step.headers["Upload-Offset"]) == ("PATCH", str(offset - 1))
        assert steps.throw(a_problem("UPLOAD_OFFSET_DIFFERS")).method == "HEAD"
        step = steps.send(offset)

    # Then the last no is the answer, as any other no at once
    with pytest.raises(Problem, match="UPLOAD_OFFSET_DIFFERS"):
        steps.throw(a_problem("UPLOAD_OFFSET_DIFFERS"))
    another = uploads.send("ab" * 16, file)
    next(another)
    with pytest.raises(Problem, match="QUOTA_EXCEEDED"):
        another.throw(a_problem("QUOTA_EXCEEDED"))


@EITHER
def test_another_file_than_was_announced_is_not_kept(sent_by: Any, tmp_path: Path) -> None:
    announced = f'"{sha256(b"the film").hexdigest()}"'
    with (
        answering(Said(200, b"a film", {"ETag": announced})) as (base, asked),
        pytest.raises(Damaged),
    ):
        sent_by(base, None, lambda c: c.save(outputs.content("0" * 32), tmp_path / "output.mp4"))

    assert len(asked) == 1
    assert list(tmp_path.iterdir()) == []


@EITHER
def test_a_file_that_always_breaks_at_the_same_place_is_given_up(sent_by: Any, tmp_path: Path) -> None:
    # Given something that sends the beginning each time, and never heard of ranges
    tag = f'"{sha256(b"the film").hexdigest()}"'
    half = Said(200, b"the ", {"ETag": tag, "Content-Length": "8"})

    # When
    with answering(half) as (base, asked), pytest.raises(Unreachable):
        sent_by(base, None, lambda c: c.save(outputs.content("0" * 32), tmp_path / "output.mp4"), tries=2)

    # Then it was asked for the rest, and nothing is left
    assert [one.get("Range") for one in asked] == [None, "bytes=4-", "bytes=4-"]
    assert {one["If-Range"] for one in asked[1:]} == {tag}
    assert list(tmp_path.iterdir()) == []


@EITHER
def test_a_file_that_became_another_in_the_midst_is_fetched_anew(sent_by: Any, tmp_path: Path) -> None:
    old, new = (f'"{sha256(film).hexdigest()}"' for film in (b"the film", b"its sequel"))
    with answering(
        Said(200, b"the ", {"ETag": old, "Content-Length": "8"}), Said(200, b"its sequel", {"ETag": new})
    ) as (base, asked):
        sent_by(base, None, lambda c: c.save(outputs.content("0" * 32), tmp_path / "output.mp4"))

    assert (tmp_path / "output.mp4").read_bytes() == b"its sequel"
    assert len(asked) == 2


@EITHER
def test_a_no_is_raised_and_no_file_made(sent_by: Any, tmp_path: Path) -> None:
    with answering(Said(503), Said(410)) as (base, asked), pytest.raises(Problem) as raised:
        sent_by(base, None, lambda c: c.save(outputs.content("0" * 32), tmp_path / "output.mp4"))

    assert (raised.value.said.status, len(asked)) == (410, 2)
    assert list(tmp_path.iterdir()) == []


@EITHER
def test_streams_that_say_nothing_are_given_up(sent_by: Any) -> None:
    silent = Said(200, b"", {"Content-Type": "text/event-stream; charset=utf-8"})
    with answering(silent) as (base, asked), pytest.raises(Unreachable):
        sent_by(base, None, lambda c: c.wait_for(swaps.ended("0" * 32)), tries=3)

    assert len(asked) == 3


@EITHER
def test_an_end_that_can_not_be_read_is_a_problem(sent_by: Any) -> None:
    ended = Said(200, b'event: end\ndata: {"secret": 1}\n\n', {"Content-Type": "text/event-stream"})
    with answering(ended) as (base, _), pytest.raises(Problem) as raised:
        sent_by(base, None, lambda c: c.wait_for(swaps.ended("0" * 32)))

    assert raised.value.code == "ANSWER_UNKNOWN"
    assert "secret" not in str(raised.value)


@EITHER
def test_what_is_not_there_is_not_waited_for(sent_by: Any) -> None:
    with answering(Said(429), Said(404)) as (base, asked), pytest.raises(Problem) as raised:
        sent_by(base, None, lambda c: c.wait_for(swaps.ended("0" * 32)))

    assert (raised.value.said.status, len(asked)) == (404, 2)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    # Given what a service may say, with ends of lines that are none in this format, and ones that are
    said = (
        ': still here\n\nevent: progress\r\ndata: {"done": 1, "total": null}\r\n\r\n'
        'event: news\ndata: nothing\n\nevent: progress\ndata: {"done": 2,\ndata:"total": 3}\n\n'
        "id: 7\nevent: end\ndata: a\u2028b\x85c\x0cd\n\nevent: end\ndata: too late\n\n"
    )
    heard = list[tuple[int, int | None]]()
    read = Events(lambda *one: heard.append(one))

    # When
    ends = [read.take(said[at : at + size]) for at in range(0, len(said), size)]

    # Then
    assert heard == [(1, None), (2, 3)]
    assert next(end for end in ends if end is not None) == "a\u2028b\x85c\x0cd"


def a_problem(code: str) -> Problem:
    return Problem(shapes.Problem(type="about:blank", title="No.", status=409, code=code, detail="no"))


@EITHER
def test_a_file_that_becomes_shorter_while_it_is_sent_is_said_so(sent_by: Any, tmp_path: Path) -> None:
    # Given a file of which more was announced than is there by now
    file = tmp_path / "clip.mp4"
    file.write_bytes(bytes(600_000))

    # When it is sent
    with answering(Said(204)) as (base, asked):
        with pytest.raises(FileShortened):
            sent_by(base, None, lambda client: client.send(uploads.append("ab" * 16, Part(file, 0, 700_000))))
        # Who broke off may be done before the other side has looked at what came.
        until(lambda: asked)

    # Then it is not tried again: it will not grow.
    assert len(asked) == 1


@EITHER
def test_what_head_answers_is_known_by_its_code(sent_by: Any) -> None:
    gone = Said(404, b"", {"X-Problem-Code": "NOT_FOUND"})

    with answering(gone) as (base, _), pytest.raises(Problem) as raised:
        sent_by(base, None, lambda client: client.send(uploads.progress("ab" * 16)))

    assert (raised.value.code, raised.value.said.status) == ("NOT_FOUND", 404)
