"""Builders for the gate: a house with a performer and a donor, and a swap nothing objects to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session

import onfile
from audit.keys import Duty, SigningKey
from consent.case import Appearance, Case, Donor, Matching, Mode, Output, Source, SourceKind, Tracks, Use
from consent.dimensions import DonorRule
from consent.gate import Gate
from consent.ground import Place
from consent.hearing import Bench, Hearing
from consent.papers import Cabinet, Paper, PaperKind, Papers
from consent.permit import Permit
from consent.permits import Permits
from consent.policy import Policy, load
from consent.question import Circumstances, Stage
from consent.redemption import Run
from consent.rights import Rights
from consent.ruletables import AdoptedPolicyRow, KeptPolicyRow
from consent.standing import Standing
from consent.templatelock import TemplateState
from consent.weighing import ground_of
from consent.words import Action, Audience, Match, Modality, Monetisation, Purpose, Role
from consenting import NOON, SWAP, House, Somebody

RECEIVED, MEDIA, PHOTO, SCAN, TRACKS, MODEL, LICENCE = (letter * 64 for letter in "abcdef0")
TEMPLATE = "7" * 32
POLICY: Policy = load(Path(__file__).parent.parent / "policies")
GOOD = Output(label=True, aigc=True, manifest=True, logged=True)
CHECKPOINT = "9" * 64


HERE = Place("CN", "CN")


def papers_on_file(
    now: datetime, *, requester: str = "studio", engine: str = "mesh"
) -> dict[PaperKind, Paper]:
    """What an operator in China has on file."""
    since, until = now - timedelta(days=1), now + timedelta(days=3650)
    engines, requesters = frozenset({engine}), frozenset({requester})
    covers: dict[PaperKind, dict[str, Any]] = {
        PaperKind.IMPACT_ASSESSMENT: {
            "purposes": frozenset(Purpose),
            "engines": engines,
            "regions": frozenset({"CN"}),
        },
        PaperKind.SECURITY_ASSESSMENT: {"engines": engines},
        PaperKind.ALGORITHM_FILING: {"engines": engines},
        PaperKind.PROCESSOR_CONTRACT: {"engines": engines},
        PaperKind.IDENTITY_CHECK: {"requesters": requesters},
        PaperKind.DUTY_NOTICE: {"requesters": requesters},
    }
    return {kind: Paper(kind, "e" * 64, since, until, **fields) for kind, fields in covers.items()}


def file_papers(session: Session, papers: Papers, now: datetime, **who: str) -> dict[PaperKind, str]:
    """Put all of them on file. Their ids, by kind."""
    return {
        kind: papers.add(session, paper, by="operator-1", now=now).id
        for kind, paper in papers_on_file(now, **who).items()
    }


def in_use(session: Session, tenant: str, now: datetime) -> None:
    """As if a process had started under `POLICY`, without the entry in the log."""
    session.add(KeptPolicyRow(tenant_id=tenant, digest=POLICY.digest, files=b"{}"))
    session.flush()
    packs: dict[str, Any] = {"packs": "[]", "signers": "[]"}
    session.add(
        AdoptedPolicyRow(tenant_id=tenant, number=1, digest=POLICY.digest, at=now, entry="0" * 64, **packs)
    )
    session.flush()


def circumstances(
    at: datetime,
    stage: Stage,
    standings: Mapping[str, Standing],
    *,
    frozen: bool = False,
    output: Output | None = None,
    case: Case | None = None,
) -> Circumstances:
    """What stands beside a case, for an operator in China with everything on file."""
    template = TemplateState(frozen, MEDIA, taken_in=True)
    cabinet = Cabinet(tuple(papers_on_file(NOON).values()))
    heard = Hearing(at, template, standings, cabinet, HERE, {}, {}, ())
    return Circumstances(at, stage, standings, template, output, ground_of(POLICY, case or a_case(), heard))


@dataclass
class Templates:
    """A `TemplateLock` in memory. The registry's rows are what races are about."""

    states: dict[str, TemplateState] = field(
        default_factory=lambda: {TEMPLATE: TemplateState(False, MEDIA, taken_in=True)}
    )
    locked: list[str] = field(default_factory=list)

    def lock(self, session: Session, tenant: str, template: str) -> TemplateState | None:
        self.locked.append(template)
        return self.states.get(template)

    def look(self, session: Session, tenant: str, template: str) -> TemplateState | None:
        return self.states.get(template)

    def freeze(self, template: str = TEMPLATE) -> None:
        self.states[template] = replace(self.states[template], frozen=True)


