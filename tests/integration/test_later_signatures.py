"""Bundles of what was signed after a grant: by a youth beside her guardian, and anew after a suspension."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from audit import bundle, standalone
from audit.keys import Duty
from consent import chain, signature
from consent.age import Ages
from consent.authorization import Request, draw_up
from consent.capacity import Capacity, Representative
from consent.cosignature import to_cosign
from consent.cosigning import Cosigning
from consent.kinship import Kinship, Office, Relation
from consent.person import Proof
from consent.withdrawal import By, How
from consent.words import AgeBand, ProofLevel, Role
from grounds import Ground, open_world
from policies.book import FOLDER
from proofs import PAPER
from service import dutykeys
from service.demo import cast as demo
from service.evidence import texts
from service.evidence.about import About, Kind
from service.evidence.making import make
from swap.casting import CastMember
from worlds import World, must, notice, small_clip

BY = By(How.OPERATOR, "operator-1")


def claims(world: World, kind: Kind, name: str) -> dict[str, standalone.Claim]:
    files = bundle.read(make(world.record, About(kind, name), by="auditor-1").data)
    trust = texts.trusted(world.record).decode()
    return {one.name: one for one in bundle.verifier(files, trust, None).claims()}


def unproven(found: dict[str, standalone.Claim]) -> dict[str, str]:
    return {name: one.detail for name, one in found.items() if one.verdict != standalone.PROVEN}


def confirms(world: World, name: str) -> None:
    """She gives again what was suspended."""
    player, record = world.people[name], world.record
    with record.database.write() as session:
        ids = [player.authorization]
        found = record.registry.standings(session, world.tenant, ids, now=record.clock(), lock=None)
        standing = found[player.authorization]
        message = signature.to_reconfirm(standing.head, standing.document.digest)
        evidence = signature.sign(player.key, message).encoded
        record.registry.reconfirm(session, player.authorization, evidence, now=record.clock())


def test_what_was_confirmed_after_its_key_was_known_to_be_lost_is_proven_again(
    at_stage: Callable[[str], World],
) -> None:
    # Given that everybody's countersignature is worth nothing any more
    world = at_stage("scanned")
    kid = (world.record.layout.public / "countersign.pub").read_text().split()[1]
    said = dutykeys.compromised(world.record, Duty.COUNTERSIGN, kid, "0", by="operator-1")
    assert len(said.suspended) == len(world.people)
    found = unproven(claims(world, Kind.TEMPLATE, world.known["template"]))
    assert found
    assert all("had ended" in detail for detail in found.values())

    # When each has confirmed it anew, and something rests on that
    for name in world.people:
        confirms(world, name)
    must(world.publish())

    # Then it is proven, by her own signature
    now = claims(world, Kind.TEMPLATE, world.known["template"])
    assert unproven(now) == {}
    consents = [one.detail for name, one in now.items() if name.startswith("consent ")]
    assert len(consents) == 2
    assert all("confirmed anew" in detail for detail in consents)


@pytest.fixture
def lenient(ground: Ground, tmp_path: Path) -> Iterator[World]:
    """Where the house lets guardians agree, as the law of its place does."""
    plain, rules = ground.world(tmp_path / "data", "consented"), tmp_path / "rules"
    plain.close()
    shutil.copytree(FOLDER, rules)
    house = rules / "packs" / "house.toml"
    house.write_text(house.read_text().replace('"REFUSE"', '"GUARDIAN"', 1))
    world = open_world(plain.settings.model_copy(update={"policies": rules}))
    world.people, world.known = plain.people, plain.known
    yield world
    world.close()


def test_what_a_youth_signed_beside_her_guardian_is_proven(lenient: World) -> None:
    # Given somebody of fifteen, whose guardian signed for her, and who signed too
    world = lenient
    record, guardian, now = world.record, world.people["astronaut"], world.record.clock()
    ages = Ages(AgeBand.FROM_14_TO_17, None, now + timedelta(days=700))
    key, public = signature.keygen(record.entropy)
    with record.database.write() as session:
        people, proof = record.registry.people, Proof(ProofLevel.VERIFIED_IDENTITY, "operator-1", "papers")
        youth = people.enrol(session, proof, ages.band, now=now, ages=ages).id
        people.enrol_key(session, youth, public, by=youth, now=now)
        kinship = Kinship(record.ledger, record.entropy)
        office, relation = Office.GUARDIAN, Relation.PARENT
        kinship.record(session, youth, guardian.person, office, relation, PAPER, by="operator-1", now=now)
    capacity = Capacity(ages.band, guardian=Representative(guardian.person, PAPER))
    scope = demo.scope(Role.PERFORMER, small_clip().digest, now)
    wanted = Request(tenant=world.tenant, person=youth, scope=scope, capacity=capacity)
    document = draw_up(wanted, notice(world.settings), now=now, entropy=record.entropy).encoded
    with record.database.write() as session:
        evidence = signature.sign(guardian.key, signature.to_sign(document)).encoded
        granted = record.registry.grant(session, document, evidence, now=record.clock())
    with record.database.write() as session:
        hers = signature.sign(key, to_cosign(document)).encoded
        Cosigning(record.registry).cosign(session, granted.authorization, hers, now=record.clock())

    # When a template with her in it is announced
    member = CastMember(youth, Role.PERFORMER, granted.authorization)
    must(world.announce([member, *world.cast("cameraman")])[0])

    # Then all that she and her guardian signed is in the bundle, and proven
    found = claims(world, Kind.PERSON, youth)
    assert unproven(found) == {}
    assert any(name.startswith("standing ") for name in found)
    detail = found[f"consent {granted.authorization}"].detail
    assert f"by {guardian.person}, who acts for her, by herself" in detail


def test_a_withdrawal_is_in_a_bundle_whatever_became_of_its_row(at_stage: Callable[[str], World]) -> None:
    # Given a withdrawal whose row somebody deleted, and the head put back to before it
    world = at_stage("admitted")
    her = world.people["astronaut"].authorization
    with world.record.database.write() as session:
        world.record.registry.withdraw(session, world.record.effect, her, by=BY, now=world.record.clock())
    with world.record.database.write() as session:
        events = chain.events(session, world.tenant, [her])[her]
        session.connection().execute(
            text("DELETE FROM consent_event WHERE leaf_hash = :leaf"), {"leaf": events[-1].entry}
        )

    # Then the bundle tells of it all the same
    files = bundle.read(
        make(world.record, About(Kind.TEMPLATE, world.known["template"]), by="auditor-1").data
    )
    assert b"ConsentWithdrawn" in files["history.json"]
