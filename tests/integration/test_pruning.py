"""A deployment's log pruned: what still rests on an entry holds it, and what is left adds up."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from audit.errors import ConsentryError
from audit.fsck import fsck
from audit.keys import Duty
from audit.keystore import KeysErased
from audit.pruned import Pruned
from audit.pruneplan import Plan
from audit.prunerows import EntryPruned
from audit.storage import PosixStorage
from forgetting import BY, Clock, everybody_erased, filled, licences_end, renewed
from service import dutykeys, pruning
from service.erasing import erase, finish
from service.evidence import texts
from service.evidence.about import About, Kind
from service.evidence.making import make
from service.needed import WHY, needs
from service.pruning import LogRetentionShort
from service.receipts import receipt_of
from service.reports.processing import complete
from service.reports.samples import Asked, sample
from service.retention import ENTRY, purger
from service.rowcheck.check import check
from service.subject import SubjectRights
from worlds import World

Stage = Callable[..., World]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def planned(world: World, days: int = 1100) -> Plan:
    return pruning.plan(world.record, world.record.clock() - timedelta(days=days))


def why(made: Plan) -> set[str]:
    return {one.why for one in made.held}


def adds_up(world: World) -> tuple[int, int]:
    """Parts that are missing, and parts that the log says were erased, of what is left and what went."""
    record = world.record
    with record.database.read() as session:
        read = record.log.audit(session)
        erased = SubjectRights(record).erasures.dropped(session)
    assert read.findings == ()
    assert fsck(PosixStorage(record.layout.log), record.log.verifier).sound
    said = read.pruned
    return (
        read.unopenable + (said.totals.missing if said else 0),
        erased + (said.totals.erased if said else 0),
    )


@pytest.fixture
def forgotten(at_stage: Stage, clock: Clock) -> World:
    """Nobody is left of whom the log's beginning tells."""
    world = at_stage("consented", clock=clock)
    filled(world)
    everybody_erased(world, clock)
    return world


def test_what_is_in_use_holds_the_log_whole_and_a_dry_run_says_what(at_stage: Stage, clock: Clock) -> None:
    # Given a log whose first entries tell of people, consents and rules that are in use
    world = at_stage("consented", clock=clock)
    filled(world)
    clock.moves(days=1200)

    made = planned(world)

    # Then nothing may go, and the reasons are words of ours with counts.
    assert (made.entries, made.goal) == (0, 0)
    assert {"people", "keys", "consents", "policies", "notices"} <= why(made)
    assert why(made) <= WHY.keys()
    assert pruning.prune(world.record, made) is None


