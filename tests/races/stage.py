"""A studio without pictures: real rows, locks, gate, permits and log, and the real ways through them.

Only what decodes, recognises and renders is missing. Templates, donors and jobs are made in bulk, many
in one transaction, by the same code that a request runs.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import local
from types import SimpleNamespace
from typing import Any, cast

from sqlmodel import Session

import onfile
from audit.canonical import Json, digest
from audit.fact import Fact, Part, Seal, Subject
from audit.head import HeadFile
from audit.ids import fresh
from audit.keys import Duty, SigningKey
from audit.log import Log
from audit.sessions import Sessions
from consent.case import Donor as Photo
from consent.case import Mode, SourceKind
from consent.dimensions import DonorRule
from consent.gate import Gate
from consent.hearing import Bench
from consent.papers import Papers
from consent.permit import Decision, Permit
from consent.permits import Permits
from consent.registry import Registry
from consent.rights import Rights
from consent.standing import Lock, Standing
from consent.tries import Tries
from consent.withdrawal import By, How, Together, WithdrawalEffect
from consent.words import Match, Purpose, Role
from consenting import NOON, SWAP, House, Somebody
from gating import HERE, LICENCE, MEDIA, MODEL, PHOTO, POLICY, RECEIVED, a_case, file_papers, in_use
from logbook import MemoryStorage
from service.database import Database
from swap import cases, casting, library, orders
from swap.admission import Admission
from swap.cases import Asking, Verdict
from swap.casting import CastMember
from swap.clip import Clip
from swap.coverage import Coverage
from swap.finishing import Made
from swap.orders import Donor
from swap.pipeline import Pipeline
from swap.preparing import Preparing
from swap.scan import Scan
from swap.source import Source
from swap.store import MediaStore
from swap.templates import LibraryLock
from swap.tracks import Sighting, Track, packed
from swap.welcome import Welcome
from swap.withdrawal import SwapEffect

NOW = NOON + timedelta(minutes=1)
HERS = By(How.OWN_SESSION, "her")
REQUESTER = "studio"
MANY = 1_000_000
USE = a_case().use
FINISHED = b"a finished file"

_SEEN = packed([Sighting(0, 0, (0, 0, 800, 800), ((1, 1),) * 5, 990)])
_CLIP = Clip(320, 240, 24, 24, 1, 1, 0, 1, 0, 1, 1, "h264", has_audio=False)
_SCAN = Scan(
    MEDIA,
    MODEL,
    _CLIP,
    Coverage.of(_CLIP, frames=1, unread=0, side=640),
    (),
    1,
    (Track("t001", 0, 800, True, (), False, _SEEN),),
)


class Joined:
    """Many units of work in one transaction, which somebody else commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @contextmanager
    def read(self) -> Iterator[Session]:
        yield self._session

    write = read


@dataclass
class Lingering:
    """The registry, as asked by somebody who then dawdles, with the consents read and nothing written.

    Here a withdrawal would slip through. Only threads that set `pause` dawdle.
    """

    registry: Registry
    thread: local = field(default_factory=local)

    def standings(
        self, session: Session, tenant: str, ids: Any, *, now: datetime, lock: Lock
    ) -> dict[str, Standing]:
        found = self.registry.standings(session, tenant, ids, now=now, lock=lock)
        time.sleep(getattr(self.thread, "pause", 0.0))
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.registry, name)


@dataclass(frozen=True, slots=True)
class Quiet:
    """The log, published between the races and only read in them."""

    log: Log
    strict: bool = False

    def publish(self, upto: str | None = None, *, now: datetime) -> None:
        pass

    def covered(self, session: Session, leaf_hash: str) -> str | None:
        return self.log.covered(session, leaf_hash)

    def vouched(self, session: Session, leaf_hash: str) -> str | None:
        return self.log.vouched(session, leaf_hash)


@dataclass(frozen=True, slots=True)
class Act:
    """One swap on its way: whose consents it rests on, and how far it came."""

    template: str
    performer: str
    """The authorization of the person in the picture, given for this act alone."""
    donated: str
    """The donor's, likewise."""
    donor: str
    job: str = ""
    made: Made | None = None


