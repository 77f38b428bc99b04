"""Stolen photos, on real faces: whose face it is is protected, where she asked for it and nowhere else."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.canonical import canonical
from callers import Outside
from consent import protection, signature
from consent.inbox import Inbox, inbox
from consent.permit import Hold, Refusal
from consent.person import Proof
from consent.protection import Protection, ProtectionRefused, Protections, ProtectionUnknown
from consent.refusals import Kind, OnRefusalList
from consent.resemblances import FaceHeld, Resemblances, ResemblanceUnknown, Search, State
from consent.strict import load
from consent.withdrawal import By, How
from consent.words import AgeBand, ProofLevel, Role
from grounds import Ground, open_world
from portraits import PEOPLE, packaged
from service.apikeys import KeyRole
from service.subject import SubjectRights
from worlds import ROLES, World, small_clip

Made = Callable[..., World]


@pytest.fixture
def made(ground: Ground, tmp_path: Path) -> Iterator[Made]:
    worlds: list[World] = []

    def make(**settings: Any) -> World:
        worlds.append(open_world(ground.found(tmp_path / f"world-{len(worlds)}", **settings)))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


def rights(world: World) -> SubjectRights:
    return SubjectRights(world.record)


def proven(world: World, name: str, level: ProofLevel = ProofLevel.VERIFIED_IDENTITY) -> None:
    """Her proof, corrected by new evidence."""
    with world.record.database.write() as session:
        world.record.registry.people.correct(
            session,
            world.people[name].person,
            Proof(level, "desk", "identity card and video call"),
            AgeBand.ADULT,
            evidence="e" * 64,
            now=world.record.clock(),
        )


def wishes(world: World, name: str, **changes: Any) -> Protection:
    """She signs that strangers be compared with her, with fields of the document changed as given."""
    her, now = world.people[name], world.record.clock()
    drawn = rights(world).protections.draw_up(
        her.person, her.authorization, until=now + timedelta(days=90), now=now
    )
    document = canonical({**load(drawn), **changes})  # type: ignore[dict-item]
    evidence = signature.sign(her.key, protection.to_sign(document)).encoded
    with world.record.database.write() as session:
        return rights(world).protections.ask(session, document, evidence, now=now)


def agrees_to_protection(world: World, name: str, **scope: Any) -> None:
    world.agrees(name, Role.DONOR, requesters=frozenset({protection.REQUESTER}), **scope)


def protected(world: World, name: str) -> Protection:
    agrees_to_protection(world, name)
    proven(world, name)
    return wishes(world, name)


def told(world: World, name: str) -> Inbox:
    with world.record.database.read() as session:
        return inbox(session, world.record.registry, world.people[name].person, now=world.record.clock())


def waiting(world: World) -> tuple[Search, ...]:
    with world.record.database.read() as session:
        return rights(world).resemblances.waiting(session)


def releases(world: World, search: Search, by: str) -> Search:
    with world.record.database.write() as session:
        return rights(world).resemblances.release(
            session, search.id, by=by, reason="twins, both met in person", now=world.record.clock()
        )


def lifted(world: World, hold: Hold) -> tuple[str, ...]:
    with world.record.database.write() as session:
        return world.studio.pipeline.gate.lift(
            session, hold.ruling.id, "operator-1", "operator-2", "fine by us", world.record.clock()
        ).reasons


def test_a_face_enrolled_by_somebody_else_is_held_and_whose_face_it_is_is_told(made: Made) -> None:
    # Given the astronaut, protected, and a clip that shows her
    world = made(protection=True)
    protected(world, "astronaut")
    world.agrees("cameraman", Role.BACKGROUND)

    # When somebody with a key of his own enrols her photo as his face and signs for her clip
    world.agrees("thief", Role.PERFORMER, photo="astronaut")

    # Then nothing of the photo is kept, and she is told that it happened, not who it was
    thief = world.people["thief"]
    assert world.rows("portrait", f"person_id = '{thief.person}'") == 0
    (search,) = told(world, "astronaut").searches[:1]
    assert (search.role, search.state, str(search.what)) == ("resembled", State.HELD, "enrolment")
    assert thief.person not in repr(told(world, "astronaut"))
    assert told(world, "thief").searches[0].role == "searched"
    assert world.people["astronaut"].person not in repr(told(world, "thief"))

    # And no permit comes of it, in demo mode either, however the clip is announced.
    ROLES["thief"] = Role.PERFORMER
    try:
        decision, template = world.announce(world.cast("thief", "cameraman"))
    finally:
        del ROLES["thief"]
    assert template is not None, decision
    world.admit()
    said = world.scan().decision
    assert isinstance(said, Hold)
    assert said.reasons == ("G-30",)
    assert world.rows("scan") == 0, "nobody was looked at"
    # Nor by lifting the hold: two people must release the face itself.
    assert lifted(world, said) == ("G-30",)
    with world.record.database.read() as session:
        standing = world.record.registry.standings(
            session, world.tenant, [thief.authorization], now=world.record.clock(), lock=None
        )[thief.authorization]
    assert standing.protected
    assert not any(standing.in_force(purpose) for purpose in standing.status)


def test_a_donors_photo_that_resembles_a_protected_person_is_held_and_gone(made: Made) -> None:
    # Given a published template, and a donor who is enrolled with her own face
    world = made(protection=True)
    protected(world, "hopper")
    for name in ("astronaut", "cameraman"):
        world.agrees(name, ROLES[name])
    world.agrees("borrower", Role.DONOR, photo="cameraman")
    world.announce()
    world.admit()
    world.scan()
    world.publish()
    kept = world.files("quarantine")

    # When she hands in the protected person's photo as hers
    with pytest.raises(FaceHeld):
        world.receive("hopper", "borrower")

    # Then it is gone, both are told, and two people have to look
    assert world.files("quarantine") == kept
    assert world.rows("donor") == 0
    assert [one.role for one in told(world, "hopper").searches] == ["resembled"]
    (search,) = waiting(world)
    assert (search.person, search.found) == tuple(world.people[n].person for n in ("borrower", "hopper"))


def test_she_herself_and_strangers_who_do_not_resemble_her_are_let_in_and_told_of_the_search(
    made: Made,
) -> None:
    world = made(protection=True)
    protected(world, "astronaut")

    world.agrees("astronaut", Role.PERFORMER)
    world.agrees("hopper", Role.DONOR)

    assert waiting(world) == ()
    assert [one.role for one in told(world, "hopper").searches] == ["searched"]
    assert told(world, "hopper").references == 1
    assert world.kinds().count("FaceSearched") == 1, "she is not compared with herself"


def test_two_people_release_what_was_held_and_it_is_not_held_again(made: Made) -> None:
    # Given somebody who is held
    world = made(protection=True)
    protected(world, "astronaut")
    world.agrees("twin", Role.PERFORMER, photo="astronaut")
    (held,) = waiting(world)

    # When one says so twice it is still one; the second one releases it
    assert releases(world, held, "operator-1").state is State.HELD
    assert releases(world, held, "operator-1").state is State.HELD
    assert releases(world, held, "operator-2").state is State.RELEASED
    with pytest.raises(ResemblanceUnknown):
        releases(world, held, "operator-3")

    # Then she enrols like anybody
    world.agrees("twin", Role.PERFORMER, photo="astronaut")
    assert told(world, "twin").references == 1
    assert waiting(world) == ()


def test_with_the_setting_off_nobody_is_searched_for_and_nobody_can_be_protected(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a wish that is in the database, from a time when the setting was on
    world = made(protection=True)
    protected(world, "astronaut")
    off = open_world(world.settings.model_copy(update={"protection": False}))
    off.people = dict(world.people)

    # When somebody's face comes in for whom that search would find her
    monkeypatch.setattr(Protections, "guarded", _never)
    monkeypatch.setattr(Resemblances, "add", _never)
    off.agrees("thief", Role.PERFORMER, photo="astronaut")

    # Then nobody looks: there is nothing there that could
    assert off.studio.enrolment.watch is None
    assert off.studio.donors.watch is None
    assert told(off, "thief").references == 1
    assert off.rows("face_search") == 0
    off.close()


def _never(*_: object, **__: object) -> None:
    raise AssertionError("a search where none may be")


def test_nobody_is_protected_who_is_not_known_well_enough_or_has_not_signed_for_it(made: Made) -> None:
    world = made(protection=True)
    agrees_to_protection(world, "astronaut")
    with pytest.raises(ProtectionRefused):
        wishes(world, "astronaut")  # self-asserted
    proven(world, "astronaut")
    for wrong in ({"compared_with_strangers": False}, {"statement": "0" * 64}, {"tenant": "other"}):
        with pytest.raises(ProtectionRefused):
            wishes(world, "astronaut", **wrong)
    long_ago = "2020-01-01T00:00:00.000000Z"
    with pytest.raises(ProtectionRefused):
        wishes(world, "astronaut", until=long_ago)
    world.agrees("hopper", Role.DONOR)
    proven(world, "hopper")
    with pytest.raises(ProtectionRefused):
        wishes(world, "hopper")  # her consent to matching is for a clip, not for this
    agrees_to_protection(world, "cameraman", jurisdiction="US-IL")
    proven(world, "cameraman")
    with pytest.raises(ProtectionRefused):
        wishes(world, "cameraman")
    agrees_to_protection(world, "faceless", photo=None)
    proven(world, "faceless")
    with pytest.raises(ProtectionRefused):
        wishes(world, "faceless")
    assert world.rows("protection") == 0

    wishes(world, "astronaut")
    with pytest.raises(ProtectionRefused):
        wishes(world, "astronaut")  # once is enough
    assert world.rows("protection") == 1


def test_somebody_elses_signature_protects_nobody(made: Made) -> None:
    world = made(protection=True)
    agrees_to_protection(world, "astronaut")
    proven(world, "astronaut")
    other = world.enrol("other")
    her = world.people["astronaut"]
    world.people["astronaut"] = type(her)("astronaut", her.person, other.key, her.granted)

    with pytest.raises(Exception, match="not enrolled for the signer"):
        wishes(world, "astronaut")


@pytest.mark.parametrize("end", ["ended", "withdrawn", "edited"])
def test_a_protection_that_is_ended_or_whose_consent_is_withdrawn_searches_for_nobody(
    made: Made, end: str
) -> None:
    # Given somebody who is protected
    world = made(protection=True)
    given = protected(world, "astronaut")

    # When she ends it, withdraws the consent it rests on, or somebody edits the row
    with world.record.database.write() as session:
        if end == "ended":
            by = By(How.OWN_SESSION, given.person)
            rights(world).protections.end(session, given.id, by=by, now=world.record.clock())
            again = rights(world).protections.end(session, given.id, by=by, now=world.record.clock())
            assert again.ended_at is not None
            with pytest.raises(ProtectionUnknown):
                rights(world).protections.end(session, "0" * 32, by=by, now=world.record.clock())
    if end == "withdrawn":
        world.withdraws("astronaut")
    if end == "edited":
        other = world.enrol("other").person
        world.edit("UPDATE protection SET person_id = :other", other=other)

    # Then nobody is compared with her
    world.agrees("stranger", Role.PERFORMER, photo="astronaut")
    assert world.rows("face_search") == 0
    assert told(world, "stranger").references == 1


def test_no_face_is_searched_for_where_the_law_she_signed_under_knows_no_such_search(made: Made) -> None:
    world = made(protection=True)
    protected(world, "astronaut")

    world.agrees("german", Role.PERFORMER, photo="astronaut", jurisdiction="DE")

    assert world.rows("face_search") == 0


def test_a_refused_source_work_or_person_is_let_in_nowhere(made: Made) -> None:
    world = made()
    for name, role in ROLES.items():
        world.agrees(name, role)
    world.announce(work="dance-01")
    world.admit()
    world.scan()

    def on(kind: Kind, value: str) -> Callable[[], None]:
        with world.record.database.write() as session:
            refusal = rights(world).refusals.add(
                session, kind, value, by="operator-1", now=world.record.clock()
            )

        def off() -> None:
            with world.record.database.write() as session:
                rights(world).refusals.end(session, refusal.id, by="operator-1", now=world.record.clock())

        return off

    received = small_clip().digest
    person = world.people["astronaut"].person
    for kind, value, rule in (
        (Kind.SOURCE, received, "G-37"),
        (Kind.WORK, "dance-01", "G-37"),
        (Kind.PERSON, person, "G-10"),
    ):
        off = on(kind, value)
        decision = world.publish()
        assert isinstance(decision, Refusal), kind
        assert rule in decision.reasons, (kind, decision.reasons)
        with pytest.raises(OnRefusalList):
            world.announce(work="dance-01")
        with pytest.raises(OnRefusalList):
            world.studio.admission.amend("operator-1", world.known["template"], world.cast())
        off()
    assert not isinstance(world.publish(), Refusal)


def test_over_http_a_held_face_is_403_and_two_operators_release_it(made: Made) -> None:
    # Given a protected person, and somebody who consented and has no reference yet
    world = made(protection=True)
    protected(world, "astronaut")
    world.agrees("twin", Role.PERFORMER, photo=None)
    there = Outside.of(world)
    operators = [there.caller(KeyRole.OPERATOR, f"operator-{number}") for number in (1, 2)]
    photo = b64encode(packaged(*PEOPLE["astronaut"]).read_bytes()).decode()
    path = f"/v1/authorizations/{world.people['twin'].authorization}/references"

    # When her photo comes in
    answer = there.operator.post(path, {"photos": [photo]})
    (held,) = there.operator.get("/v1/resemblances").json()
    hers = there.creator("astronaut").get(f"/v1/people/{world.people['astronaut'].person}/inbox").json()

    # Then it is held until both have looked
    assert (answer.status_code, answer.json()["code"]) == (403, "FACE_HELD")
    assert [one["role"] for one in hers["searches"]] == ["resembled"]
    states = [
        one.post(f"/v1/resemblances/{held['resemblance']}/releases", {"reason": "twins"}).json()["state"]
        for one in operators
    ]
    assert states == ["held", "released"]
    assert there.operator.post(path, {"photos": [photo]}).status_code == 201
    there.close()
