"""Where worlds stand: their folders, databases and wiring. Stages are built once and copied for each test."""

import atexit
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest

import onfile
from consent.modelcard import Deployment
from consent.models import locate
from consent.notice import load_notices
from consent.rights import Rights
from databases import drop, named
from portraits import working_eyes
from service import engines, founding
from service import studio as wiring
from service.database import utc_now
from service.layout import policies
from service.settings import Settings, load
from service.studio import open_studio
from service.wiring import open_record
from swap.mesh import MeshEngine
from swap.sandbox import Sandbox
from worlds import STAGES, Cheap, Player, World, must, scratch, small_clip


@cache
def a_sandbox() -> Sandbox:
    sandbox = Sandbox(wiring.Limits())
    atexit.register(sandbox.close)
    return sandbox


@cache
def mesh() -> MeshEngine:
    return MeshEngine(locate("face-landmark", folder=None, deployment=Deployment.DEMO))


class _Lent(Sandbox):
    """The run's one sandbox; nobody closes what was lent to him."""

    def __init__(self, *_: object, **__: object) -> None:
        shared = a_sandbox()
        self.__dict__ = shared.__dict__

    def close(self) -> None:
        pass


@contextmanager
def wired(engine: object = None) -> Iterator[None]:
    """Open studios with the run's one pair of eyes, its sandbox and this engine."""
    with (
        patch.object(wiring, "eyes", lambda *_a, **_k: working_eyes()),
        patch.object(wiring, "Sandbox", _Lent),
        patch.object(engines, "MeshEngine", lambda _path: engine or Cheap()),
    ):
        yield


def open_world(settings: Settings, engine: object = None, **opened: Any) -> World:
    record = open_record(settings, **opened)
    try:
        with wired(engine):
            return World(settings, record, open_studio(record))
    except BaseException:
        record.close()
        raise


class Ground:
    """Where worlds stand: folders, and databases of one kind. Stages are kept and copied."""

    def __init__(self, server: str | None) -> None:
        self.server = server
        self._stages: dict[str, tuple[Settings, dict[str, Player], dict[str, str]]] = {}
        self._asked_at = 0.0

    def settings(self, folder: Path, template: str | None = None, **more: Any) -> Settings:
        """Settings for a data folder, with a fresh database if it is PostgreSQL's."""
        if self.server is None:
            return load(folder, **more)
        name = f"w{uuid.uuid4().hex}"
        copy = f' TEMPLATE "{template}"' if template else ""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"{copy}')
        return load(folder, database=named(self.server, name), guard=folder / "guard", **more)

    def found(self, folder: Path, **more: Any) -> Settings:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "consentry.toml").exists():
            founding.write_settings(
                folder,
                {
                    "mode": "demo",
                    "deployment": "demo",
                    "origin": "log.consentry.example/test",
                    "rp_id": "localhost",
                    "signing_origin": "http://localhost:8000",
                },
            )
        settings = self.settings(folder, **more)
        founding.found(settings, now=utc_now(), entropy=os.urandom)
        with _publishing(settings):
            pass
        return settings

    def world(self, folder: Path, stage: str, engine: object = None, **opened: Any) -> World:
        """A world of its own at `stage`, in `folder`."""
        if stage not in self._stages or self._stale(stage):
            self._build(stage)
        at, people, known = self._stages[stage]
        shutil.copytree(at.data, folder, dirs_exist_ok=True)
        settings = self.settings(folder, _name(at))
        world = open_world(settings, engine, **opened)
        world.people, world.known = dict(people), dict(known)
        return world

    def _stale(self, stage: str) -> bool:
        # A permit is there to be redeemed within half an hour; a long run of the suite takes longer.
        return stage == "asked" and time.monotonic() - self._asked_at > 600

    def _build(self, stage: str) -> None:
        place = STAGES.index(stage)
        folder = scratch() / f"{stage}-{uuid.uuid4().hex}"
        if stage == "asked":
            self._asked_at = time.monotonic()
        if place == 0:
            self._stages[stage] = (self.found(folder), {}, {})
            return
        world = self.world(folder, STAGES[place - 1])
        try:
            match stage:
                case "consented":
                    world._everybody_agrees()
                case "admitted":
                    must(world.announce()[0])
                    world.admit()
                case "scanned":
                    must(world.scan().decision)
                case "published":
                    must(world.publish())
                case "received":
                    must(world.receive().decision)
                case _:
                    must(world.ask().decision)
        finally:
            world.close()
        self._stages[stage] = (world.settings, world.people, world.known)


def _name(settings: Settings) -> str | None:
    return settings.database.partition("?")[0].rsplit("/", 1)[1] if settings.database else None


@contextmanager
def _publishing(settings: Settings) -> Iterator[None]:
    record = open_record(settings)
    try:
        with record.database.write() as session:
            for each in load_notices(policies(settings) / "notices"):
                record.registry.noticeboard.publish(session, each, now=record.clock())
            now, rights = record.clock(), Rights(record.ledger, record.entropy)
            region = record.gate.bench.place.region
            onfile.file_papers(session, record.papers, now, region=region)
            onfile.licensed_work(session, rights, small_clip().digest, now)
        record.log.publish(now=record.clock())
        yield
    finally:
        record.close()


@cache
def _ground(server: str | None) -> Ground:
    return Ground(server)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def ground(request: pytest.FixtureRequest) -> Ground:
    return _ground(None if request.param == "sqlite" else request.getfixturevalue("postgres_server"))


@pytest.fixture
def at_stage(ground: Ground, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds at a stage; they are closed at the end."""
    made: list[World] = []

    def make(stage: str, engine: object = None, **opened: Any) -> World:
        made.append(ground.world(tmp_path / f"world-{len(made)}", stage, engine, **opened))
        return made[-1]

    yield make
    for world in made:
        world.close()
        drop(world.settings.database)
