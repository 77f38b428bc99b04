"""Bytes over HTTP: whole or in parts, from good clients and bad ones. What is not let in leaves nothing."""

import errno
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import pytest

import service.partfiles
from api.conftest import Opened
from callers import Caller, Outside
from full_disk import on_a_full_disk
from incoming import NOBODY, Wire, announced, begun, clip, sent
from service import retention
from service.apikeys import KeyRole
from service.partfiles import PartFiles
from service.receiving import Receiving, purge
from swap.faults import SandboxUnavailable, StorageFull
from swap.folder import ContentFolder
from swap.quarantine import Quarantine
from swap.retention import Purger
from swap.sandbox import Sandbox
from waiting import LONG, until
from worlds import small_clip

ON_ONE = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


def put(there: Outside, template: str, data: bytes | Iterator[bytes]):
    return there.operator.ask("PUT", f"/v1/templates/{template}/content", content=data)


def nothing_is_left(there: Outside) -> None:
    assert there.world.files("quarantine", "media", "uploads") == []
    assert "TemplateAdmitted" not in there.world.kinds()


def is_in(there: Outside, template: str) -> None:
    assert there.operator.get(f"/v1/templates/{template}").json()["state"] == "quarantined"
    assert len(there.world.files("quarantine")) == len(there.world.files("media")) == 1
    assert there.world.files("uploads") == []
    assert there.world.rows("upload") == 0
    assert there.world.kinds().count("TemplateAdmitted") == 1


