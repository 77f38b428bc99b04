"""The way without biometrics: assigned by hand, confirmed by people, and no embedder is ever called."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consent.blindfold import BiometricsOff
from consent.case import Matching
from consent.embedder import ArcFace
from consent.faces import Crop
from consent.permit import Decision, Permit, Refusal
from consent.words import Match, Purpose
from grounds import Ground, open_world
from portraits import PEOPLE, packaged, working_eyes
from service.worker import working
from swap import donors
from swap.assignments import Assignment, AssignmentWrong, PreviewFirst
from swap.confirmations import NotAssigned
from swap.errors import NoSuchThing, WrongState
from swap.orders import Progress
from worlds import OPERATOR, ROLES, World, a_source, must, small_clip

NO_MATCHING = frozenset(
    {
        Purpose.REMOTE_STORE_TRANSMIT,
        Purpose.MAKE_TEMPLATE,
        Purpose.PUBLISH_TEMPLATE,
        Purpose.USER_SWAP,
    }
)
Made = Callable[..., World]


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many crops the real embedder was given, a number a call."""
    working_eyes()  # their self-test embeds pictures that it makes itself
    calls: list[int] = []
    embed = ArcFace.embed

    def counting(self: ArcFace, crops: list[Crop]) -> Any:
        calls.append(len(crops))
        return embed(self, crops)

    monkeypatch.setattr(ArcFace, "embed", counting)
    return calls


@pytest.fixture
def made(ground: Ground, tmp_path: Path) -> Iterator[Made]:
    """Worlds in which everybody agreed to everything but matching, with the clip scanned."""
    worlds: list[World] = []

    def make(**settings: Any) -> World:
        world = open_world(ground.found(tmp_path / f"world-{len(worlds)}", **settings))
        worlds.append(world)
        for name, role in ROLES.items():
            world.agrees(name, role, photo=None, purposes=NO_MATCHING)
        announced = world.studio.admission.announce(
            OPERATOR, a_source(), small_clip().digest, world.cast(), matching=Matching.ASSIGNED
        )
        must(announced.decision)
        world.known["template"] = announced.template or ""
        world.admit()
        seen = world.scan()
        must(seen.decision)
        assert seen.verdicts is None
        return world

    yield make
    for world in worlds:
        world.close()


def assigned(world: World, said: dict[str, str | None] | None = None) -> Assignment:
    said = world.who_is_who() if said is None else said
    with world.record.database.write() as session:
        return world.studio.admission.assignments.assign(
            session, world.known["template"], said, by=OPERATOR, now=world.record.clock()
        )


def confirms(world: World, found: Assignment, by: str) -> None:
    """An operator by name, or somebody of the cast."""
    person = world.people[by].person if by in world.people else None
    with world.record.database.write() as session:
        world.studio.admission.assignments.confirm(
            session, found.template, found.id, by=person or by, person=person, now=world.record.clock()
        )


def sees(world: World, name: str) -> None:
    decision, clip = world.studio.admission.preview(world.known["template"], world.people[name].person)
    must(decision)
    assert clip is not None


def reviewed(world: World) -> World:
    found = assigned(world)
    for reviewer in ("reviewer-1", "reviewer-2"):
        confirms(world, found, reviewer)
    return world


def refused(decision: Decision, *rules: str) -> None:
    assert isinstance(decision, Refusal), decision
    assert set(decision.reasons) == set(rules)


def donor_confirmed(world: World, by: str) -> None:
    person = world.people[by].person if by in world.people else None
    with world.record.database.write() as session:
        donors.confirm(
            session,
            world.record.gate.bench,
            world.known["donor"],
            by=person or by,
            person=person,
            now=world.record.clock(),
        )


def test_a_clip_is_published_and_swapped_by_people_without_references_and_nothing_is_embedded(
    made: Made, embedded: list[int]
) -> None:
    # Given a clip that nobody of the cast gave a reference for
    world = made()
    found = assigned(world)

    # When each of them looks at it and says that it is she, and the donor that the photo is hers
    for name in ("astronaut", "cameraman"):
        sees(world, name)
        confirms(world, found, name)
    must(world.publish())
    must(world.receive().decision)
    refused(world.ask().decision, "G-29")
    donor_confirmed(world, "hopper")
    must(world.ask().decision)
    with working(world.record, world.studio) as worker:
        job = worker.wait_for(world.known["job"], lambda _done, _total: None)

    # Then the swap is released
    assert job.progress is Progress.RELEASED, job.outcome
    assert world.rows("portrait") == 0
    assert embedded == []
    for kind, times in (("TracksAssigned", 1), ("WhoIsWhoConfirmed", 3), ("OutputReleased", 1)):
        assert world.kinds().count(kind) == times


def test_two_reviewers_who_did_not_assign_are_enough_and_one_is_not(made: Made) -> None:
    world = made()
    found = assigned(world)

    refused(world.publish(), "G-31")
    confirms(world, found, OPERATOR)
    confirms(world, found, "reviewer-1")
    confirms(world, found, "reviewer-1")
    refused(world.publish(), "G-31")
    confirms(world, found, "reviewer-2")

    must(world.publish())