@dataclass
class Stage:
    database: Database
    elsewhere: Database
    """The same database as another process has it: nothing but the database's own locks joins the two."""
    folder: Path
    house: House
    registry: Lingering
    log: Log
    admission: Admission
    pipeline: Pipeline
    effect: WithdrawalEffect
    performer: Somebody
    donor: Somebody
    taken_in_by: str
    """The permit that every template's video came in by."""

    @classmethod
    def build(cls, database: Database, folder: Path) -> "Stage":
        house = House.build(folder)
        with database.write() as session:
            house.publish(session, NOON)
            performer, donor = house.enrol(session, NOON), house.enrol(session, NOON)
            in_use(session, house.tenant, NOON)
            file_papers(session, Papers(house.ledger, house.entropy), NOON, requester=REQUESTER)
            rights = Rights(house.ledger, house.entropy)
            onfile.licensed_portrait(session, rights, performer.id, NOON, LICENCE)
            onfile.licensed_work(session, rights, RECEIVED, NOON, LICENCE)
        ledger, entropy = house.ledger, house.entropy
        key, log_key = SigningKey.generate(Duty.PERMIT, entropy), SigningKey.generate(Duty.LOG, entropy)
        head = HeadFile(folder / "head")
        log = Log(house.tenant, "log.example/races", log_key, MemoryStorage(), head, database, "races")
        log.start()
        registry, trusted = Lingering(house.registry), {key.kid: key.verifying}
        bench = Bench(registry, LibraryLock(), ledger, HERE, POLICY.digest)
        gate = Gate(bench, POLICY, key, trusted, Mode.PRODUCTION, entropy)
        permits = Permits(bench, POLICY, trusted, entropy)
        with database.write() as session:
            filmed, cast_ = a_source(performer.id), [CastMember(performer.id, Role.PERFORMER, None)]
            asking = Asking(house.tenant, Mode.PRODUCTION, REQUESTER)
            stated = filmed.stated(received=RECEIVED, media=None)
            taken_in = gate.decide(
                session, cases.intake(asking, stated, cast_, filmed.portrait_licences), NOON
            )
        must(taken_in)
        quiet, absent = cast(Log, Quiet(log)), cast(Any, None)
        engine = SimpleNamespace(name="mesh", version="1", digests={"mesh": MODEL})
        finisher, media = cast(Any, SimpleNamespace(engine=engine)), MediaStore(folder / "media")
        preparing = Preparing(
            house.tenant, absent, absent, absent, absent, POLICY, "log.example/races", "1", entropy
        )
        admission = Admission(
            database,
            gate,
            ledger,
            quiet,
            absent,
            media,
            absent,
            absent,
            absent,
            640,
            entropy,
            lambda: NOW,
            Welcome(database, quiet, Tries(ledger, per_source=MANY, per_day=MANY)),
        )
        pipeline = Pipeline(
            database,
            gate,
            permits,
            ledger,
            quiet,
            finisher,
            preparing,
            media,
            absent,
            folder / "work",
            entropy,
            lambda: NOW,
        )
        (folder / "finished.mp4").write_bytes(FINISHED)
        effect = Together((SwapEffect(entropy), permits))
        return cls(
            database,
            Database(database.url),
            folder,
            house,
            registry,
            log,
            admission,
            pipeline,
            effect,
            performer,
            donor,
            taken_in.ruling.id,
        )

    @property
    def tenant(self) -> str:
        return self.house.tenant

    @property
    def asking(self) -> Asking:
        return Asking(self.tenant, Mode.PRODUCTION, REQUESTER)

    def through(self, sessions: Sessions) -> "Stage":
        """The same studio, working through other sessions."""
        return replace(
            self,
            admission=replace(self.admission, sessions=sessions),
            pipeline=replace(self.pipeline, sessions=sessions),
        )

    def withdraw(self, authorization: str) -> None:
        with self.elsewhere.write() as session:
            self.house.registry.withdraw(session, self.effect, authorization, by=HERS, now=NOW)

    # Acts, many at once

    def acts(self, count: int, upto: "Step | None") -> list[Act]:
        """Acts that came as far as `upto`, or to the scan; each rests on consents of its own."""
        with self._in_bulk() as (stage, session):
            acts = [stage.scanned(session) for _ in range(count)]
        for step in _STEPS[: 0 if upto is None else _STEPS.index(upto) + 1]:
            self.log.publish(now=NOW)
            with self._in_bulk() as (stage, _):
                acts = [step(stage, act) for act in acts]
        self.log.publish(now=NOW)
        return acts

    @contextmanager
    def _in_bulk(self) -> Iterator[tuple["Stage", Session]]:
        with self.database.write() as session:
            yield self.through(Joined(session)), session

    def scanned(self, session: Session) -> Act:
        performer = self.grant(session, self.performer)
        donated = self.grant(session, self.donor)
        template = self.template(session, performer)
        return Act(template, performer, donated, self.donate(session, template, donated))

    def grant(self, session: Session, somebody: Somebody) -> str:
        role: Mapping[str, Any] = {}
        if somebody is self.donor:
            role = {"role": Role.DONOR, "donor_rules": DonorRule.SELF_ONLY, "purposes": SWAP}
        return self.house.grant(
            session, somebody, NOON, max_uses={Purpose.USER_SWAP: None}, **role
        ).authorization

    def template(self, session: Session, *cast: str) -> str:
        """Scanned and recognised: the performer alone, resting on each of these authorizations."""
        template, who = fresh(self.house.entropy), self.performer.id
        library.announce(
            session,
            self.tenant,
            template,
            fresh(self.house.entropy),
            a_source(who),
            received=RECEIVED,
            permit=self.taken_in_by,
            now=NOON,
        )
        members = [CastMember(who, Role.PERFORMER, authorization) for authorization in cast]
        casting.declare(session, self.tenant, template, members)
        library.quarantined(
            session, self.tenant, template, received=RECEIVED, media=MEDIA, marked=False, now=NOON
        )
        library.scanned(session, self.tenant, template, digest=_SCAN.digest, body=_SCAN.to_bytes(), now=NOON)
        said = cases.verdicts_json([Verdict("t001", Match.MATCHED, who)])
        library.matched(session, self.tenant, template, members, said)
        return template

    def donate(self, session: Session, template: str, authorization: str) -> str:
        """A donor whose photo was compared with herself, on the gate's leave."""
        photo = Photo(PHOTO, faces=1, match=None, is_self=False)
        found = library.get(session, self.tenant, template)
        case = cases.of_donor(self.asking, found, self.donor.id, authorization, photo)
        decision = self.pipeline.gate.decide(session, case, NOW)
        must(decision)
        donor = Donor(
            fresh(self.house.entropy),
            self.donor.id,
            authorization,
            PHOTO,
            is_self=False,
            faces=1,
            match=Match.MATCHED,
            decided_by=decision.ruling.id,
        )
        orders.add_donor(session, self.tenant, donor, now=NOON, delete_after=NOON + timedelta(days=1))
        return donor.id


