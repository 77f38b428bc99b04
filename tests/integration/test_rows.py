"""One bit of one row is another, anywhere: table, row and column are named. A row that is gone is missed."""

import json
import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

import service.schema  # noqa: F401  (registers every table)
from audit import instant
from audit.replay import Copy, Finding
from audit.tile import WIDTH
from audit.tree import HASH_SIZE
from consent.estates import Estates
from consent.hearing import SKEW
from consent.portraits import Portraits
from consent.words import Match
from crowd import crowded as crowded_with_all
from crowd import everything, pruned
from forgetting import BY, Clock, filled, licences_end, renewed
from grounds import Ground
from intruder import Flip, Intruder
from portraits import PEOPLE, packaged
from service import pruning
from service.database import utc_now
from service.erasing import erase, finish
from service.retention import purger
from service.rowcheck.check import COVERED, Missing, RowsChecked, check
from service.rowcheck.plain import BOOKKEEPING, REPLAYED
from swap import library, recipients
from swap.cases import Verdict
from swap.errors import WrongState
from swap.recognition import Recogniser
from worlds import World

Stage = Callable[..., World]
FLIPS = int(os.environ.get("CONSENTRY_FLIPS", "1000"))
OWED = {
    "consent_counter": {"signed_authorization"},
    "consent_state": {"signed_authorization"},
    "decision_person": {"decision"},
    "donor": {"job"},
    "kept_bytes": {"adoption", "duty_key"},
    "kept_policy": {"adopted_policy"},
    "output_consent": {"output"},
    "passkey": {"person_key"},
    "permit": {"decision"},
    "portrait": {"signed_authorization"},
    "recipient": {"output"},
    "rights_licence_source": {"rights_licence"},
    "source": {"template"},
}
"""Tables whose rows another row owes, by the tables of that row."""
UNOWED = {
    *("log_entry", "log_sealed", "log_tile"),  # `Log.audit` counts them
    *("log_checkpoint", "log_cosignature", "log_stamp"),  # nothing says how many there were
    *("assignment", "cast_member", "confirmation", "scan"),  # replaced or deleted when the work goes on
    *("appeal_answer", "blocked_file", "claim_contact", "link"),  # with a date, or ended by who answers
    "attestation",  # received for whoever is proven by it
}
"""Tables of which a lost row is not missed."""


def looked(world: World, **which: Any) -> RowsChecked:
    with world.record.database.read() as session:
        return check(session, world.record, **which)