def test_one_person_of_two_is_not_everybody(made: Made) -> None:
    world = made()
    found = assigned(world)
    sees(world, "astronaut")

    confirms(world, found, "astronaut")
    confirms(world, found, "reviewer-1")

    refused(world.publish(), "G-31")


def test_who_has_not_seen_the_clip_and_who_is_not_in_it_confirm_nothing(made: Made) -> None:
    world = made()
    found = assigned(world)

    with pytest.raises(PreviewFirst):
        confirms(world, found, "astronaut")
    with pytest.raises(NotAssigned):
        confirms(world, found, "hopper")
    assert world.rows("confirmation") == 0


def test_a_new_scan_ends_what_was_confirmed_and_so_does_another_assignment(made: Made) -> None:
    # Given a template that was confirmed and published
    world = reviewed(made())
    must(world.publish())
    first = assigned(world)
    refused(world.publish(), "G-31")
    confirms(world, first, "reviewer-1")
    confirms(world, first, "reviewer-2")
    must(world.publish())

    # When it is scanned again
    must(world.scan().decision)

    # Then it is published no longer, and the old words hold for nothing
    with world.record.database.read() as session, pytest.raises(NotAssigned):
        world.studio.admission.assignments.current(session, world.known["template"])
    assert isinstance(world.publish(), Refusal)
    with pytest.raises(NotAssigned):
        confirms(world, first, "reviewer-1")
    with pytest.raises(WrongState):
        world.studio.pipeline.ask(world.known["template"], "0" * 32, OPERATOR, None)  # type: ignore[arg-type]


def test_another_cast_ends_what_was_confirmed(made: Made) -> None:
    world = reviewed(made())

    must(world.studio.admission.amend(OPERATOR, world.known["template"], world.cast()))

    assert world.rows("assignment") == 0
    assert isinstance(world.publish(), Refusal)


def test_a_confirmation_that_only_the_database_knows_of_counts_for_nothing(made: Made) -> None:
    # Given one true word
    world = made()
    found = assigned(world)
    confirms(world, found, "reviewer-1")

    # When somebody with the database in his hands writes a second one beside it
    copied = world.edit(
        'INSERT INTO confirmation (tenant_id, about, "by", person_id, binding, at, entry) '
        "SELECT tenant_id, about, 'reviewer-2', person_id, binding, at, entry FROM confirmation"
    )

    # Then there is one
    assert copied == 1
    refused(world.publish(), "G-31")


def test_an_assignment_that_was_edited_is_in_force_no_more(made: Made) -> None:
    world = reviewed(made())
    must(world.publish())

    assert world.edit("UPDATE scan SET verdicts = NULL") == 1

    assert isinstance(world.publish(), Refusal)


@pytest.mark.parametrize("wrong", ["track", "person", "twice"])
def test_an_assignment_names_what_is_there_and_nobody_in_two_places(made: Made, wrong: str) -> None:
    world = made()
    right = world.who_is_who()
    anybody = next(iter(right.values()))
    said = {
        "track": {**right, "t999": anybody},
        "person": {**right, "t001": world.people["hopper"].person},
        "twice": dict.fromkeys(right, anybody),
    }[wrong]

    with pytest.raises(AssignmentWrong):
        assigned(world, said)


def test_a_track_that_is_nobodys_is_refused(made: Made) -> None:
    world = made()
    right = world.who_is_who()
    found = assigned(world, dict(list(right.items())[1:]))
    confirms(world, found, "reviewer-1")
    confirms(world, found, "reviewer-2")

    refused(world.publish(), "G-09")


def test_a_donor_whom_nobody_compared_is_confirmed_by_herself_or_by_two_others(
    made: Made, embedded: list[int]
) -> None:
    world = reviewed(made())
    must(world.publish())
    must(world.receive().decision)

    for word in (OPERATOR, "reviewer-1"):
        donor_confirmed(world, word)
        refused(world.ask().decision, "G-29")
    with pytest.raises(NoSuchThing):
        donor_confirmed(world, "astronaut")
    donor_confirmed(world, "reviewer-2")

    must(world.ask().decision)
    assert embedded == []


def test_where_biometrics_are_off_whatever_is_announced_is_assigned_by_hand(
    made: Made, embedded: list[int]
) -> None:
    world = made(biometrics=False)

    announced = world.studio.admission.announce(OPERATOR, a_source(), "d" * 64, world.cast())

    must(announced.decision)
    assert world.column("template", "matching") == ["ASSIGNED", "ASSIGNED"]
    with pytest.raises(BiometricsOff):
        world.agrees("hopper", ROLES["hopper"])
    assert embedded == []
    assert isinstance(reviewed(world).publish(), Permit)


def test_a_template_that_is_compared_is_not_assigned(at_stage: Callable[[str], World]) -> None:
    world = at_stage("published")

    with pytest.raises(WrongState):
        assigned(world, {})
    must(world.receive().decision)
    with pytest.raises(NotAssigned):
        donor_confirmed(world, "hopper")
    assert Match.MATCHED.value in world.column("donor", "match")
    assert packaged(*PEOPLE["hopper"]).exists()
