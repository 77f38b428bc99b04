"""Whole services for tests: founded, staffed with people who consented, and carried to a stage of the way.

A stage is built once a test run and engine of database, then copied for each test, so a test pays for
what it looks at. Eyes and sandbox are the real ones, loaded once. The engine is the real mesh engine
where pixels matter, and else one that only tints the permitted faces.
"""

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import psycopg
import pytest
from sqlalchemy import text
from sqlmodel import col, select

import clips
from audit.canonical import digest
from audit.leaf import Leaf
from audit.tables import EntryRow
from consent import signature
from consent.authorization import Request, draw_up
from consent.capacity import Capacity
from consent.case import SourceKind, Use
from consent.modelcard import Deployment
from consent.models import locate
from consent.notice import Notice, load_notices
from consent.permit import Decision, Permit
from consent.registry import Granted
from consent.scope import Scope
from consent.words import AgeBand, Audience, Monetisation, Purpose, Role
from engines import Tint
from portraits import PEOPLE, packaged, working_eyes
from service import founding
from service import studio as wiring
from service.database import utc_now
from service.demo import cast as demo
from service.demo.clips import SHOT_FRAMES, frames
from service.layout import policies
from service.settings import Settings, load
from service.studio import Studio, open_studio
from service.wiring import Record, open_record
from swap.library import CastMember
from swap.mesh import MeshEngine
from swap.quarantine import in_chunks
from swap.sandbox import Sandbox
from swap.source import Source

OPERATOR = "operator-1"
SIZE = (480, 270)
USE = Use(
    purpose=Purpose.USER_SWAP,
    platform=demo.PLATFORM,
    recipient=demo.PLATFORM,
    territories=("CN",),
    audience=Audience.GENERAL,
    monetisation=Monetisation.NONE,
    modifications=(),
    intimate=False,
    voice_kept=False,
    engine="mesh",
)
ROLES = {"astronaut": Role.PERFORMER, "cameraman": Role.BACKGROUND, "hopper": Role.DONOR}
STAGES = ("founded", "consented", "admitted", "scanned", "published", "received", "asked")


class Cheap(Tint):
    """Passes for the mesh engine in permits and consents; only tests can wire it."""

    name, version = "mesh", "0-test"
    digests: Mapping[str, str] = {"none": "0" * 64}


@dataclass(frozen=True, slots=True)
class Player:
    """Somebody with a key of her own, and what she granted last."""

    name: str
    person: str
    key: bytes
    granted: Granted | None = None

    @property
    def authorization(self) -> str:
        assert self.granted is not None
        return self.granted.authorization


@dataclass
class World:
    """One tenant's service at work, and the story's people and things by name."""

    settings: Settings
    record: Record
    studio: Studio
    people: dict[str, Player] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    """`template`, `donor`, `job`: ids of the story so far."""

    @property
    def tenant(self) -> str:
        return self.settings.tenant

    @property
    def folder(self) -> Path:
        return self.record.layout.root

    def close(self) -> None:
        self.studio.close()
        self.record.close()

    # People

    def enrol(self, name: str, age: AgeBand = AgeBand.ADULT) -> Player:
        key, public = signature.keygen(self.record.entropy)
        with self.record.database.write() as session:
            people = self.record.registry.people
            proof = demo.Proof(demo.ProofLevel.SELF_ASSERTED, "test", "test")
            person = people.enrol(session, proof, age, now=self.record.clock())
            people.enrol_key(session, person.id, public, by="test", now=self.record.clock())
        self.people[name] = Player(name, person.id, key)
        return self.people[name]

    def agrees(self, name: str, role: Role, *, photo: str | None = "", **scope: object) -> Player:
        """She signs for the small clip, with `scope` changed as given, and hands in her photo unless None."""
        player = self.people.get(name) or self.enrol(name)
        now = self.record.clock()
        wanted: Scope = replace(demo.scope(role, small_clip().digest, now), **scope)  # type: ignore[arg-type]
        request = Request(
            tenant=self.tenant,
            person=player.person,
            scope=wanted,
            capacity=Capacity(AgeBand.ADULT),
            portrait_licence=digest(b"portrait licence"),
        )
        document = draw_up(request, notice(self.settings), now=now, entropy=self.record.entropy)
        evidence = signature.sign(player.key, signature.to_sign(document.encoded))
        with self.record.database.write() as session:
            granted = self.record.registry.grant(session, document.encoded, evidence.encoded, now=now)
            if photo is not None:
                pixels = self.studio.photos.read(packaged(*PEOPLE[photo or name]).read_bytes())
                self.studio.enrolment.add_portraits(session, granted.authorization, [pixels], now=now)
        self.people[name] = replace(player, granted=granted)
        return self.people[name]

    def withdraws(self, name: str) -> None:
        player = self.people[name]
        assert player.granted is not None
        with self.record.database.write() as session:
            self.record.registry.withdraw_by_code(
                session,
                self.record.effect,
                player.authorization,
                player.granted.recovery_code,
                now=self.record.clock(),
            )

    def brings(self, path: Path) -> None:
        """Another clip of the same people, who agree to it, announced and admitted."""
        received = digest(path.read_bytes())
        for name, role in ROLES.items():
            self.agrees(name, role, sources=frozenset({received}))
        must(self.announce(received=received)[0])
        self.admit(path=path)

    def cast(self, *names: str) -> list[CastMember]:
        return [
            CastMember(self.people[n].person, ROLES[n], self.people[n].authorization)
            for n in names or ("astronaut", "cameraman")
        ]

    # Steps of the way

    def announce(self, cast: list[CastMember] | None = None, **changes: Any) -> tuple[Decision, str | None]:
        received = changes.pop("received", small_clip().digest)
        announced = self.studio.admission.announce(
            OPERATOR, a_source(**changes), received, self.cast() if cast is None else cast
        )
        if announced.template:
            self.known["template"] = announced.template
        return announced.decision, announced.template

    def admit(self, template: str | None = None, path: Path | None = None) -> None:
        self.studio.admission.admit(template or self.known["template"], in_chunks(path or small_clip().path))

    def scan(self) -> Any:
        return self.studio.admission.scan(OPERATOR, self.known["template"])

    def publish(self, use: Use = USE) -> Decision:
        return self.studio.admission.publish(OPERATOR, self.known["template"], use)

    def receive(self, photo: str = "hopper", name: str = "hopper") -> Any:
        donor = self.people[name]
        path = packaged(*PEOPLE[photo])
        received = self.studio.donors.receive(
            OPERATOR,
            self.known["template"],
            donor.person,
            donor.authorization,
            in_chunks(path),
            is_self=False,
        )
        if received.donor:
            self.known["donor"] = received.donor
        return received

    def ask(self, use: Use = USE) -> Any:
        asked = self.studio.pipeline.ask(self.known["template"], self.known["donor"], OPERATOR, use)
        if asked.job:
            self.known["job"] = asked.job
        return asked

    def reach(self, stage: str) -> None:
        """Walk the way from the beginning up to and including `stage`."""
        steps = {
            "founded": lambda: None,
            "consented": self._everybody_agrees,
            "admitted": lambda: (self.announce(), self.admit()),
            "scanned": self.scan,
            "published": lambda: must(self.publish()),
            "received": self.receive,
            "asked": lambda: must(self.ask().decision),
        }
        for name in STAGES[: STAGES.index(stage) + 1]:
            steps[name]()

    def _everybody_agrees(self) -> None:
        for name, role in ROLES.items():
            self.agrees(name, role)

    # Looking

    def rows(self, table: str, where: str = "true") -> int:
        with self.record.database.read() as session:
            count = text(f'SELECT count(*) FROM "{table}" WHERE {where}')  # noqa: S608
            return int(session.connection().execute(count).scalar_one())

    def edit(self, statement: str, **values: object) -> int:
        """Somebody with the database in his hands. How many rows changed."""
        with self.record.database.write() as session:
            return session.connection().execute(text(statement), values).rowcount

    def kinds(self) -> list[str]:
        """What kinds of entries the log has, in order of writing."""
        with self.record.database.read() as session:
            rows = session.exec(select(EntryRow.leaf).order_by(col(EntryRow.seq)))
            return [Leaf.parse(row).t for row in rows]

    def files(self, *parts: str) -> list[Path]:
        """Files under folders of the data folder."""
        return sorted(f for part in parts for f in (self.folder / part).rglob("*") if f.is_file())


