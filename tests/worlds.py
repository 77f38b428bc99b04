"""Whole services for tests: founded, staffed with people who consented, and carried to a stage of the way.

A stage is built once a test run and engine of database, then copied for each test, so a test pays for
what it looks at. Eyes and sandbox are the real ones, loaded once. The engine is the real mesh engine
where pixels matter, and else one that only tints the permitted faces.
"""

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sqlalchemy import inspect, text
from sqlmodel import col, select

import clips
import onfile
from audit.canonical import digest
from audit.leaf import Leaf
from audit.tables import EntryRow
from consent import signature
from consent.authorization import Request, draw_up
from consent.capacity import Capacity
from consent.case import Matching, SourceKind, Use
from consent.notice import Notice, load_notices
from consent.permit import Decision, Permit
from consent.registry import Granted
from consent.rights import Rights
from consent.scope import Scope
from consent.words import AgeBand, Audience, Monetisation, Purpose, Role
from engines import Tint
from portraits import PEOPLE, packaged
from service.database import utc_now
from service.demo import cast as demo
from service.demo.clips import SHOT_FRAMES, frames
from service.layout import policies
from service.settings import Settings
from service.studio import Studio
from service.wiring import Record
from service.worker import working
from swap import outputs
from swap.casting import CastMember
from swap.orders import Progress
from swap.quarantine import in_chunks
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

    @property
    def rights(self) -> Rights:
        return Rights(self.record.ledger, self.record.entropy)

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
            if age is AgeBand.ADULT:
                onfile.licensed_portrait(session, self.rights, person.id, self.record.clock())
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
            portrait_licence=onfile.PORTRAIT,
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
        self.licensed(received)
        must(self.announce(received=received)[0])
        self.admit(path=path)

    def on_file(self) -> None:
        """A contract for the engine and an assessment."""
        record = self.record
        with record.database.write() as session:
            onfile.file_papers(session, record.papers, record.clock())

    def licensed(self, received: str) -> None:
        """Whoever owns another clip licenses it."""
        with self.record.database.write() as session:
            onfile.licensed_work(session, self.rights, received, self.record.clock())

    def cast(self, *names: str) -> list[CastMember]:
        return [
            CastMember(self.people[n].person, ROLES[n], self.people[n].authorization)
            for n in names or ("astronaut", "cameraman")
        ]

    # Steps of the way

    def announce(self, cast: list[CastMember] | None = None, **changes: Any) -> tuple[Decision, str | None]:
        received = changes.pop("received", small_clip().digest)
        matching = changes.pop("matching", Matching.CLOSED_SET)
        announced = self.studio.admission.announce(
            OPERATOR,
            a_source(**changes),
            received,
            self.cast() if cast is None else cast,
            matching=matching,
        )
        if announced.template:
            self.known["template"] = announced.template
        return announced.decision, announced.template

    def admit(self, template: str | None = None, path: Path | None = None) -> None:
        self.studio.admission.admit(template or self.known["template"], in_chunks(path or small_clip().path))

    def scan(self) -> Any:
        return self.studio.admission.scan(OPERATOR, self.known["template"])

    def who_is_who(self) -> dict[str, str | None]:
        """Whom the uploader sees on which track: the astronaut alone and on the left, then the cameraman."""
        scan = self.scan().scan
        assert scan is not None
        pair = [track for track in scan.tracks if track.shot == scan.tracks[-1].shot]
        right = max(pair, key=lambda track: next(track.sightings()).box[0]).id
        left, other = (self.people[name].person for name in ("astronaut", "cameraman"))
        return {track.id: other if track.id == right else left for track in scan.tracks}

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

    def released(self) -> outputs.Output:
        """What came of the job that was asked for, once a worker of ours has worked it off."""
        with working(self.record, self.studio) as worker:
            job = worker.wait_for(self.known["job"], lambda _done, _total: None)
        assert job.progress is Progress.RELEASED, job.outcome
        with self.record.database.read() as session:
            output = outputs.of_job(session, self.tenant, job.id)
        assert output is not None
        return output

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

    def column(self, table: str, name: str) -> list[Any]:
        with self.record.database.read() as session:
            return list(session.connection().execute(text(f'SELECT "{name}" FROM "{table}"')).scalars())  # noqa: S608

    def columns(self, table: str) -> list[str]:
        return [str(one["name"]) for one in inspect(self.record.database.engine).get_columns(table)]

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
            copyright_licence=onfile.COPYRIGHT,
        ),
        **changes,
    )


@cache
def notice(settings: Settings) -> Notice:
    found = load_notices(policies(settings) / "notices")
    return next(each for each in found if each.language == "zh-CN")


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
