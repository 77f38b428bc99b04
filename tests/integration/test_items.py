"""What a court asks for, over real rows: edited, nothing is published; ended, nothing more is made."""

from collections.abc import Callable

import pytest

from consent import items
from consent.papers import PaperKind
from consent.permit import Decision, Permit, Refusal
from swap import library
from swap.library import State
from worlds import World, must


def missing(decision: Decision) -> list[str]:
    assert isinstance(decision, Refusal)
    return [one.detail for one in decision.objections if one.rule == items.RULE]


def end(world: World, kind: PaperKind) -> None:
    record = world.record
    with record.database.write() as session:
        (paper,) = (one.id for one in record.papers.every(session) if one.paper.kind is kind)
        record.papers.end(session, paper, by="operator-1", now=record.clock())


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE template SET taken_in_by = NULL",
        "UPDATE template SET taken_in_by = (SELECT min(id) FROM decision WHERE action = 'scan')",
        "UPDATE decision SET answer = 'refusal' WHERE action = 'intake'",
        "UPDATE source SET announced_at = '2026-01-01 00:00:00+00:00'",
    ],
)
def test_a_template_whose_permit_to_come_in_is_not_there_is_not_published(
    at_stage: Callable[[str], World], edit: str
) -> None:
    # Given a video that came in by a permit
    world = at_stage("scanned")
    template = world.known["template"]

    # When somebody edits what says so
    if "announced_at" in edit and not world.settings.database:
        edit = edit.replace("2026-01-01 00:00:00+00:00", "2026-01-01T00:00:00.000000Z")
    assert world.edit(edit) >= 1

    # Then
    assert missing(world.publish()) == [items.INTAKE]
    with world.record.database.read() as session:
        assert library.get(session, world.tenant, template).state is State.REFUSED


def test_the_permit_it_came_in_by_stays_when_its_cast_is_amended(at_stage: Callable[[str], World]) -> None:
    world = at_stage("scanned")

    must(world.studio.admission.amend("operator-1", world.known["template"], world.cast()))
    must(world.scan().decision)

    must(world.publish())


def test_what_ends_after_it_was_published_stops_the_next_swap_and_a_renewal_lets_it_go_on(
    at_stage: Callable[[str], World],
) -> None:
    # Given a published template, and a donor
    world = at_stage("received")

    # When the contract for the engine ends
    end(world, PaperKind.PROCESSOR_CONTRACT)
    refused = world.ask().decision

    # Then nothing new is made of it; it is published as before, for it was so decided
    assert missing(refused) == [items.CONTRACT]
    with world.record.database.read() as session:
        kept = library.get(session, world.tenant, world.known["template"])
    assert (kept.state, kept.frozen) == (State.PUBLISHED, False)

    # And with another contract it goes on by itself.
    world.on_file()
    assert isinstance(world.ask().decision, Permit)