def a_source(who: str) -> Source:
    """Where every template's video is from: the performer was filmed for it."""
    return Source(
        "studio",
        SourceKind.COMMISSIONED,
        "filmed for this",
        NOON - timedelta(days=30),
        LICENCE,
        {who: LICENCE},
        work="dance-01",
    )


def published(stage: Stage, act: Act) -> Act:
    must(stage.admission.publish(REQUESTER, act.template, USE))
    return act


def asked(stage: Stage, act: Act) -> Act:
    answer = stage.pipeline.ask(act.template, act.donor, REQUESTER, USE)
    must(answer.decision)
    assert answer.job is not None
    return replace(act, job=answer.job)


def redeemed(stage: Stage, act: Act) -> Act:
    assert stage.pipeline.redeem(act.job)
    return act


def finished(stage: Stage, act: Act) -> Act:
    """As `Pipeline.run` leaves it, without the pictures."""
    sha, output = digest(FINISHED), fresh(stage.house.entropy)
    path = stage.folder / "finished.mp4"
    made = Made(output, path, sha, len(FINISHED), True, True, True, 1, 1, {}, attempt=1)
    with stage.pipeline.sessions.write() as session:
        job = orders.job(session, stage.tenant, act.job)
        payload: Mapping[str, Json] = {"job": job.id, "attempt": job.attempt, **made.account()}
        part = Part(Subject("tenant", stage.tenant), Seal.EVID, payload)
        entry = stage.house.ledger.append(session, Fact("RunFinished", (part,), (job.started or "",)), NOW)
    return replace(act, made=replace(made, finished=entry.leaf_hash))


Step = Callable[[Stage, Act], Act]
_STEPS: list[Step] = [published, asked, redeemed, finished]


def must(decision: Decision) -> None:
    assert isinstance(decision, Permit), decision.reasons
