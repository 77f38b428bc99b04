"""A world in which everything has happened: a row in almost every table that the log speaks of."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sqlmodel import Session

import forgetting
import licensing
from consent import protection, reminding, signature, unproven
from consent.age import Ages
from consent.asking import Asking, Way
from consent.authorization import Request, draw_up
from consent.capacity import Capacity, Representative
from consent.case import Matching
from consent.ceremony import check_registration
from consent.cosignature import to_cosign
from consent.cosigning import Cosigning
from consent.holds import LegalHolds
from consent.kinship import Kinship, Office, Relation
from consent.licence import to_sign_licence
from consent.links import Act, Links
from consent.papers import Paper, PaperKind
from consent.passkeys import Passkeys
from consent.petitions import Kind as PetitionKind
from consent.petitions import Outcome
from consent.proofservices import ProofServices
from consent.proving import Proving
from consent.refusals import Kind as RefusalKind
from consent.requests import ConsentRequest
from consent.resemblances import What
from consent.rights import Ending, Rights
from consent.unproven import Claim
from consent.withdrawal import By, How
from consent.words import AgeBand, Purpose, Role
from consenting import House
from grounds import Ground as Place
from grounds import open_world
from proofs import Prover
from service import erasing, pruning
from service.apikeys import ApiKeys, KeyRole
from service.cosigning import Cosigner
from service.demo import cast as demo
from service.stamping import Stamper
from service.subject import SubjectRights
from softkeys import PARTY, Softkey
from stamps import authority
from swap import confirmations
from swap.appeals import About, Ground
from swap.claim import Target
from witnesses import policy, witness
from worlds import OPERATOR, World, must, notice, small_clip

PAPER = "e" * 64
DESK = By(How.OPERATOR, "desk-1")
ENTRIES = 300
"""More than a tile holds, so that there is a full one."""


@contextmanager
def everything(ground: Place, folder: Path) -> Iterator[World]:
    """A crowded world whose log a witness watched and an authority stamped."""
    first = ground.world(folder / "data", "asked")
    crowded(first)
    forgetting.filled(first, ENTRIES)
    people, known, settings = first.people, first.known, first.settings
    vkey = first.record.layout.vkey.read_text().strip()
    first.close()
    with witness(folder / "witness", vkey, os.urandom) as served, authority() as stamps:
        trust, roots = folder / "trust", folder / "roots.pem"
        trust.write_text(policy(vkey, {"w1": (served.vkey, served.url)}))
        roots.write_text(stamps.root_pem)
        said = {"witnesses": trust, "log_tsa_urls": (stamps.url,), "log_tsa_trust": roots}
        world = open_world(settings.model_copy(update=said))
        world.people, world.known = people, known
        for asks in (Cosigner.of(world.record), Stamper.of(world.record)):
            assert asks is not None
            assert all(one.fault is None for one in asks.round())
    yield world
    world.close()


@contextmanager
def pruned(ground: Place, folder: Path) -> Iterator[World]:
    """A world of whose log the beginning went, once nobody was left of whom it told."""
    clock = forgetting.Clock()
    world = ground.world(folder, "consented", clock=clock)
    forgetting.filled(world)
    forgetting.everybody_erased(world, clock)
    record = world.record
    assert pruning.prune(record, pruning.plan(record, record.clock() - timedelta(days=1100))) is not None
    yield world
    world.close()


def crowded(world: World) -> None:
    """From a permitted job on: it is released, and then the rest of the world happens."""
    _released(world)
    _served(world)
    _assigned(world)
    _guarded(world)
    for happens in (_proven, _family, _asked, _licensed, _protected, _papers, _called, _claimed):
        with world.record.database.write() as session:
            happens(world, session)
    world.withdraws("cameraman")
    with world.record.database.write() as session:
        # Last of what is about a consent: its clock stands weeks ahead.
        reminding.remind(session, world.record.ledger, world.record.clock() + timedelta(days=25))
    gone = world.enrol("passer-by")
    erasing.erase(world.record, gone.person, DESK)
    world.record.log.publish(now=world.record.clock())


def _released(world: World) -> None:
    job, pipeline = world.known["job"], world.studio.pipeline
    assert pipeline.redeem(job)
    made = pipeline.run(job)
    assert made
    assert pipeline.release(job, made)


def _served(world: World) -> None:
    """One who asks twice, and another."""
    [output] = world.column("output", "id")
    for name in ("app", "app", "desk"):
        assert isinstance(world.record.delivery.deliver(output, to=name), Path)


def _assigned(world: World) -> None:
    """The same video once more, in which people say who is who."""
    before, admission = world.known["template"], world.studio.admission
    decision, template = world.announce(matching=Matching.ASSIGNED)
    must(decision)
    assert template is not None
    world.admit()
    said = world.who_is_who()
    with world.record.database.write() as session:
        admission.assignments.assign(session, template, said, by=OPERATOR, now=world.record.clock())
    world.known["template"] = before


def _guarded(world: World) -> None:
    """Two wishes to be protected, and one of them ended."""
    record, protections = world.record, SubjectRights(world.record).protections
    for name in ("astronaut", "hopper"):
        world.agrees(name, Role.DONOR, requesters=frozenset({protection.REQUESTER}))
        her, now = world.people[name], record.clock()
        proof = demo.Proof(demo.ProofLevel.VERIFIED_IDENTITY, "desk", "identity card and video call")
        with record.database.write() as session:
            record.registry.people.correct(session, her.person, proof, AgeBand.ADULT, evidence=PAPER, now=now)
            drawn = protections.draw_up(her.person, her.authorization, until=now + timedelta(days=9), now=now)
            evidence = signature.sign(her.key, protection.to_sign(drawn)).encoded
            asked = protections.ask(session, drawn, evidence, now=now)
            if name == "hopper":
                protections.end(session, asked.id, by=By(How.OWN_SESSION, her.person), now=now)


def _proven(world: World, session: Session) -> None:
    record, now = world.record, world.record.clock()
    prover = Prover.named("notary", record.entropy)
    services = ProofServices(record.ledger)
    services.adopt(session, "notary", prover.key, by="desk", now=now)
    Proving(record.registry.people, services).enrol(session, prover.signed(now), now=now)
    former = Prover.named("former", record.entropy)
    services.adopt(session, "former", former.key, by="desk", now=now)
    services.retire(session, former.key, by="desk", now=now)
    services.compromise(session, former.key, since=now - timedelta(days=1), by="desk", now=now)
    her = world.people["hopper"].person
    key, asked = Softkey(), b"asked"
    registration = key.registers(asked)
    made = check_registration(PARTY, asked, registration, key.credential)
    Passkeys(record.registry.people).enrol(session, her, made, registration, by=her, now=now)
    links = Links(record.ledger, record.entropy)
    links.issue(session, Act.GRANT, her, by="desk", holds=timedelta(days=1), now=now, document=b"{}")


def _family(world: World, session: Session) -> None:
    record, now = world.record, world.record.clock()
    people, kinship = record.registry.people, Kinship(record.ledger, record.entropy)
    ages = Ages(AgeBand.FROM_14_TO_17, None, now + timedelta(days=200))
    proof = demo.Proof(demo.ProofLevel.VERIFIED_IDENTITY, "desk", "papers")
    child, parent = (people.enrol(session, proof, one.band, now=now, ages=one)
                     for one in (ages, Ages(AgeBand.ADULT)))  # fmt: skip
    keys = {}
    for one in (child, parent):
        keys[one.id], public = signature.keygen(record.entropy)
        people.enrol_key(session, one.id, public, by="desk", now=now)
    kin = kinship.record(
        session, child.id, parent.id, Office.GUARDIAN, Relation.PARENT, PAPER, by="desk", now=now
    )
    scope = demo.scope(Role.DONOR, small_clip().digest, now)
    capacity = Capacity(AgeBand.FROM_14_TO_17, guardian=Representative(parent.id, PAPER))
    wish = Request(world.tenant, child.id, scope, capacity)
    document = draw_up(wish, notice(world.settings), now=now, entropy=record.entropy)
    evidence = signature.sign(keys[parent.id], signature.to_sign(document.encoded)).encoded
    granted = record.registry.grant(session, document.encoded, evidence, now=now)
    second = signature.sign(keys[child.id], to_cosign(document.encoded)).encoded
    Cosigning(record.registry).cosign(session, granted.authorization, second, now=now)
    record.registry.dispute(session, granted.authorization, by=By(How.OWN_SESSION, child.id), now=now)
    kinship.end(session, child.id, kin.id, by="desk", now=now)


def _asked(world: World, session: Session) -> None:
    record, now = world.record, world.record.clock()
    asking, her = Asking(record.registry), world.people["hopper"]
    for answered in (False, True):
        scope = replace(
            demo.scope(Role.DONOR, small_clip().digest, now),
            description=f"Her face in one more clip of the dance, as she is asked here: {answered}",
        )
        wish = Request(world.tenant, her.person, scope, Capacity(AgeBand.ADULT))
        request = asking.ask(session, wish, notice(world.settings), by="studio", now=now)
        assert isinstance(request, ConsentRequest)
        if answered:
            asking.refuse(session, request.id, way=next(iter(Way)), now=now)
    for person in (None, her.person):
        claim = Claim(f"{len(person or ''):064x}", frozenset({Purpose.MATCHING}), person, now)
        unproven.bring_in(session, record.registry.people, claim, by="desk", now=now)


def _licensed(world: World, session: Session) -> None:
    record, her = world.record, world.people["astronaut"]
    house = cast(House, SimpleNamespace(ledger=record.ledger, entropy=record.entropy, tenant=world.tenant))
    somebody = cast(Any, SimpleNamespace(id=her.person))
    now = record.clock()
    studio, private = licensing.a_studio(session, house)
    signed = licensing.portrait(house, somebody, start=now, end=now + timedelta(days=90))
    rights = Rights(record.ledger, record.entropy)
    rights.register(
        session,
        signed.encoded,
        signature.sign(her.key, to_sign_licence(signed.encoded)).encoded,
        by=DESK,
        now=now,
    )
    theirs = licensing.copyright_of(house, studio, start=now)
    rights.register(
        session,
        theirs.encoded,
        signature.sign(private, to_sign_licence(theirs.encoded)).encoded,
        by=DESK,
        now=now,
    )
    rights.end(session, theirs.id, Ending.AT_WILL, by=DESK, now=now)


def _protected(world: World, session: Session) -> None:
    record, now, rights = world.record, world.record.clock(), SubjectRights(world.record)
    her, other = world.people["astronaut"], world.people["hopper"]
    listed = rights.refusals.add(session, RefusalKind.SOURCE, PAPER, by="desk", now=now)
    rights.refusals.add(session, RefusalKind.WORK, "a work", by="desk", now=now)
    rights.refusals.end(session, listed.id, by="desk", now=now)
    own = rights.refusals.add(session, RefusalKind.PERSON, her.person, by=her.person, now=now)
    rights.refusals.end(session, own.id, by=her.person, now=now)
    rights.resemblances.add(session, her.person, What.DONOR, 2, None, now=now)
    rights.resemblances.add(session, her.person, What.DONOR, 2, other.person, now=now)
    found = rights.resemblances.add(session, other.person, What.ENROLMENT, 2, her.person, now=now)
    for name in ("desk", "other"):
        rights.resemblances.release(session, found.id, by=name, reason="two people", now=now)
    rights.petitions.ask(session, her.person, PetitionKind.ACCESS, "", by=her.person, now=now)
    asked = rights.petitions.ask(session, her.person, PetitionKind.EXPLAIN, "why", by=her.person, now=now)
    rights.petitions.answer(session, asked.id, Outcome.DONE, "because", by="desk", now=now)
    holds = LegalHolds(record.ledger, record.entropy)
    holds.place(session, her.person, by="desk", order=PAPER, now=now)
    hold = holds.place(session, her.person, by="desk", order=PAPER, now=now)
    holds.end(session, hold.id, by="desk", reason="over", now=now)
    confirmations.confirm(
        session, record.ledger, confirmations.About("a" * 32, PAPER, "desk", frozenset({her.person})),
        by=her.person, person=her.person, entry="0" * 64, now=now,
    )  # fmt: skip


def _papers(world: World, session: Session) -> None:
    record, now = world.record, world.record.clock()
    for end in (False, True):
        paper = Paper(
            PaperKind.SECURITY_ASSESSMENT, PAPER, now, now + timedelta(days=9), engines=frozenset({"mesh"})
        )
        added = record.papers.add(session, paper, by="desk", now=now)
        if end:
            record.papers.end(session, added.id, by="desk", now=now)


def _called(world: World, session: Session) -> None:
    record, now = world.record, world.record.clock()
    keys = ApiKeys(record.ledger, record.entropy)
    keys.issue(session, KeyRole.OPERATOR, "desk", now=now)
    hers = keys.issue(session, KeyRole.CREATOR, "hers", person=world.people["hopper"].person, now=now)
    keys.rotate(session, hers.key.id, now=now)
    keys.revoke(session, hers.key.id, by="desk", now=now)


def _claimed(world: World, session: Session) -> None:
    record, now = world.record, world.record.clock()
    output = world.column("output", "id")[0]
    said = ("I am in this video and never said yes.", "me@example.org")
    first = record.claims.request(session, Target.OUTPUT, output, *said, now=now)
    record.claims.decide(session, first.id, confirm=True, by="desk", reason="she is right", now=now)
    record.claims.request(session, Target.TEMPLATE, world.known["template"], *said, now=now)
    appeals = record.appeals
    appealed = appeals.lodge(
        session, About.CLAIM, first.id, Ground.FALSE_CLAIM, appellant="a line", deciders={"desk"}, now=now
    )
    for name in ("one", "two"):
        appeals.answer(session, appealed.id, operator=name, granted=False, reason=f"{name} looked", now=now)
    appeals.lodge(
        session, About.CLAIM, first.id, Ground.FALSE_CLAIM, appellant="b line", deciders={"desk"}, now=now
    )
