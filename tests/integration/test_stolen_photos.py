"""Somebody enrols with another's photos and a key of his own, and signs "her" consent. It opens nothing."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from consent.permit import Decision, Refusal
from consent.proofservices import ProofServices
from consent.proving import Proving
from consent.words import Action
from gating import file_papers
from grounds import open_world
from proofs import Prover
from service.settings import Mode
from worlds import OPERATOR, World, must

Stage = Callable[..., World]
CODE = "9" * 27


@contextmanager
def in_production(world: World) -> Iterator[World]:
    """The same tenant, with the same people and their self-asserted enrolments, but not as a demo."""
    settings = world.settings.model_copy(update={"mode": Mode.PRODUCTION, "provider_code": CODE})
    production = open_world(settings)
    production.people, production.known = world.people, world.known
    with production.record.database.write() as session:
        # Whatever else the law of the place asks is on file: what is refused is refused for who she is.
        file_papers(session, production.record.papers, production.record.clock(), requester=OPERATOR)
    with closing(production):
        yield production


def attested(world: World) -> None:
    """What the thief can't bring: a notary who has seen her, for everybody in the story."""
    record = world.record
    people, services = record.registry.people, ProofServices(record.ledger)
    prover, now = Prover.named("notary", record.entropy), record.clock()
    with record.database.write() as session:
        services.adopt(session, "notary", prover.key, by="operator-1", now=now)
        for player in world.people.values():
            signed = prover.signed(now, tenant=world.tenant, person=player.person)
            Proving(people, services).reprove(session, player.person, signed, now=now)


ASKED: dict[str, tuple[str, Callable[[World], Decision]]] = {
    Action.INTAKE: ("consented", lambda world: world.announce()[0]),
    Action.SCAN: ("admitted", lambda world: world.scan().decision),
    Action.PUBLISH: ("scanned", World.publish),
    Action.DONOR: ("published", lambda world: world.receive().decision),
    Action.SWAP: ("received", lambda world: world.ask().decision),
}
"""What can be asked for, and how far the story has come when it is: as a demo, where it was permitted.

Not a preview: it shows a clip to whom the cast names, so that she can answer, and rests on no consent.
"""


@pytest.mark.parametrize("action", ASKED)
def test_a_self_asserted_enrolment_with_her_real_face_is_refused_at_every_step(
    action: str, at_stage: Stage
) -> None:
    # Given her real photos enrolled by somebody else, whose key signed for her; the matcher would say yes
    stage, ask = ASKED[action]
    demo = at_stage(stage)
    embedded = demo.rows("portrait")
    assert embedded, "her face is in the registry"

    # When a deployment that is no demo is asked
    with in_production(demo) as world:
        files = world.files("media")
        said = ask(world)

        # Then the rule is that nobody knows who she is, and nothing came of it.
        assert isinstance(said, Refusal)
        assert "G-40" in said.reasons
        assert "G-00" not in said.reasons, "and it was asked rightly"
        assert world.files("media") == files
        assert world.rows("output") == 0
        assert world.rows("permit", "state = 'redeemed'") == 0


@pytest.mark.parametrize("action", ASKED)
def test_the_same_question_about_an_attested_person_is_permitted(action: str, at_stage: Stage) -> None:
    stage, ask = ASKED[action]

    with in_production(at_stage(stage)) as world:
        attested(world)

        must(ask(world))


def test_a_thief_has_no_way_past_the_refused_intake(at_stage: Stage) -> None:
    with in_production(at_stage("consented")) as world:
        said, template = world.announce()

        assert isinstance(said, Refusal)
        assert template is None, "not a byte may be sent"
        assert world.rows("template") == 0