def must(decision: Decision) -> None:
    assert isinstance(decision, Permit), decision.reasons


def a_source(**changes: Any) -> Source:
    return replace(
        Source(
            supplier="a studio",
            kind=SourceKind.COMMISSIONED,
            acquired_how="contract 7",
            acquired_at=utc_now(),
            copyright_licence=digest(b"licence"),
        ),
        **changes,
    )


@cache
def notice(settings: Settings) -> Notice:
    found = load_notices(policies(settings) / "notices")
    return next(each for each in found if each.language == "en")


@dataclass(frozen=True, slots=True)
class Clip:
    path: Path
    digest: str
    frames: int


@cache
def scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="consentry-worlds-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def small_clip() -> Clip:
    """The demo's clip, small and short: the astronaut alone, then beside the cameraman. With a tone."""
    alone, pair, _ = SHOT_FRAMES
    wanted = [*range(0, alone, 5), *range(alone, alone + pair, 5)]
    pictures = [
        np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
        for index, picture in enumerate(frames())
        if index in wanted
    ]
    path = clips.write(scratch() / "small.mp4", pictures, rate=24, sound="aac", options={"crf": "16"})
    return Clip(path, digest(path.read_bytes()), len(pictures))


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
        patch.object(wiring, "MeshEngine", lambda _path: engine or Cheap()),
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

    def settings(self, folder: Path, template: str | None = None, **more: Any) -> Settings:
        """Settings for a data folder, with a fresh database if it is PostgreSQL's."""
        if self.server is None:
            return load(folder, **more)
        name = f"w{uuid.uuid4().hex}"
        copy = f' TEMPLATE "{template}"' if template else ""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"{copy}')
        base, _, query = self.server.partition("?")
        url = base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
        return load(folder, database=url, guard=folder / "guard", **more)

    def found(self, folder: Path, **more: Any) -> Settings:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "consentry.toml").exists():
            founding.write_settings(
                folder, {"mode": "demo", "deployment": "demo", "origin": "log.consentry.example/test"}
            )
        settings = self.settings(folder, **more)
        founding.found(settings, now=utc_now(), entropy=os.urandom)
        with _publishing(settings):
            pass
        return settings

    def world(self, folder: Path, stage: str, engine: object = None, **opened: Any) -> World:
        """A world of its own at `stage`, in `folder`."""
        if stage not in self._stages:
            self._build(stage)
        at, people, known = self._stages[stage]
        shutil.copytree(at.data, folder, dirs_exist_ok=True)
        settings = self.settings(folder, _name(at))
        world = open_world(settings, engine, **opened)
        world.people, world.known = dict(people), dict(known)
        return world

    def _build(self, stage: str) -> None:
        place = STAGES.index(stage)
        folder = scratch() / f"{'pg' if self.server else 'lite'}-{stage}"
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
