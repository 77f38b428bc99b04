"""`consentry witness` and `consentry log cosign`, as an operator types them."""

import json
import socket
import time
from pathlib import Path

import httpx
import pytest

from audit.marks import Marks
from audit.quorum import Trust
from service.settings import FILE
from shell import Shell
from witnesses import policy


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell("init", "--mode", "demo", "--origin", "log.example/studio")
    return shell


ASK = ("log", "cosign", "--json", "--data")


def vkey(shell: Shell) -> Path:
    return shell.data / "keys" / "log.vkey"


def test_a_log_is_witnessed_from_the_shell(shell: Shell, tmp_path: Path) -> None:
    # Given a witness of this log, served by a process of its own
    folder = tmp_path / "witness"
    made = shell("witness", "init", folder, "--name", "w.example/1", "--log", vkey(shell))
    assert made["logs"] == ["log.example/studio"]
    assert shell("witness", "vkey", folder)["vkey"] == made["vkey"]
    assert shell.said("witness", "vkey", folder).strip() == made["vkey"]
    port = a_port()
    with shell.spawn("witness", "serve", folder, "--port", port, "--prefix", "/w/") as process:
        try:
            url = f"http://127.0.0.1:{port}/w"
            until_it_answers(url)
            trust = policy(vkey(shell).read_text().strip(), {"w1": (made["vkey"], url)})
            (tmp_path / "trust").write_text(trust)
            with (shell.data / FILE).open("a") as file:
                file.write(f'witnesses = "{tmp_path / "trust"}"\n')

            # When it is asked, by two processes at once and once more
            with shell.spawn(*ASK, shell.data) as one, shell.spawn(*ASK, shell.data) as other:
                both = [json.loads(each.communicate(timeout=120)[0]) for each in (one, other)]
            first, again = shell("log", "cosign"), shell("log", "cosign")
            said = shell.said("log", "cosign")
        finally:
            process.terminate()
            process.wait(30)
    assert process.returncode == 0

    # Then it has seen the log, and its line is in the published checkpoint
    size = shell("log", "checkpoint")["size"]
    assert first["witnessed"] == again["witnessed"] == size > 0
    for each in both:
        (one,) = each["witnesses"]
        assert (one["witness"], one["size"], one["error"]) == ("w1", size, None)
    assert abs(max(each["witnesses"][0]["at"] or 0 for each in both) - time.time()) < 60
    assert again["witnesses"][0]["at"] is None
    assert "w1" in said
    Trust.parse(trust).check((shell.data / "log" / "checkpoint").read_text())


def a_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port: int = line.getsockname()[1]
        return port


def until_it_answers(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            assert httpx.get(f"{url}/0/checkpoint", trust_env=False).status_code == 404
            return
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_witness_that_does_not_answer_is_named(shell: Shell, tmp_path: Path) -> None:
    made = shell("witness", "init", tmp_path / "w", "--name", "w.example/1")
    trust = policy(vkey(shell).read_text().strip(), {"w1": (made["vkey"], f"http://127.0.0.1:{a_port()}")})
    (tmp_path / "trust").write_text(trust)
    shell.more["CONSENTRY_WITNESSES"] = str(tmp_path / "trust")
    said = shell("log", "cosign", leaves=5)

    assert said["witnessed"] == 0
    assert said["witnesses"][0]["error"]["code"] == "WITNESS_UNREADY"
    Marks(shell.data / "guard" / "ahead").put("w1", "w.example/1 has seen 900 entries, we have 9")
    assert "WITNESS_HAS_SEEN_MORE" in str(shell("doctor", leaves=5))


def test_without_witnesses_there_is_nobody_to_ask(shell: Shell) -> None:
    assert shell("log", "cosign", leaves=5)["error"]["code"] == "SETTINGS_INVALID"


def test_strict_mode_without_a_policy_is_refused(shell: Shell) -> None:
    shell.more["CONSENTRY_WITNESSES_STRICT"] = "true"
    assert shell("log", "publish", leaves=5)["error"]["code"] == "SETTINGS_INVALID"


def test_a_witness_without_its_memory_is_not_served(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    assert shell("witness", "serve", folder, leaves=5)["error"]["code"] == "WITNESS_FOLDER_MISSING"
    shell("witness", "init", folder, "--name", "w.example/1")
    shell("witness", "add", folder, vkey(shell))
    shell("witness", "add", folder, vkey(shell))
    for file in (folder / "seen").iterdir():
        file.unlink()
    assert shell("witness", "serve", folder, leaves=4)["error"]["code"] == "WITNESS_FORGOT"
    assert shell("witness", "init", folder, "--name", "w.example/2", leaves=3)["error"]["code"] == (
        "WITNESS_FOLDER_TAKEN"
    )