def covered(session: Session, leaf_hash: str) -> str | None:
    """A log that is always up to date."""
    return CHECKPOINT if leaf_hash else None


def uncovered(session: Session, leaf_hash: str) -> str | None:
    """A log that has not sequenced yet."""
    return None


def a_case(**changes: Any) -> Case:
    """A swap of a commissioned dance; people are added by the room."""
    fields: dict[str, Any] = {
        "action": Action.SWAP,
        "tenant": "default",
        "mode": Mode.PRODUCTION,
        "requester": "studio",
        "people": (),
        "template": TEMPLATE,
        "work": "dance-01",
        "source": Source(
            received_digest=RECEIVED,
            media_digest=MEDIA,
            supplier="studio",
            acquired_how="filmed for this",
            acquired_at=NOON - timedelta(days=30),
            kind=SourceKind.COMMISSIONED,
            origin_known=True,
            copyright_licence=LICENCE,
        ),
        "matching": Matching.CLOSED_SET,
        "tracks": Tracks(2, 1, 0, 0, 0, 0, 0, covered=True, reviewed=False),
        "scan_digest": SCAN,
        "tracks_digest": TRACKS,
        "use": Use(
            purpose=Purpose.USER_SWAP,
            platform="app",
            recipient="users",
            territories=("CN",),
            audience=Audience.GENERAL,
            monetisation=Monetisation.PAID,
            modifications=(),
            intimate=False,
            voice_kept=False,
            engine="mesh",
        ),
        "donor": Donor(digest=PHOTO, faces=1, match=Match.MATCHED, is_self=False),
        "model_digests": (MODEL,),
    }
    return Case(**{**fields, **changes})


@dataclass
class Room:
    """One tenant with everything a gate needs, a performer and a donor who agreed."""

    house: House
    templates: Templates
    gate: Gate
    permits: Permits
    performer: Somebody
    donor: Somebody
    performed: str
    """The performer's authorization."""
    given: str
    """The donor's."""

    @property
    def tenant(self) -> str:
        return self.house.tenant

    @property
    def people(self) -> tuple[Appearance, ...]:
        return (
            Appearance(self.performer.id, Role.PERFORMER, self.performed, LICENCE),
            Appearance(self.donor.id, Role.DONOR, self.given),
        )

    def case(self, **changes: Any) -> Case:
        return a_case(**{"people": self.people, "tenant": self.tenant, **changes})

    def run(self, permit: Permit, job: str = "job-1", attempt: int = 1) -> Run:
        return Run(job, attempt, MEDIA, PHOTO, "mesh", (MODEL,))


def a_room(
    session: Session,
    folder: Path,
    *,
    tenant: str = "default",
    uses: int | None = 50,
    mode: Mode = Mode.PRODUCTION,
    now: datetime = NOON,
    licensed: bool = True,
    **both: Any,
) -> Room:
    """Built in `session`; the caller commits. `both`: what the two consents say otherwise."""
    house = House.build(folder, tenant, seed=sum(tenant.encode()))
    house.publish(session, now)
    performer, donor = house.enrol(session, now), house.enrol(session, now)
    counts = {Purpose.USER_SWAP: uses}
    performed = house.grant(
        session, performer, now, max_uses=counts, modalities=frozenset({Modality.FACE}), **both
    )
    given = house.grant(
        session,
        donor,
        now,
        role=Role.DONOR,
        donor_rules=DonorRule.SELF_ONLY,
        max_uses=counts,
        purposes=SWAP,
        **both,
    )
    templates = Templates()
    bench = Bench(house.registry, templates, house.ledger, HERE, POLICY.digest)
    in_use(session, tenant, now)
    file_papers(session, Papers(house.ledger, house.entropy), now)
    if licensed:
        rights = Rights(house.ledger, house.entropy)
        onfile.licensed_portrait(session, rights, performer.id, now, LICENCE)
        onfile.licensed_work(session, rights, RECEIVED, now, LICENCE)
    key = SigningKey.generate(Duty.PERMIT, house.entropy)
    trusted = {key.kid: key.verifying}
    gate = Gate(bench, POLICY, key, trusted, mode, house.entropy)
    permits = Permits(bench, POLICY, trusted, house.entropy)
    return Room(
        house, templates, gate, permits, performer, donor, performed.authorization, given.authorization
    )
