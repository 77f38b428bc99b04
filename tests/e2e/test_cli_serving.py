"""What serves ends in order when it is told to, by a terminal or by a supervisor, and says so."""

import json
import signal
import socket
import time
from pathlib import Path

import pytest

from shell import Shell


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--listen", "127.0.0.1:{port}"),
        ("engine", "serve", "--port", "{port}"),
    ],
    ids=["serve", "engine serve"],
)
def test_a_server_that_is_told_to_stop_stops_in_order(
    words: tuple[str, ...], sent: signal.Signals, tmp_path: Path
) -> None:
    # Given a server that somebody reaches
    shell = Shell(tmp_path)
    shell("init", "--mode", "demo", "--origin", "log.example/serving")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    said = [word.format(port=port) for word in words]

    # When it is told to stop
    with shell.spawn(*said, "--data", shell.data, "--json") as server:
        while not _answers(port):
            assert server.poll() is None, server.stderr and server.stderr.read()
            time.sleep(0.1)
        server.send_signal(sent)
        stdout, stderr = server.communicate(timeout=60)

    # Then it has given its answer, as any command does
    assert server.returncode == 0, stderr
    assert json.loads(stdout)["stopped"] is True
    assert "Traceback" not in stderr


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
