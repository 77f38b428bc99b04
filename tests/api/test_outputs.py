"""Outputs over HTTP: bytes leave while every consent stands, range by range, and not one second longer."""

import os
import socket
import time
from hashlib import sha256

import httpx
import pytest

from api.conftest import Opened
from audit.receipt import Receipt
from callers import Caller, Outside
from service.api import server, transfer
from service.api.ranges import RangeUnsatisfiable, Span, asked
from service.apikeys import KeyRole
from swap import outputs
from swap.delivery import Delivery, Handed
from swap.store import SETTLED_NS
from swap.sweeper import Sweeper


def served(there: Outside, output: str) -> int:
    with there.world.record.database.read() as session:
        return outputs.get(session, there.world.tenant, output).served


def test_the_file_its_facts_and_its_receipt(outside: Opened) -> None:
    # Given a released output
    there = outside("asked")
    output = there.release()

    # When the platform fetches it
    facts = there.operator.get(f"/v1/outputs/{output}").json()
    head = there.operator.head(f"/v1/outputs/{output}/content")
    file = there.operator.get(f"/v1/outputs/{output}/content")
    receipt = there.auditor.get(f"/v1/outputs/{output}/receipt")

    # Then it is the file that was released, to be kept by nobody on the way
    assert file.status_code == head.status_code == 200, file.text
    assert sha256(file.content).hexdigest() == facts["digest"]
    assert len(file.content) == facts["size"] == int(head.headers["content-length"])
    assert facts["gone"] is None
    for answer in (head, file):
        assert answer.headers["etag"] == f'"{facts["digest"]}"'
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == f'attachment; filename="{output}.mp4"'
        assert answer.headers["accept-ranges"] == "bytes"
    assert receipt.headers["content-type"] == "application/json"
    assert receipt.content == there.world.record.delivery.receipt(output)
    assert Receipt.parse(receipt.content).data == receipt.content


def test_a_receipt_is_there_as_soon_as_its_output_is(outside: Opened) -> None:
    # Given a release whose worker has not come to publish it
    there = outside("asked")
    pipeline, job = there.world.studio.pipeline, there.world.known["job"]
    assert pipeline.redeem(job)
    made = pipeline.run(job)
    assert made is not None
    assert pipeline.release(job, made)
    output = there.operator.get(f"/v1/swaps/{job}").json()["outcome"]["output"]
    entry = there.operator.get(f"/v1/outputs/{output}").json()["entry"]
    assert there.operator.get(f"/v1/log/entries/{entry}/proof").status_code == 503

    # When it is fetched at once
    receipt = there.operator.get(f"/v1/outputs/{output}/receipt")

    # Then it proves what it says
    assert receipt.status_code == 200, receipt.text
    checked = Receipt.parse(receipt.content).check(there.world.record.log.verifier)
    assert checked.payload["output"] == made.digest


def test_who_agreed_sees_the_facts_and_never_the_bytes(outside: Opened) -> None:
    # Given an output, somebody in it, and somebody who is not
    there = outside("asked")
    output = there.release()
    there.world.enrol("stranger")

    # Then she who is in it is told of it, and the other that there is no such thing
    path = f"/v1/outputs/{output}"
    assert there.creator("astronaut").get(path).json()["output"] == output
    assert there.creator("hopper").get(f"{path}/receipt").status_code == 200
    assert there.creator("hopper").get(f"{path}/content").json()["code"] == "ROLE_NOT_ALLOWED"
    for address in (path, f"{path}/receipt"):
        told = there.creator("stranger").get(address)
        unknown = there.creator("stranger").get(address.replace(output, "0" * 32))
        assert told.status_code == unknown.status_code == 404
        assert {**told.json(), "request": ""} == {**unknown.json(), "request": ""}


