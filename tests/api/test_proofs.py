"""Proof over HTTP: services adopted, people attested and captured; who signs for minors and the dead."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import clips
from api.conftest import Opened
from api.test_authorizations import asked as wanted
from callers import Caller, Outside
from consent import signature
from consent.age import Ages
from consent.cosignature import to_cosign
from consent.pose import Side
from consent.words import AgeBand
from heads import RATE, film
from proofs import PAPER, Prover
from service.apikeys import KeyRole
from service.client import Client, Problem, authorizations, people, proofs
from service.shapes.authorizations import Representative
from service.shapes.proofs import RecordKin

DAY = timedelta(days=1)


@pytest.fixture
def there(outside: Opened) -> Outside:
    return outside("consented")


def client(there: Outside, caller: Caller) -> Client:
    return Client(str(there.client.base_url), caller.token)


def prover(there: Outside, name: str = "notary") -> Prover:
    return Prover.named(name, there.world.record.entropy)


def adopted(there: Outside) -> Prover:
    found = prover(there)
    with client(there, there.operator) as operator:
        operator.send(proofs.adopt("notary", found.key))
    return found


def signed(there: Outside, by: Prover, **changes: Any) -> bytes:
    return by.signed(there.world.record.clock(), tenant=there.world.tenant, **changes)


def attested(there: Outside, name: str) -> str:
    """Somebody of the story, proven by a notary."""
    person = there.world.people[name].person
    with client(there, there.operator) as operator:
        operator.send(proofs.prove(person, signed(there, adopted(there), person=person)))
    return person


def a_clip(folder: Path, turns: list[Side], person: str = "astronaut") -> bytes:
    pictures = [shot.image for shot in film(turns, person)]
    return clips.write(folder / "turns.mp4", pictures, rate=RATE, options={"crf": "12"}).read_bytes()


def test_a_newcomer_is_enrolled_by_an_adopted_service_alone(there: Outside) -> None:
    service = prover(there)
    with client(there, there.operator) as operator:
        with pytest.raises(Problem) as refused:
            operator.send(proofs.enrol(signed(there, service)))
        operator.send(proofs.adopt("notary", service.key))
        newcomer = operator.send(proofs.enrol(signed(there, service)))
        assert operator.send(people.show(newcomer.id)) == newcomer
        operator.send(proofs.retire(service.key))
        with pytest.raises(Problem):
            operator.send(proofs.enrol(signed(there, service)))

    assert refused.value.code == "ATTESTATION_REFUSED"
    assert (newcomer.proof, newcomer.attested_by) == ("verified-identity", service.key)
    assert there.world.kinds().count("ProofServiceRetired") == 1


def test_a_stolen_key_is_seen_in_who_was_proven_by_it(there: Outside) -> None:
    service, since = adopted(there), there.world.record.clock()
    with client(there, there.operator) as operator:
        newcomer = operator.send(proofs.enrol(signed(there, service)))
        operator.send(proofs.compromise(service.key, since))
        now, (listed,) = operator.send(people.show(newcomer.id)), operator.send(proofs.services())

    assert (now.proof, now.attested_by) == ("self-asserted", None)
    assert listed.compromised_from == since


def test_she_captures_herself_and_is_told_what_came_of_it(there: Outside, tmp_path: Path) -> None:
    # Given her own key, an attested identity and her references
    person = attested(there, "astronaut")
    authorization = there.world.people["astronaut"].authorization
    with client(there, there.creator("astronaut")) as she:
        # When she turns as asked, and then somebody else does in her place
        first = she.send(proofs.challenge(authorization))
        shown = she.send(proofs.capture(person, first.capture, a_clip(tmp_path, first.turns)))
        second = she.send(proofs.challenge(authorization))
        other = she.send(proofs.capture(person, second.capture, a_clip(tmp_path, second.turns, "hopper")))
        with pytest.raises(Problem) as again:
            she.send(proofs.capture(person, first.capture, a_clip(tmp_path, first.turns)))

    # Then
    assert (shown.outcome, shown.proof) == ("shown", "live-capture")
    assert (other.outcome, other.proof) == ("OTHER_PERSON", "live-capture"), "a miss takes nothing away"
    assert again.value.code == "CAPTURE_CLOSED"
    assert not there.world.files("media", "quarantine", "work"), "no frame and no clip is kept"
    assert there.world.kinds().count("CaptureMissed") == 1


def test_a_clip_that_can_not_be_read_uses_its_challenge_up(there: Outside) -> None:
    person = attested(there, "astronaut")
    authorization = there.world.people["astronaut"].authorization
    with client(there, there.operator) as operator:
        asked = operator.send(proofs.challenge(authorization))
        for code in ("SOURCE_UNREADABLE", "CAPTURE_CLOSED"):
            with pytest.raises(Problem) as no:
                operator.send(proofs.capture(person, asked.capture, b"no film" * 99))
            assert no.value.code == code


def test_for_a_youth_the_guardian_signs_and_then_she_does(there: Outside) -> None:
    world = there.world
    eighteen = world.record.clock() + 700 * DAY
    guardian, service = world.people["hopper"], adopted(there)
    with client(there, there.operator) as operator:
        youth = operator.send(
            proofs.enrol(signed(there, service, ages=Ages(AgeBand.FROM_14_TO_17, None, eighteen)))
        )
        private, public = signature.keygen(world.record.entropy)
        operator.send(people.enrol_key(youth.id, public))
        paper = RecordKin(
            representative=guardian.person, office="guardian", relation="parent", evidence=PAPER
        )
        kin = operator.send(proofs.record_kin(youth.id, paper))
        assert operator.send(proofs.kin(youth.id)) == [kin]
        acting = Representative(person=guardian.person, evidence=PAPER)
        drawn = wanted(there, youth.id).model_copy(update={"guardian": acting})
        document = operator.send(authorizations.draft(drawn)).document
        import base64

        raw = base64.b64decode(document)
        by_guardian = signature.sign(guardian.key, signature.to_sign(raw)).encoded
        granted = operator.send(authorizations.grant(raw, by_guardian))
        before = operator.send(authorizations.show(granted.authorization))
    with client(there, there.caller(KeyRole.CREATOR, "youth", person=youth.id)) as she:
        she.send(proofs.cosign(granted.authorization, signature.sign(private, to_cosign(raw)).encoded))
        after = she.send(authorizations.show(granted.authorization))

    assert not before.signature_valid
    assert after.signature_valid
    assert all(after.in_force.values())
    with client(there, there.operator) as operator:
        ended = operator.send(proofs.end_kin(youth.id, kin.id))
        with pytest.raises(Problem) as no:
            operator.send(proofs.end_kin(youth.id, kin.id))
    assert ended.until is not None
    assert no.value.code == "KIN_UNKNOWN"


def test_an_heir_disputes_what_she_signed_and_an_operator_alone_records_a_death(there: Outside) -> None:
    # Given an heir of somebody
    world = there.world
    dead, heir = world.people["astronaut"], world.people["hopper"]
    with client(there, there.creator("hopper")) as relative, client(there, there.operator) as operator:
        with pytest.raises(Problem) as stranger:
            relative.send(authorizations.dispute(dead.authorization))
        paper = RecordKin(representative=heir.person, office="heir", relation="child", evidence=PAPER)
        operator.send(proofs.record_kin(dead.person, paper))

        # When he says that she has died
        with pytest.raises(Problem) as no:
            relative.send(proofs.died(dead.person, PAPER))
        relative.send(authorizations.dispute(dead.authorization))
        disputed = operator.send(authorizations.show(dead.authorization))
        living = operator.send(people.show(dead.person))

        # Then nothing rests on what she signed, and she lives until an operator says that she has died.
        said = operator.send(proofs.died(dead.person, PAPER))
    assert (stranger.value.code, no.value.code) == ("AUTHORIZATION_UNKNOWN", "ROLE_NOT_ALLOWED")
    assert disputed.disputed
    assert disputed.events[-1].by == "representative"
    assert not any(disputed.in_force.values())
    assert (living.deceased_at is None, said.deceased_at is None) == (True, False)

    with client(there, there.operator) as operator:
        shown = operator.send(authorizations.show(dead.authorization))
        with pytest.raises(Problem) as twice:
            operator.send(proofs.died(dead.person, PAPER))
        lives = operator.send(proofs.lives(dead.person, PAPER))
    assert not any(shown.in_force.values())
    assert twice.value.code == "DEATH_RECORDED"
    assert lives.deceased_at is None