def in_pieces(data: bytes, size: int = 7000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


# Whole


@pytest.mark.parametrize("way", ["with its length", "in chunks"])
def test_a_file_is_taken_in_as_it_comes(way: str, outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)

    answer = put(there, template, clip() if way == "with its length" else in_pieces(clip()))

    assert answer.status_code == 200, answer.text
    assert answer.json() == {"template": template, "frames": small_clip().frames, "sound": "kept"}
    is_in(there, template)


@ON_ONE
def test_other_bytes_than_announced_are_refused_and_the_announced_may_still_come(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)

    other = put(there, template, clip() + b"x")
    empty = put(there, template, b"")

    assert (other.status_code, other.json()["code"]) == (422, "SOURCE_NOT_ANNOUNCED")
    assert (empty.status_code, empty.json()["code"]) == (422, "SOURCE_EMPTY")
    nothing_is_left(there)
    assert put(there, template, clip()).status_code == 200
    is_in(there, template)


@ON_ONE
def test_what_is_announced_and_no_video_is_refused(outside: Opened) -> None:
    there = outside("consented")
    text = b"this is not a video\n" * 500
    template = announced(there, sha256(text).hexdigest())

    answer = put(there, template, text)

    assert (answer.status_code, answer.json()["code"]) == (422, "SOURCE_UNREADABLE")
    nothing_is_left(there)


@ON_ONE
def test_a_file_that_says_it_is_too_large_is_refused_before_it_comes(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)

    # A client that waits for the answer's end, and one that goes on sending what nobody reads
    patient = Wire(there.operator, "PUT", f"/v1/templates/{template}/content", 1 << 40)
    eager = put(there, template, _endless(600 << 20))

    said = patient.answer()
    assert said.startswith("HTTP/1.1 413 "), said
    assert "SOURCE_TOO_LARGE" in said
    assert "connection: close" in said.lower()
    assert (eager.status_code, eager.json()["code"]) == (413, "SOURCE_TOO_LARGE")
    nothing_is_left(there)


def _endless(most: int) -> Iterator[bytes]:
    block = bytes(1 << 20)
    for _ in range(most >> 20):
        yield block


@ON_ONE
def test_a_client_that_stalls_is_given_up_on(outside: Opened) -> None:
    there = outside("consented")
    there = with_patience(there, 0.5)
    template = announced(there)

    # When half comes, and then nothing
    wire = Wire(there.operator, "PUT", f"/v1/templates/{template}/content", len(clip()))
    wire.send(clip()[: len(clip()) // 2])
    said = wire.answer()

    # Then
    assert said.startswith("HTTP/1.1 408 "), said
    assert "BODY_STALLED" in said
    nothing_is_left(there)
    with_patience(there, 600)
    assert put(there, template, clip()).status_code == 200


@ON_ONE
def test_a_client_that_sends_a_drop_now_and_then_is_given_up_on(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = with_patience(outside("consented"), 0.5)
    monkeypatch.setattr("service.api.inflow.SLOWEST", 4 << 20)  # of a block: a quarter of a second
    template = announced(there)

    wire = Wire(there.operator, "PUT", f"/v1/templates/{template}/content", len(clip()))
    with pytest.raises(ConnectionError):
        drip(wire)
    wire.hang_up()

    nothing_is_left(there)


def drip(wire: Wire) -> None:
    for _ in range(200):
        wire.send(b"x")
        time.sleep(0.1)


def with_patience(there: Outside, seconds: float) -> Outside:
    object.__setattr__(there.world.settings, "upload_stall", seconds)
    return there


@ON_ONE
def test_a_connection_that_breaks_leaves_nothing_and_frees_the_template(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)

    wire = Wire(there.operator, "PUT", f"/v1/templates/{template}/content", len(clip()))
    wire.send(clip()[:30_000])
    until(lambda: there.world.files("quarantine"))
    wire.hang_up()

    until(lambda: not there.world.files("quarantine", "uploads"))
    nothing_is_left(there)
    assert put(there, template, clip()).status_code == 200
    is_in(there, template)


@ON_ONE
def test_a_second_upload_of_a_template_waits_for_the_first(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)
    first = Wire(there.operator, "PUT", f"/v1/templates/{template}/content", len(clip()), Connection="close")
    first.send(clip()[:1000])
    until(lambda: there.world.files("uploads"))

    second = put(there, template, clip())

    assert (second.status_code, second.json()["code"]) == (409, "UPLOAD_AT_WORK")
    first.send(clip()[1000:])
    assert first.answer().startswith("HTTP/1.1 200 ")
    is_in(there, template)
    again = put(there, template, clip())
    assert (again.status_code, again.json()["code"]) == (409, "WRONG_STATE")
    is_in(there, template)


@ON_ONE
def test_more_bodies_than_there_are_places_are_told_when_to_come_again(outside: Opened) -> None:
    there = outside("consented")
    there.app.state.uploads.total_tokens = 1
    slow, quick = announced(there), announced(there)
    first = Wire(there.operator, "PUT", f"/v1/templates/{slow}/content", len(clip()))
    first.send(clip()[:1000])
    until(lambda: there.world.files("uploads"))

    second = put(there, quick, clip())

    assert (second.status_code, second.json()["code"]) == (503, "UPLOADS_BUSY")
    assert int(second.headers["Retry-After"]) >= 1
    first.hang_up()
    until(lambda: not there.world.files("uploads"))
    until(lambda: there.app.state.uploads.available_tokens == 1)
    assert put(there, quick, clip()).status_code == 200


@ON_ONE
def test_slow_senders_do_not_take_the_places_of_other_requests(outside: Opened) -> None:
    # Given as many slow senders as there are threads for all other routes, nearly
    there = with_patience(outside("consented"), 600)
    there.app.state.uploads.total_tokens = 64
    wires = []
    for _ in range(44):
        template = announced(there)
        wires.append(Wire(there.operator, "PUT", f"/v1/templates/{template}/content", len(clip())))
        wires[-1].send(b"x")
    until(lambda: len(there.world.files("uploads")) == 44)

    # Then others are answered while they all are at it
    assert there.operator.get("/v1/policy").status_code == 200
    assert len(there.world.files("uploads")) == 44
    for wire in wires:
        wire.hang_up()
    until(lambda: not there.world.files("uploads"))


@ON_ONE
def test_a_full_disk_is_said_and_leaves_nothing(outside: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    there = outside("consented")
    template = announced(there)
    full = Quarantine(
        there.world.record.layout.quarantine, there.world.studio.sandbox.limits, make=on_a_full_disk
    )

    with patch.object(Quarantine, "receive", lambda _self, chunks: receive(full, chunks)):
        answer = put(there, template, clip())

    assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
    nothing_is_left(there)
    assert put(there, template, clip()).status_code == 200


receive = Quarantine.receive


# In parts


def test_an_upload_goes_on_where_it_broke_off(outside: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an upload whose second part broke off
    monkeypatch.setattr("service.api.inflow.BLOCK", 1000)
    there = outside("consented")
    template, data = announced(there), clip()
    upload = begun(there, template)
    first = sent(there.operator, upload, 0, data[:20_000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "20000"), first.text
    wire = Wire(there.operator, "PATCH", f"/v1/uploads/{upload}", 30_000, Upload_Offset="20000")
    wire.send(data[20_000:25_000])
    until(lambda: there.world.files("uploads")[0].stat().st_size == 25_000)
    wire.hang_up()
    until(lambda: offset(there, upload) == 25_000)

    # When it goes on from where it is
    wrong = sent(there.operator, upload, 20_000, data[20_000:])
    rest = sent(there.operator, upload, 25_000, in_pieces(data[25_000:]))
    done = there.operator.post(f"/v1/uploads/{upload}/completion")

    # Then
    assert (wrong.status_code, wrong.json()["code"]) == (409, "UPLOAD_OFFSET_DIFFERS")
    assert wrong.headers["Upload-Offset"] == "25000"
    assert (rest.status_code, rest.headers["Upload-Offset"]) == (204, str(len(data)))
    assert done.status_code == 200, done.text
    assert done.json() == {"template": template, "frames": small_clip().frames, "sound": "kept"}
    is_in(there, template)
    gone = there.operator.ask("HEAD", f"/v1/uploads/{upload}")
    assert gone.headers["X-Problem-Code"] == "NOT_FOUND"
    assert gone.status_code == 404


def offset(there: Outside, upload: str) -> int:
    answer = there.operator.ask("HEAD", f"/v1/uploads/{upload}")
    assert answer.headers["Upload-Length"] == str(len(clip()))
    return int(answer.headers["Upload-Offset"])


@ON_ONE
def test_a_complete_upload_becomes_the_file_in_quarantine_without_a_copy(outside: Opened) -> None:
    there = outside("consented")
    upload = begun(there, announced(there))
    sent(there.operator, upload, 0, clip())
    [part] = there.world.files("uploads")
    inode = part.stat().st_ino

    assert there.operator.post(f"/v1/uploads/{upload}/completion").status_code == 200

    [kept] = there.world.files("quarantine")
    assert (kept.stat().st_ino, kept.stat().st_nlink, kept.stat().st_mode & 0o777) == (inode, 1, 0o600)


@ON_ONE
def test_on_another_file_system_a_complete_upload_is_copied(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def elsewhere(source: Path, target: Path) -> None:
        if source.parent.name == "uploads":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        link(source, target)

    there = outside("consented")
    template = announced(there)
    upload = begun(there, template)
    sent(there.operator, upload, 0, clip())
    monkeypatch.setattr("swap.folder.os.link", elsewhere)

    assert there.operator.post(f"/v1/uploads/{upload}/completion").status_code == 200
    is_in(there, template)


@ON_ONE
def test_an_upload_is_completed_once_all_of_it_is_there(outside: Opened) -> None:
    there = outside("consented")
    upload = begun(there, announced(there))
    sent(there.operator, upload, 0, clip()[:100])

    early = there.operator.post(f"/v1/uploads/{upload}/completion")

    assert (early.status_code, early.json()["code"]) == (409, "UPLOAD_UNFINISHED")
    assert early.headers["Upload-Offset"] == "100"
    assert offset(there, upload) == 100


@ON_ONE
def test_no_more_is_taken_than_was_stated(outside: Opened) -> None:
    there = outside("consented")
    upload = begun(there, announced(there))
    sent(there.operator, upload, 0, clip()[:-10])

    said, unsaid = (
        sent(there.operator, upload, len(clip()) - 10, one) for one in (b"x" * 11, iter([b"x" * 11]))
    )

    for answer in (said, unsaid):
        assert (answer.status_code, answer.json()["code"]) == (413, "UPLOAD_TOO_LONG")
    assert offset(there, upload) == len(clip()) - 10
    assert there.world.files("uploads")[0].stat().st_size == len(clip()) - 10
    rest = sent(there.operator, upload, len(clip()) - 10, clip()[-10:])
    assert rest.status_code == 204


@ON_ONE
def test_other_bytes_than_announced_are_deleted_with_their_upload(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)
    upload = begun(there, template)
    sent(there.operator, upload, 0, b"x" * len(clip()))

    answer = there.operator.post(f"/v1/uploads/{upload}/completion")

    assert (answer.status_code, answer.json()["code"]) == (422, "SOURCE_NOT_ANNOUNCED")
    nothing_is_left(there)
    assert there.world.rows("upload") == 0
    assert put(there, template, clip()).status_code == 200


@ON_ONE
def test_bytes_wait_for_another_try_while_the_sandbox_is_not_ready(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise SandboxUnavailable("no seccomp here")

    there = outside("consented")
    template = announced(there)
    upload = begun(there, template)
    sent(there.operator, upload, 0, clip())
    with monkeypatch.context() as patched:
        patched.setattr(Sandbox, "remux", unavailable)
        first = there.operator.post(f"/v1/uploads/{upload}/completion")
    assert (first.status_code, first.json()["code"]) == (503, "SANDBOX_UNAVAILABLE")
    assert there.world.files("quarantine") == []

    assert there.operator.post(f"/v1/uploads/{upload}/completion").status_code == 200
    is_in(there, template)


@ON_ONE
def test_a_part_that_finds_no_room_leaves_the_offset_where_it_was(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)
    upload = begun(there, template)
    sent(there.operator, upload, 0, clip()[:100])
    house = there.house.receiving
    cramped = PartFiles(there.world.record.layout.uploads, opened=Cramped)
    object.__setattr__(house, "parts", cramped)

    answer = sent(there.operator, upload, 100, clip()[100:])

    assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
    assert offset(there, upload) == 100
    assert there.world.files("uploads")[0].stat().st_size == 100
    object.__setattr__(house, "parts", PartFiles(there.world.record.layout.uploads))
    assert sent(there.operator, upload, 100, clip()[100:]).status_code == 204
    assert there.operator.post(f"/v1/uploads/{upload}/completion").status_code == 200


class Cramped:
    """A part on a disk that has room for a thousand bytes."""

    def __init__(self, path) -> None:
        self.file = service.partfiles.open_part(path)

    def write(self, data: memoryview) -> int:
        if self.file.tell() > 1000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data[:1200])

    def __enter__(self) -> "Cramped":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str):
        return getattr(self.file, name)


@ON_ONE
def test_a_part_that_is_told_only_at_its_end_that_there_is_no_room_is_said_so(outside: Opened) -> None:
    # Given storage that says so when a file is closed, as network file systems with quotas do
    there = outside("consented")
    upload = begun(there, announced(there))
    put_back = there.house.receiving.parts
    remote = PartFiles(there.world.record.layout.uploads, opened=Remote)
    object.__setattr__(there.house.receiving, "parts", remote)

    # When bytes are sent
    answer = sent(there.operator, upload, 0, clip()[:100])

    # Then that is the answer, and the client may go on once there is room.
    assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
    object.__setattr__(there.house.receiving, "parts", put_back)
    assert (
        sent(there.operator, upload, offset(there, upload), clip()[offset(there, upload) :]).status_code
        == 204
    )


class Remote(Cramped):
    """A part on a disk that is full when it is closed."""

    def __exit__(self, *_: object) -> None:
        self.file.close()
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


@ON_ONE
def test_a_disk_that_fills_where_nobody_thought_of_it_is_no_bug(
    outside: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    there = outside("consented")
    upload = begun(there, announced(there))

    def full(_self: Receiving, _owner: str, _upload: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Receiving, "abandon", full)
    answer = there.operator.delete(f"/v1/uploads/{upload}")

    assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
    assert "a bug" not in caplog.text


@ON_ONE
def test_one_part_is_sent_at_a_time_and_none_while_an_upload_is_completed(outside: Opened) -> None:
    there = outside("consented")
    upload = begun(there, announced(there))
    wire = Wire(there.operator, "PATCH", f"/v1/uploads/{upload}", 5000, Upload_Offset="0", Connection="close")
    wire.send(clip()[:100])
    until(lambda: there.world.files("uploads"))

    for answer in (
        sent(there.operator, upload, 0, clip()[:10]),
        there.operator.post(f"/v1/uploads/{upload}/completion"),
        there.operator.delete(f"/v1/uploads/{upload}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "UPLOAD_AT_WORK")

    wire.send(clip()[100:5000])
    assert wire.answer().startswith("HTTP/1.1 204 ")
    assert offset(there, upload) == 5000


@ON_ONE
def test_of_two_uploads_of_one_template_one_is_taken_in(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)
    both = [begun(there, template) for _ in range(2)]
    for upload in both:
        sent(there.operator, upload, 0, clip())

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: there.operator.post(f"/v1/uploads/{one}/completion"), both))

    assert sorted(one.status_code for one in answers) == [200, 409], [one.text for one in answers]
    late = next(one for one in answers if one.status_code == 409)
    assert late.json()["code"] in {"WRONG_STATE", "UPLOAD_AT_WORK"}
    assert there.world.kinds().count("TemplateAdmitted") == 1


@ON_ONE
def test_an_upload_is_its_owners_alone(outside: Opened) -> None:
    there = outside("consented")
    upload = begun(there, announced(there))
    other = there.caller(KeyRole.OPERATOR, "operator-2")

    for caller, name in ((other, upload), (there.operator, NOBODY)):
        asked = (
            caller.ask("HEAD", f"/v1/uploads/{name}"),
            sent(caller, name, 0, b"x"),
            caller.post(f"/v1/uploads/{name}/completion"),
            caller.delete(f"/v1/uploads/{name}"),
        )
        assert [one.status_code for one in asked] == [404] * 4
    assert there.world.files("uploads") == [], "no file is made for who asks in vain"
    assert there.operator.delete(f"/v1/uploads/{upload}").status_code == 204
    assert there.operator.delete(f"/v1/uploads/{upload}").status_code == 404


def rotated(there: Outside, caller: Caller) -> Caller:
    answer = there.operator.post(f"/v1/keys/{caller.key}/rotations")
    assert answer.status_code == 201, answer.text
    return Caller(there.client, answer.json()["token"], answer.json()["key"]["id"])


def test_the_successor_of_a_key_goes_on_with_its_upload(outside: Opened) -> None:
    # Given a key that is rotated in the midst of an upload, and again
    there = outside("consented")
    template, third = announced(there), len(clip()) // 3
    first = there.caller(KeyRole.OPERATOR)
    upload = begun(there, template, caller=first)
    assert sent(first, upload, 0, clip()[:third]).status_code == 204
    second = rotated(there, first)
    assert sent(second, upload, third, clip()[third : 2 * third]).status_code == 204
    last = rotated(there, second)
    for old in (first, second):
        assert there.operator.delete(f"/v1/keys/{old.key}").status_code == 200

    # When its first keys are no more
    dead = sent(second, upload, 2 * third, clip()[2 * third :])
    rest = sent(last, upload, 2 * third, clip()[2 * third :])

    # Then the last one brings it to its end.
    assert (dead.status_code, dead.json()["code"]) == (401, "API_KEY_REVOKED")
    assert rest.status_code == 204, rest.text
    assert last.post(f"/v1/uploads/{upload}/completion").status_code == 200
    is_in(there, template)


@ON_ONE
def test_a_key_that_dies_while_a_body_comes_ends_what_comes_after(outside: Opened) -> None:
    """A body is asked about once, as it begins: what its sender may send at most is one upload's bytes."""
    there = outside("consented")
    template, half = announced(there), len(clip()) // 2
    key = there.caller(KeyRole.OPERATOR)
    upload = begun(there, template, caller=key)
    wire = Wire(key, "PATCH", f"/v1/uploads/{upload}", half, Upload_Offset="0", Connection="close")
    wire.send(clip()[:1000])
    until(lambda: there.world.files("uploads"))

    assert there.operator.delete(f"/v1/keys/{key.key}").status_code == 200
    wire.send(clip()[1000:half])

    assert wire.answer().startswith("HTTP/1.1 204 ")
    for answer in (
        sent(key, upload, half, clip()[half:]),
        key.post(f"/v1/uploads/{upload}/completion"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "API_KEY_REVOKED")
    assert there.world.files("quarantine") == []


@ON_ONE
def test_what_cannot_be_an_upload_is_not_begun(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)
    path = f"/v1/templates/{template}/uploads"
    most = there.house.receiving.most

    assert there.operator.post(path, {"size": 0}).status_code == 422
    assert there.operator.post(path, {"size": "many"}).status_code == 422
    large = there.operator.post(path, {"size": most + 1})
    assert (large.status_code, large.json()["code"]) == (413, "SOURCE_TOO_LARGE")
    upload = begun(there, template)
    for wrong in ("-1", "x", ""):
        answer = sent(there.operator, upload, 0, b"x", **{"Upload-Offset": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "REQUEST_INVALID"), wrong
    assert put(there, template, clip()).status_code == 200
    late = there.operator.post(path, {"size": 5})
    assert (late.status_code, late.json()["code"]) == (409, "WRONG_STATE")


def test_a_tenant_has_so_many_uploads_and_bytes_open_and_no_more(outside: Opened) -> None:
    # Given room for two, of two clips together
    there = outside("consented")
    object.__setattr__(there.house.receiving.uploads, "most", 2)
    template = announced(there)
    path, size = f"/v1/templates/{template}/uploads", len(clip())

    # When many ask at once
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: there.operator.post(path, {"size": size}), range(6)))

    # Then
    assert sorted(one.status_code for one in answers) == [201] * 2 + [429] * 4
    assert {one.json().get("code") for one in answers} == {None, "QUOTA_EXCEEDED"}
    object.__setattr__(there.house.receiving.uploads, "most", 9)
    object.__setattr__(there.house.receiving.uploads, "most_bytes", 3 * size - 1)
    assert there.operator.post(path, {"size": size}).json()["code"] == "QUOTA_EXCEEDED"
    first = next(one.json()["upload"] for one in answers if one.status_code == 201)
    assert there.operator.delete(f"/v1/uploads/{first}").status_code == 204
    assert there.operator.post(path, {"size": size}).status_code == 201


def test_an_upload_that_nobody_ends_goes_after_a_day_with_its_file(outside: Opened) -> None:
    # Given one that a day went by on, one at work, and a file that no row names
    there = outside("consented")
    template = announced(there)
    old, busy = begun(there, template), begun(there, template)
    sent(there.operator, old, 0, clip()[:100])
    record = there.world.record
    orphan = record.layout.uploads / ("ab" * 16)
    orphan.write_bytes(b"lost with a database")
    later = record.clock() + timedelta(hours=25)

    # When
    with there.house.receiving.parts.held(busy):
        done = Purger(record.database, record.ledger, retention.steps(record), lambda: later).run(whole=True)

    # Then
    assert done.gone[retention.UPLOAD] == 2
    assert "Purged" in there.world.kinds()
    assert [one.name for one in there.world.files("uploads")] == [busy]
    assert there.world.rows("upload") == 1
    with record.database.write() as session:
        assert purge(record, session, now=later) == 1
    assert there.world.files("uploads") == []


@ON_ONE
def test_an_offset_that_was_answered_is_there_after_a_crash(outside: Opened) -> None:
    # Given a process that died while more was written than it had answered for
    there = outside("consented")
    template = announced(there)
    upload = begun(there, template)
    sent(there.operator, upload, 0, clip()[:1000])
    with there.world.files("uploads")[0].open("ab") as part:
        part.write(b"half of what came next")

    # When another goes on
    house = Receiving.of(there.world.record, there.world.studio.admission)
    assert house.append(there.operator.key or "", upload, 1000, [clip()[1000:]]) == len(clip())

    # Then the bytes are the announced ones
    assert there.operator.post(f"/v1/uploads/{upload}/completion").status_code == 200
    is_in(there, template)


@ON_ONE
def test_a_part_that_lost_bytes_is_not_gone_on_with(outside: Opened) -> None:
    there = outside("consented")
    upload = begun(there, announced(there))
    sent(there.operator, upload, 0, clip()[:1000])
    [part] = there.world.files("uploads")
    part.write_bytes(clip()[:500])

    answer = sent(there.operator, upload, 1000, clip()[1000:])

    assert (answer.status_code, answer.json()["code"]) == (409, "STORED_BYTES_CHANGED")


@ON_ONE
def test_no_more_than_a_few_blocks_of_a_body_are_in_memory(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a disk that takes one block, and then nothing more
    there = outside("consented")
    template = announced(there)
    read, go_on = 0, []

    def slowly(self: ContentFolder, chunks: Iterator[bytes], *, max_bytes: int):
        for _ in chunks:
            until(lambda: go_on)
            raise StorageFull("no room")

    monkeypatch.setattr(ContentFolder, "put", slowly)

    def counted() -> Iterator[bytes]:
        nonlocal read
        for _ in range(200):
            read += 1 << 20
            yield bytes(1 << 20)

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(put, there, template, counted())
        until(lambda: read >= 2 << 20)
        time.sleep(1)
        taken = read
        go_on.append(True)
        # Sockets of both sides hold a few MiB.
        assert taken < 30 << 20
        assert answer.result(LONG).status_code == 507