def test_a_copy_is_counted_once_however_many_ranges_it_takes(outside: Opened) -> None:
    # Given an output
    there = outside("asked")
    output = there.release()
    path = f"/v1/outputs/{output}/content"
    size = there.operator.get(f"/v1/outputs/{output}").json()["size"]

    def part(caller: Caller, asked: str) -> bytes:
        answer = caller.get(path, headers={"Range": asked})
        assert answer.status_code == 206, answer.text
        assert answer.headers["content-range"].endswith(f"/{size}")
        return answer.content

    # When it is fetched in three ranges, looked at, and begun by another in the middle
    whole = part(there.operator, "bytes=0-99") + part(there.operator, "bytes=100-999")
    whole += part(there.operator, "bytes=1000-")
    there.operator.head(path)
    assert served(there, output) == 1
    other = there.caller(KeyRole.OPERATOR, "operator-2")
    assert part(other, "bytes=-10") == whole[-10:]

    # Then two copies are listed, and the first was whole
    assert served(there, output) == 2
    assert sha256(whole).hexdigest() == there.operator.get(f"/v1/outputs/{output}").json()["digest"]


def test_what_a_range_header_may_say(outside: Opened) -> None:
    there = outside("asked")
    output = there.release()
    path = f"/v1/outputs/{output}/content"
    facts = there.operator.get(f"/v1/outputs/{output}").json()

    def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return there.operator.get(path, headers=named).status_code

    assert status(Range="bytes=0-0,5-9") == 200
    assert status(Range="lines=1-2") == 200
    assert status(Range="bytes=9-1") == 200
    assert status(Range="bytes=0-9", If_Range=f'"{facts["digest"]}"') == 206
    assert status(Range="bytes=0-9", If_Range='"another"') == 200
    assert status(Range="bytes=0-9", If_Range="Wed, 25 Nov 2026 12:00:00 GMT") == 200
    beyond = there.operator.get(path, headers={"Range": f"bytes={facts['size']}-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "RANGE_UNSATISFIABLE")
    assert beyond.headers["content-range"] == f"bytes */{facts['size']}"


def test_ranges_are_read_as_the_standard_says() -> None:
    def span(header: str) -> tuple[int, int] | None:
        found = asked(header, None, '"e"', 100)
        return None if found is None else (found.begin, found.end)

    assert span("bytes=0-49") == (0, 50)
    assert span("BYTES=50-") == (50, 100)
    assert span("bytes=-30") == (70, 100)
    assert span("bytes=-300") == (0, 100)
    assert span("bytes=90-500") == (90, 100)
    for other in ("bytes=-", "bytes=a-b", "bytes", "", "bytes=1-2-3", "bytes=5-4"):
        assert span(other) is None, other
    for beyond in ("bytes=100-", "bytes=-0", "bytes=500-600"):
        with pytest.raises(RangeUnsatisfiable):
            span(beyond)
    assert Span(10, 20, 100).content_range == "bytes 10-19/100"


def test_no_address_outlives_a_withdrawal(outside: Opened) -> None:
    # Given a copy that was begun
    there = outside("asked")
    output = there.release()
    path = f"/v1/outputs/{output}/content"
    assert there.operator.get(path, headers={"Range": "bytes=0-99"}).status_code == 206

    # When somebody in it withdraws
    there.world.withdraws("astronaut")

    # Then there is no further range, no whole, no length; the facts and the receipt stay
    for headers in ({"Range": "bytes=100-199"}, {}, {"Range": "bytes=999999999-"}):
        answer = there.operator.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (410, "OUTPUT_CONSENT_ENDED")
    assert there.operator.head(path).status_code == 410
    assert there.operator.get(f"/v1/outputs/{output}").json()["gone"] == "OUTPUT_CONSENT_ENDED"
    assert there.operator.get(f"/v1/outputs/{output}/receipt").status_code == 200
    record = there.world.record
    Sweeper(record.database, record.ledger, record.delivery.media, record.clock).sweep()
    answer = there.operator.get(path)
    assert (answer.status_code, answer.json()["code"]) == (410, "OUTPUT_WITHDRAWN")
    assert served(there, output) == 1


def test_a_file_that_was_edited_in_place_is_not_served(outside: Opened) -> None:
    # Given a file that was served, and is remembered as checked
    there = outside("asked")
    output = there.release()
    path = f"/v1/outputs/{output}/content"
    media = there.world.record.delivery.media
    file = media.path(there.operator.get(f"/v1/outputs/{output}").json()["digest"])
    time.sleep(SETTLED_NS / 1e9 + 0.1)
    assert there.operator.get(path).status_code == 200
    assert media._checked, "it is known now"
    before = file.stat()

    # When somebody changes one byte and sets the time back
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(bytes([opened.read(1)[0] ^ 1]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    # Then nothing of it is served
    for headers in ({}, {"Range": "bytes=0-9"}):
        answer = there.operator.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "STORED_BYTES_CHANGED")
    file.unlink()
    answer = there.operator.get(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "MEDIA_MISSING")
    assert served(there, output) == 1


class Reader:
    """A client that reads as slowly as it likes."""

    def __init__(self, there: Outside, output: str) -> None:
        url = there.client.base_url
        self.line = socket.socket()
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.line.settimeout(60)
        self.line.connect((url.host, url.port))
        head = f"GET /v1/outputs/{output}/content HTTP/1.1\r\nHost: x\r\n"
        self.line.sendall(f"{head}Authorization: Bearer {there.operator.token}\r\n\r\n".encode())
        self.got = 0

    def read(self, most: int) -> int:
        """Up to so many bytes; how many came in all."""
        while self.got < most and (piece := self.line.recv(1 << 16)):
            self.got += len(piece)
        return self.got


def test_a_withdrawal_breaks_off_a_transfer_under_way(outside: Opened) -> None:
    # Given a client in the middle of a large file
    there = outside("asked")
    output = there.release(padding=64)
    whole = there.whole(output)
    reader = Reader(there, output)
    reader.read(2 << 20)

    # When somebody withdraws, and the client goes on
    there.world.withdraws("hopper")
    time.sleep(2 * transfer.ASK_SECONDS)
    came = reader.read(len(whole))

    # Then the connection ends before the file does: no more came than was on its way
    assert 2 << 20 <= came < 24 << 20
    reader.line.close()


def test_a_client_that_takes_nothing_is_let_go(outside: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    there = outside("asked")
    output = there.release(padding=64)
    whole = there.whole(output)
    monkeypatch.setattr(transfer, "STALL_SECONDS", 1.5)

    reader = Reader(there, output)
    time.sleep(5)

    assert 1 << 16 < reader.read(len(whole)) < len(whole)
    reader.line.close()


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_clients_that_never_take_the_end_of_an_answer_do_not_shut_others_out(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given nearly as many clients as a server takes, of whom none reads what it asked for
    monkeypatch.setattr(server, "MOST_AT_ONCE", 5)
    monkeypatch.setattr(server, "CLOSING_SECONDS", 1.0)
    monkeypatch.setattr(transfer, "STALL_SECONDS", 1.5)
    there = outside("asked")
    output = there.release(padding=24)
    readers = [Reader(there, output) for _ in range(4)]

    # When they were given up on
    time.sleep(6)

    # Then their connections are gone too, with what had been written to them.
    assert httpx.get(f"{there.client.base_url}/healthz").status_code == 200
    for reader in readers:
        reader.line.close()


def test_a_transfer_goes_on_while_everybody_still_agrees(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = outside("asked")
    output = there.release(padding=20)
    whole = there.whole(output)
    times = []
    still = Delivery.still

    def counting(delivery: Delivery, handed: Handed) -> bool:
        times.append(handed)
        return still(delivery, handed)

    monkeypatch.setattr(Delivery, "still", counting)

    answer = there.operator.get(f"/v1/outputs/{output}/content")

    assert answer.content == whole
    assert len(times) >= 2, "asked again at 8 and at 16 MiB"