@pytest.fixture(scope="module")
def crowded(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which everything has happened. Nobody changes it for longer than a look."""
    with everything(ground, tmp_path_factory.mktemp("crowded")) as world:
        yield world


@pytest.fixture
def dice() -> random.Random:
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)  # noqa: T201  (shown where the test fails)
    return random.Random(seed)


def flipped(intruder: Intruder, count: int, *tables: str) -> list[Flip]:
    done: list[Flip] = []
    for cell in intruder.cells(*tables):
        if len(done) == count:
            break
        flip = intruder.flips(cell)
        if flip is not None:
            done.append(flip)
    return done


def located(flip: Flip) -> bool:
    """Whether what was found names the place: by table, row and column, or by copy of the log and index."""
    if flip.log is not None:
        at = flip.byte // HASH_SIZE if flip.column == "data" else 0
        return Finding(Copy.TILE, flip.stood["n"] * WIDTH + at) in flip.log.findings
    assert flip.rows is not None
    return (flip.table, flip.key, flip.column) in {
        (one.table, one.key, one.column) for one in flip.rows.differs
    }


def test_one_flipped_bit_of_a_row_is_found_where_it_is(crowded: World, dice: random.Random) -> None:
    # Given a world in which everything has happened, and nothing differs,
    intruder = Intruder(crowded, dice, *REPLAYED)
    assert (intruder.whole.differs, intruder.whole.missing) == ((), ())
    assert {table for table in (*COVERED, *REPLAYED) if not crowded.rows(table)} == {"log_pruning"}

    # when one bit is another, each time somewhere else,
    flips = flipped(intruder, FLIPS, *COVERED, *REPLAYED)

    # then its table, its row and its column are named, each time.
    assert [one for one in flips if not located(one)] == []
    assert {one.table for one in flips} == {*COVERED, *REPLAYED} - {"log_pruning"}
    assert looked(crowded) == intruder.whole


def test_of_a_pruned_log_every_row_is_held_against_it_and_the_pruning_too(
    ground: Ground, tmp_path: Path, dice: random.Random
) -> None:
    with pruned(ground, tmp_path) as world:
        intruder = Intruder(world, dice)
        assert (intruder.whole.differs, intruder.whole.missing) == ((), ())
        assert intruder.whole.erased > 0

        flips = flipped(intruder, 20, "log_pruning")

        assert [one for one in flips if not located(one)] == []


def test_a_row_is_not_called_edited_for_what_was_pruned(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a world in which everything has happened and is long over,
    clock = Clock()
    world = ground.world(tmp_path / "w", "asked", clock=clock)
    crowded_with_all(world)
    licences_end(world)
    for person in world.column("person", "id"):
        erase(world.record, person, BY)
    clock.moves(days=1096)
    assert finish(world.record) > 0
    purger(world.record).run()
    filled(world)
    clock.moves(days=1200)
    renewed(world)
    before = looked(world)
    assert (before.differs, before.missing) == ((), ())

    # when the log forgets all of it, even what something would hold,
    monkeypatch.setattr(pruning, "needs", lambda *_: ())
    planned = pruning.plan(world.record, clock() - timedelta(days=1100))
    assert pruning.prune(world.record, planned) is not None

    # then rows whose entries went are counted; a finding is only what would have held its own.
    after = looked(world)
    assert {(one.table, one.column) for one in after.differs} == {("appeal", "entry")}
    assert world.edit("UPDATE appeal SET state = 'denied' WHERE state = 'open'") == 1
    assert (looked(world).differs, after.missing) == ((), ())
    assert after.erased > before.erased

    # Nor is it an excuse for an entry that never was, or for what comes back to life.
    key, other, *_ = world.column("api_key", "id")
    assert world.edit("UPDATE api_key SET entry = :entry WHERE id = :id", entry="ab" * 32, id=key) == 1
    revived = "UPDATE api_key SET expires_at = :at, revoked_at = NULL WHERE id = :id"
    assert world.edit(revived, at=instant.exact(clock() + timedelta(days=1)), id=other) == 1
    assert world.edit("UPDATE template SET state = 'published'") == 2
    found = {(one.table, one.column, one.key) for one in looked(world).differs}
    assert {key for table, _, key in found if table == "api_key"} == {f"id={key}", f"id={other}"}
    assert {("template", "scan_digest"), ("cast_member", "person_id")} <= {each[:2] for each in found}
    world.close()


def test_a_row_that_is_gone_is_missed(crowded: World, dice: random.Random) -> None:
    """An entry that made a row, or a row that rests on others, says what must be there."""
    intruder = Intruder(crowded, dice)
    made = {name for name, one in COVERED.items() if one.makes}
    assert made.isdisjoint(OWED)
    assert (made | OWED.keys()).isdisjoint(UNOWED)
    assert made | OWED.keys() | UNOWED == {*COVERED, *REPLAYED}

    for table in sorted((made | OWED.keys()) - {"log_pruning"}):
        row, found = intruder.deletes(table, OWED.get(table, {table}))
        assert [one.table for one in found.missing if one.table == table] == [table]
        [missing] = (one for one in found.missing if one.table == table)
        if table in OWED:
            assert all(f"{row[name]}" == value for name, value in parted(missing)), (missing, row)
        else:
            assert missing.key.startswith("entry=")
            if COVERED[table].made is None:
                assert missing.key == f"entry={row[COVERED[table].entry]}"
    assert looked(crowded) == intruder.whole


def parted(missing: Missing) -> list[tuple[str, str]]:
    return [tuple(one.split("=", 1)) for one in missing.key.split(",")]  # type: ignore[misc]


def test_the_row_that_differs_is_named_and_no_other(at_stage: Stage) -> None:
    world = at_stage("received")
    one = min(world.column("decision", "id"))
    assert world.edit("UPDATE decision SET proof = 'none' WHERE id = :id", id=one) == 1

    found = looked(world).differs

    assert {(each.table, each.key) for each in found} == {("decision", f"id={one}")}
    assert "proof" in {each.column for each in found}


def test_a_cast_is_held_against_what_was_asked_before_its_video_came(at_stage: Stage) -> None:
    # Given a template that is announced, and one whose cast was declared anew, neither scanned since
    world = at_stage("consented")
    world.announce()
    assert (looked(world).differs, looked(world).missing) == ((), ())
    template = world.known["template"]
    world.studio.admission.amend("operator-1", template, [world.cast("astronaut")[0]])
    assert (looked(world).differs, looked(world).missing) == ((), ())

    # When somebody is put into another role
    assert world.edit("UPDATE cast_member SET role = 'BACKGROUND' WHERE role = 'PERFORMER'") == 1

    # Then it is found
    assert {(each.table, each.column) for each in looked(world).differs} >= {("cast_member", "role")}


def test_an_instant_of_the_log_is_held_against_the_sealed_one(at_stage: Stage) -> None:
    """A leaf has the minute: what lies within it is a row's word until its part is opened."""
    world = at_stage("consented")
    with world.record.database.read() as session:
        at = session.connection().execute(text("SELECT max(at) FROM log_entry")).scalar_one()
    moved = (
        f"{at[:-4]}{(int(at[-4:-1]) + 1) % 1000:03d}Z" if isinstance(at, str) else at.replace(microsecond=1)
    )
    assert world.edit("UPDATE log_entry SET at = :moved WHERE at = :at", moved=moved, at=at) >= 1

    assert {(each.table, each.column) for each in looked(world).differs} >= {("log_entry", "at")}


def test_an_output_that_went_at_its_date_is_as_the_log_says(at_stage: Stage) -> None:
    # Given an output that was purged, of which the log has a total of its class
    clock = Clock()
    world = at_stage("asked", clock=clock)
    world.released()
    clock.moves(days=4000)
    assert purger(world.record).run().gone["output"] == 1
    assert (looked(world).differs, looked(world).missing) == ((), ())

    # When its row says that it went before its date, or at a time that has not come
    for moved in (timedelta(days=-4000), timedelta(days=1)):
        at = instant.exact(clock() + moved)
        assert world.edit("UPDATE output SET withdrawn_at = :at", at=at) == 1

        # Then that is found.
        assert [(one.table, one.column) for one in looked(world).differs] == [("output", "withdrawn_at")]


def test_whoever_is_forgotten_at_his_date_and_comes_again_is_as_the_log_says(at_stage: Stage) -> None:
    clock = Clock()
    world = at_stage("asked", clock=clock)
    output = world.released()
    assert isinstance(world.record.delivery.deliver(output.id, to="app"), Path)
    with world.record.database.write() as session:
        assert recipients.purge(session, world.tenant, now=clock() + recipients.KEPT + timedelta(days=1)) == 1
    clock.moves(minutes=5)

    assert isinstance(world.record.delivery.deliver(output.id, to="app"), Path)

    assert (looked(world).differs, looked(world).missing) == ((), ())


def test_references_that_a_death_took_are_not_missed_once_it_is_retracted(at_stage: Stage) -> None:
    # Given a death that was recorded by an error
    world = at_stage("consented")
    record, her = world.record, world.people["hopper"]
    estates = Estates(record.registry, Portraits(world.tenant, record.keystore, record.entropy))
    for step in (estates.record, estates.retract):
        with record.database.write() as session:
            step(session, her.person, "e" * 64, by="desk", now=record.clock())
    assert len(world.column("portrait", "id")) == 2
    assert (looked(world).differs, looked(world).missing) == ((), ())

    # When she hands in another photo, then that one is missed if it goes.
    with record.database.write() as session:
        pixels = world.studio.photos.read(packaged(*PEOPLE["hopper"]).read_bytes())
        world.studio.enrolment.add_portraits(session, her.authorization, [pixels], now=record.clock())
    assert looked(world).missing == ()
    assert world.edit("DELETE FROM portrait WHERE person_id = :her", her=her.person) == 1
    assert [one.table for one in looked(world).missing] == ["portrait"]


def test_what_went_at_its_date_is_not_missed_by_whose_clock_is_behind(at_stage: Stage) -> None:
    """By as much as the gate allows. A recipient's date counts from the minute, not from the entry."""
    # Given references, and somebody who was served late in a minute
    minute = utc_now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    time = [minute + timedelta(seconds=50)]
    world = at_stage("asked", clock=lambda: time[0])
    job, pipeline = world.known["job"], world.studio.pipeline
    assert pipeline.redeem(job)
    assert pipeline.release(job, pipeline.run(job) or "")
    assert isinstance(world.record.delivery.deliver(world.column("output", "id")[0], to="app"), Path)

    for table, by in (("portrait", "signed_authorization"), ("recipient", "output")):
        # When the purge that deletes them has just come to their date
        time[0] = max(map(instant_of, world.column(table, "delete_after")))
        assert purger(world.record).run().failed == {}
        assert world.rows(table) == 0

        # Then they are not missed; but by a clock that is further behind they are.
        for behind in (timedelta(), SKEW):
            time[0] -= behind
            assert looked(world, only={by}).missing == ()
        time[0] -= timedelta(microseconds=1)
        assert {one.table for one in looked(world, only={by}).missing} == {table}


def instant_of(value: Any) -> datetime:
    return value if isinstance(value, datetime) else instant.parse(value)


def test_what_another_scan_says_of_the_tracks_is_held_against_its_own_entry(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a published template with a swap under way, scanned again since, with another outcome
    world = at_stage("asked")
    [before] = world.column("scan", "verdicts")
    recognise = Recogniser.recognise

    def doubts(*asked: Any) -> tuple[Verdict, ...]:
        first, *rest = recognise(*asked)
        return (Verdict(first.track, Match.AMBIGUOUS, None), *rest)

    monkeypatch.setattr(Recogniser, "recognise", doubts)
    world.scan()

    # Then no row differs; the template is to be published again, and what it was published for is over.
    assert (looked(world).differs, looked(world).missing) == ((), ())
    assert world.column("template", "state") == [library.State.SCANNED]
    with pytest.raises(WrongState):
        world.ask()
    assert world.studio.pipeline.redeem(world.known["job"])
    assert world.studio.pipeline.run(world.known["job"]) is None
    assert [json.loads(one) for one in world.column("job", "outcome")] == [{"error": WrongState.code}]

    # And what was decided on before is no longer what the tracks show.
    assert world.edit("UPDATE scan SET verdicts = :before", before=before) == 1
    assert [(one.table, one.column) for one in looked(world).differs] == [("scan", "verdicts")]


def test_every_table_and_column_is_in_one_list_with_its_rule_or_its_reason() -> None:
    tables = SQLModel.metadata.tables
    listed = [*COVERED, *BOOKKEEPING, *REPLAYED]
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) == {name for name in tables if not name.startswith("alembic")}
    for name, covered in COVERED.items():
        columns = {column.name for column in tables[name].columns} - {"tenant_id"}
        assert covered.rules.keys() | covered.plain.keys() == columns, name
        assert not covered.rules.keys() & covered.plain.keys(), name
    reasons = [*BOOKKEEPING.values(), *REPLAYED.values()]
    reasons += [reason for covered in COVERED.values() for reason in covered.plain.values()]
    assert all(len(reason) > 10 for reason in reasons)