def test_once_nothing_rests_on_them_they_go_and_the_audit_adds_up(forgotten: World) -> None:
    # Given people who were erased years ago
    world, record = forgotten, forgotten.record
    before = adds_up(world)
    assert before[0] == before[1] > 0

    # When what is older than the law asks for is pruned
    made = planned(world)
    assert (made.held, made.goal) == ((), made.reach // 256 * 256)
    said = pruning.prune(record, made)

    # Then the sums of what went stand in the entry that says so,
    assert isinstance(said, Pruned)
    assert said.minimum == made.goal >= 512
    assert said.totals.missing > 0
    missing, erased = adds_up(world)
    assert missing == before[0]
    assert erased == before[1]
    # and the service goes on.
    filled(world, 10)
    assert planned(world).minimum == said.minimum
    assert pruning.finish(record) is None
    assert adds_up(world) == (missing, erased)


def test_an_auditor_s_reports_begin_where_the_log_does(forgotten: World, tmp_path: Path) -> None:
    record = forgotten.record
    assert complete(record).whole
    done = pruning.prune(record, planned(forgotten))
    assert done is not None

    # What is counted is the tree's, and what is erased is explained by what went as well.
    found = complete(record)
    assert found.faults == ()
    assert (found.minimum, found.minimum + sum(found.kinds.values())) == (done.minimum, found.size)
    assert found.gone == found.erased + found.lost > 0

    # A sample is of what can be shown, with proofs that hold.
    drawn = sample(record, Asked("named after the checkpoint", 20), tmp_path / "sample", by="auditor-1")
    assert drawn.minimum == done.minimum
    assert drawn.eligible == drawn.checkpoint.size - done.minimum
    assert min(drawn.drawn) >= done.minimum

    # And one entry less under the same checkpoint is still missed.
    parts = "DELETE FROM log_sealed WHERE leaf_hash = (SELECT leaf_hash FROM log_entry WHERE idx = :idx)"
    forgotten.edit(parts, idx=done.minimum + 5)
    assert forgotten.edit("DELETE FROM log_entry WHERE idx = :idx", idx=done.minimum + 5) == 1
    assert {one.code for one in complete(record).faults} >= {"ENTRIES_MISSING"}


def test_who_asks_for_what_went_is_told(forgotten: World) -> None:
    world, record = forgotten, forgotten.record
    person = world.people["astronaut"]
    with record.database.read() as session:
        first = next(iter(record.ledger.every(session))).leaf_hash
    pruning.prune(record, planned(world))

    with record.database.read() as session, pytest.raises(EntryPruned):
        record.log.proof(session, first)
    with pytest.raises(EntryPruned):
        make(record, About(Kind.PERSON, person.person), by="auditor-1")
    begun = (record.clock() - timedelta(days=3000)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with pytest.raises(EntryPruned):
        make(record, About(Kind.PERIOD, f"{begun}/2100-01-01T00:00:00Z"), by="auditor-1")
    # Her receipt is put together from rows, and what she signed in them was erased.
    with pytest.raises(KeysErased):
        receipt_of(record, person.authorization, now=record.clock())


def test_a_legal_hold_keeps_all_that_is_hers_until_it_ends(at_stage: Stage, clock: Clock) -> None:
    # Given somebody whose data a court asks for, and who had herself erased meanwhile
    world = at_stage("consented", clock=clock)
    record, holds = world.record, SubjectRights(world.record).holds
    held = world.people["astronaut"].person
    with record.database.write() as session:
        hold = holds.place(session, held, by="operator-1", order="ab" * 32, now=clock())
    filled(world)
    licences_end(world)
    for player in world.people.values():
        erase(record, player.person, BY)
    clock.moves(days=1096)
    assert finish(record) == len(world.people) - 1
    filled(world, 300)
    clock.moves(days=1200)
    renewed(world)

    # Then what tells of her holds the log,
    made = planned(world)
    assert {"held-people", "legal-holds"} <= why(made)
    assert made.entries == 0

    # until the hold ends, her keys go, and the years after that are over.
    with record.database.write() as session:
        holds.end(session, hold.id, by="operator-1", reason="over", now=clock())
    while finish(record):
        pass
    assert planned(world).entries == 0, "what was said of her now refers to what was said then"
    clock.moves(days=1200)
    renewed(world)
    assert planned(world).entries >= 512


def test_where_a_key_ended_is_known_after_its_entry_went(at_stage: Stage, clock: Clock) -> None:
    # Given a key that was retired at a place of the log
    world = at_stage("consented", clock=clock)
    old = dutykeys.rotate(world.settings, Duty.EXPORT, world.record.entropy).old

    def line() -> str:
        lines = texts.trusted(world.record).decode().splitlines()
        return next(one for one in lines if one.startswith(f"consentry/export/v1 {old}"))

    until = line().rpartition(" until ")[2]
    assert until.isdecimal()
    filled(world)
    everybody_erased(world, clock)

    # When the entry goes, and once more
    for _ in range(2):
        said = pruning.prune(world.record, planned(world))
        assert said is None or said.minimum > int(until)
        filled(world)
        clock.moves(days=1200)
        renewed(world)

    # Then trust ends where it did
    assert line().rpartition(" until ")[2] == until
    assert adds_up(world)
    with world.record.database.read() as session:
        assert check(session, world.record, only={"duty_key"}).differs == ()


def test_the_law_sets_a_floor(forgotten: World) -> None:
    floor = pruning.least(forgotten.record)
    assert floor.days == 1095
    with pytest.raises(LogRetentionShort, match="1095"):
        planned(forgotten, days=1094)
    assert planned(forgotten, days=1096).entries >= 512


def test_the_worker_does_it_where_it_is_set(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("consented", clock=clock)
    filled(world)
    everybody_erased(world, clock)

    assert purger(world.record).run().gone.get(ENTRY) is None
    object.__setattr__(world.record, "settings", world.settings.model_copy(update={"log_retention": 1100}))
    gone = purger(world.record).run().gone[ENTRY]
    assert gone >= 512
    assert gone % 256 == 0
    assert purger(world.record).run().gone.get(ENTRY) is None

    # Too few days are no reason to prune more, but an error that is said.
    object.__setattr__(world.record, "settings", world.settings.model_copy(update={"log_retention": 200}))
    assert purger(world.record).run().failed == {ENTRY: "LOG_RETENTION_SHORT"}
    object.__setattr__(world.record, "settings", world.settings.model_copy(update={"log_retention": None}))


def test_a_pruning_that_broke_off_is_finished_by_the_worker(
    forgotten: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = forgotten
    made = planned(world)

    def dies(_record: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(pruning, "finish", dies)
        with pytest.raises(ZeroDivisionError):
            pruning.prune(world.record, made)
    with pytest.raises(ConsentryError, match="another pruning"):
        pruning.prune(world.record, made)

    assert purger(world.record).run().gone[ENTRY] == made.entries
    assert adds_up(world)[0] > 0


# Every row that names an entry

_NAMES = {"entry", "leaf_hash", "head", "prev", "started"}
_RELEASED = {
    ("duty_key", "entry"): "said again, in the same pruning, before it goes",
    ("log_entry", "leaf_hash"): "the entry itself",
    ("log_sealed", "leaf_hash"): "goes with its entry",
    ("log_pruning", "entry"): "the last one is younger than any minimum",
    ("consent_event", "prev"): "an entry of the same chain, which the event after refers to",
    ("consent_state", "head"): "the last event of a chain",
    ("decision_person", "head"): "an event of a chain that a kept decision rests on",
    ("link", "head"): "a suspension, an event of a chain",
    ("consent_reminder", "entry"): "told once; nothing reads it",
}
"""Columns with leaf hashes that hold nothing, and why not."""


def test_every_row_that_names_an_entry_holds_it_or_says_why_not(at_stage: Stage, clock: Clock) -> None:
    """A table that is added must be thought of: in `needed` of its room, or here."""
    world = at_stage("founded", clock=clock)
    with world.record.database.read() as session:
        asked = needs(session, world.record, clock())
    held = set()
    for need in asked:
        assert need.why in WHY
        if not isinstance(need.entries, list):
            (column,) = need.entries.exported_columns  # type: ignore[union-attr]
            (base,) = column.base_columns
            held.add((base.table.name, base.name))
    named = {
        (table.name, column.name)
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name in _NAMES
    }
    assert named - held - _RELEASED.keys() == set()
    assert not held & _RELEASED.keys()


def test_each_need_is_a_query_that_both_engines_take(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("asked", clock=clock)
    clock.moves(minutes=1)
    with world.record.database.read() as session:
        asked = needs(session, world.record, clock())
    assert {"consents", "people", "keys", "policies", "notices", "permits", "decisions"} <= {
        one.why for one in asked
    }
    filled(world, 300)
    clock.moves(days=1200)
    made = planned(world)
    assert made.entries == 0
    assert {"consents", "people", "decisions", "permits"} <= why(made)


def test_folders_hold_nothing_of_what_was_pruned(forgotten: World) -> None:
    world = forgotten
    said = pruning.prune(world.record, planned(world))
    assert said is not None
    folder = world.record.layout.log / "tile"
    assert {int(each.name) for each in (folder / "entries").iterdir() if each.is_file()} == set(
        range(said.blocks, (said.index + 1) // 256)
    )
