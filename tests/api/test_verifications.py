"""Verifying over HTTP: the same steps as in the shell, of a file that is held or one that is brought."""

import socket
from base64 import b64encode
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import pytest

from api.conftest import Opened
from audit import certificate
from audit.keys import Duty
from callers import Outside
from full_disk import on_a_full_disk
from service import dutykeys
from service.api import body
from service.api.routes import verifications
from swap.draft import Draft
from swap.limits import Limits
from waiting import LONG, until


@dataclass
class Copy:
    """What a client has of an output."""

    file: bytes
    receipt: str

    @property
    def path(self) -> str:
        return f"/v1/verifications/{sha256(self.file).hexdigest()}"


def fetched(there: Outside) -> Copy:
    output = there.release()
    file = there.operator.get(f"/v1/outputs/{output}/content").content
    receipt = there.operator.get(f"/v1/outputs/{output}/receipt").content
    return Copy(file, b64encode(receipt).decode())


def left_behind(there: Outside) -> list[str]:
    return [file.name for file in there.world.record.layout.work.rglob("*") if file.is_file()]


def test_a_released_file_is_verified_held_and_brought(outside: Opened) -> None:
    # Given a released file and its receipt
    there = outside("asked")
    copy = fetched(there)
    digest = sha256(copy.file).hexdigest()

    # When they are verified, by digest and by value
    held = there.engine.post("/v1/verifications", {"receipt": copy.receipt, "sha256": digest})
    brought = there.engine.put(copy.path, content=copy.file, headers={"X-Receipt": copy.receipt})

    # Then both say yes, step by step, and nothing of it is kept
    assert held.status_code == brought.status_code == 200, brought.text
    assert held.json() == brought.json()
    assert held.json()["verdict"] == "verified"
    assert [step["step"] for step in held.json()["steps"]] == ["receipt", "log", "file", "manifest"]
    assert any("withdrawal" in note["detail"] for note in held.json()["notes"])
    assert left_behind(there) == []

    # And once the manifest's key is known to have been in other hands there, it is refused
    record = there.world.record
    kid, _ = certificate.leaf(record.layout.chain)
    dutykeys.compromised(record, Duty.MANIFEST, kid, "0", by="operator-1")
    again = there.engine.post("/v1/verifications", {"receipt": copy.receipt, "sha256": digest}).json()
    assert (again["verdict"], again["steps"][-1]["step"]) == ("refused", "manifest")
    assert kid in again["steps"][-1]["detail"]


def test_another_file_than_the_receipts_is_refused(outside: Opened) -> None:
    there = outside("asked")
    copy = fetched(there)
    other = Copy(copy.file[:-1] + bytes([copy.file[-1] ^ 1]), copy.receipt)

    answer = there.creator("hopper").put(other.path, content=other.file, headers={"X-Receipt": other.receipt})

    assert (answer.status_code, answer.json()["verdict"]) == (200, "refused")
    assert answer.json()["steps"][-1]["step"] == "file"
    assert not answer.json()["steps"][-1]["ok"]
    assert answer.json()["notes"] == []


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_what_is_no_receipt_is_refused_at_the_first_step(outside: Opened) -> None:
    there = outside("founded")
    file = Copy(b"any file", b64encode(b"{}").decode())

    answer = there.auditor.put(file.path, content=file.file, headers={"X-Receipt": file.receipt})
    unknown = there.auditor.post("/v1/verifications", {"receipt": file.receipt, "sha256": "0" * 64})

    assert [step["step"] for step in answer.json()["steps"]] == ["receipt"]
    assert answer.json()["verdict"] == "refused"
    assert unknown.status_code == 404


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_bodies_that_changed_or_are_too_large_are_not_kept(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = outside("founded")
    file = Copy(b"any file", b64encode(b"{}").decode())
    receipt = {"X-Receipt": file.receipt}

    changed = there.auditor.put(file.path, content=b"another file", headers=receipt)
    monkeypatch.setattr(verifications, "Limits", lambda: Limits(max_bytes=4))
    large = there.auditor.put(file.path, content=file.file, headers=receipt)
    unstated = there.auditor.put(file.path, content=iter([b"any", b" file"]), headers=receipt)
    no_base64 = there.auditor.put(file.path, content=b"any", headers={"X-Receipt": "***"})
    none = there.auditor.put(file.path, content=b"any")

    assert (changed.status_code, changed.json()["code"]) == (422, "BODY_DIFFERS")
    assert (large.status_code, large.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert (unstated.status_code, unstated.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert no_base64.json()["code"] == none.json()["code"] == "REQUEST_INVALID"
    assert left_behind(there) == []


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_disk_that_fills_meanwhile_is_said_to_be_full(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = outside("founded")
    monkeypatch.setattr(verifications, "Draft", partial(Draft, make=on_a_full_disk))

    answer = there.auditor.put(
        f"/v1/verifications/{'0' * 64}", content=bytes(2000), headers={"X-Receipt": ""}
    )

    assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
    assert left_behind(there) == []


def begun(there: Outside, file: Copy) -> socket.socket:
    """A client that states a body, sends half of it, and thinks."""
    url = there.client.base_url
    line = socket.create_connection((url.host, url.port or 80), timeout=LONG)
    line.sendall(
        f"PUT {file.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {there.auditor.token}\r\n"
        f"X-Receipt: {file.receipt}\r\nContent-Length: {len(file.file)}\r\n\r\n".encode()
    )
    line.sendall(file.file[: len(file.file) // 2])
    return line


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_body_that_stops_coming_is_answered_and_dropped(
    outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = outside("founded")
    monkeypatch.setattr(body, "STALL_SECONDS", 0.5)

    with begun(there, Copy(b"any file", "e30=")) as line:
        answer = line.recv(1 << 16)
        while b"BODY_STALLED" not in answer and (more := line.recv(1 << 16)):
            answer += more

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"BODY_STALLED" in answer
    assert left_behind(there) == []


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_client_that_leaves_leaves_nothing_behind_and_frees_its_place(outside: Opened) -> None:
    there = outside("founded")
    file = Copy(b"any file", "e30=")
    lines = [begun(there, file) for _ in range(verifications.AT_ONCE)]
    until(lambda: len(left_behind(there)) == len(lines))

    busy = there.auditor.put(file.path, content=file.file, headers={"X-Receipt": file.receipt})
    for line in lines:
        line.close()
    until(lambda: not left_behind(there))
    free = there.auditor.put(file.path, content=file.file, headers={"X-Receipt": file.receipt})

    assert (busy.status_code, busy.json()["code"]) == (429, "VERIFYING_BUSY")
    assert busy.headers["retry-after"] == "5"
    assert free.status_code == 200
