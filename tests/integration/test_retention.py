"""What has reached its date goes, files included, and leaves an entry that counts; what hasn't stays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from audit import instant
from audit.durable import DiskFailed
from audit.fact import Subject
from audit.ledger import Ledger
from consent.dimensions import DataClass
from consent.matching import match
from consent.words import Role
from service import retention
from service.database import utc_now
from service.retention import CLASSES, purger
from swap import filelocks, library, outputs
from swap.admission import Admission
from swap.draft import Draft
from swap.errors import UploadGone, WrongState
from swap.folder import ContentFolder
from swap.library import State
from swap.retention import AFTER, Kept, Purge, Purger
from swap.serving import Gone
from swap.sweeper import Sweeper
from worlds import USE, World, must

Stage = Callable[..., World]


class Died(BaseException):
    """A process that is no more."""


@dataclass
class Clock:
    """The time, and how far it was moved."""

    later: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.later

    def moves(self, **by: float) -> None:
        self.later += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def purged(world: World) -> dict[str, int]:
    """What goes now, by class; nothing may fail."""
    done = purger(world.record).run()
    assert done.failed == {}
    return dict(done.gone)


def said(world: World) -> list[dict[str, Any]]:
    """What the entries of purges say, in order of writing."""
    subject = Subject("tenant", world.tenant)
    with world.record.database.read() as session:
        return [
            dict(world.record.ledger.opened(session, entry.leaf_hash, subject) or {})
            for entry in world.record.ledger.entries_of(session, subject)
            if b'"t":"Purged"' in entry.leaf
        ]


def state(world: World) -> State:
    with world.record.database.read() as session:
        return library.get(session, world.tenant, world.known["template"]).state


@pytest.mark.parametrize("stage", ["admitted", "scanned"])
def test_an_upload_nobody_answered_goes_after_14_days(stage: str, at_stage: Stage, clock: Clock) -> None:
    # Given a template that was never decided on, shortly before its date
    world = at_stage(stage, clock=clock)
    clock.moves(days=13, hours=23)
    assert purged(world) == {}
    assert len(world.files("media", "quarantine")) == 2

    # When its date has come
    clock.moves(hours=2)

    # Then bytes and scan are gone, its record stays, and the log has counted it without a name.
    assert purged(world) == {"unanswered-template": 1}
    assert world.files("media", "quarantine") == []
    assert world.rows("scan") == 0
    assert world.rows("template") == world.rows("source") == 1
    assert state(world) is State.PURGED
    (entry,) = said(world)
    assert (entry["class"], entry["count"]) == ("unanswered-template", 1)
    assert set(entry) == {"class", "count", "at"}
    assert purged(world) == {}


def test_a_purged_template_comes_back_by_no_step(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("scanned", clock=clock)
    clock.moves(days=15)
    purged(world)

    for step in (
        world.scan,
        world.publish,
        world.admit,
        lambda: world.studio.admission.preview(world.known["template"], world.people["astronaut"].person),
        lambda: world.studio.admission.amend("operator-1", world.known["template"], world.cast()),
    ):
        with pytest.raises(WrongState):
            step()


def test_an_amended_cast_begins_the_days_anew(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("scanned", clock=clock)
    clock.moves(days=10)
    must(world.studio.admission.amend("operator-1", world.known["template"], world.cast()))
    clock.moves(days=10)

    assert purged(world) == {}
    clock.moves(days=5)
    assert purged(world) == {"unanswered-template": 1}


def test_a_refused_template_goes_after_24_hours(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("scanned", clock=clock)
    assert not hasattr(world.publish(replace(USE, intimate=True)), "token")
    assert state(world) is State.REFUSED
    clock.moves(hours=23)
    assert purged(world) == {}

    clock.moves(hours=2)

    assert purged(world) == {"refused-template": 1}
    assert world.files("media", "quarantine") == []


def test_a_published_template_stays_until_the_first_of_its_people_said(at_stage: Stage, clock: Clock) -> None:
    # Given that one of them allowed her video for 20 days, and the other for longer
    world = at_stage("founded", clock=clock)
    days = {DataClass.TEMPLATE: 20, DataClass.REFERENCE: 25, DataClass.EVIDENCE: 1095}
    world.agrees("astronaut", Role.PERFORMER, retention=days)
    world.agrees("cameraman", Role.BACKGROUND)
    must(world.announce()[0])
    world.admit()
    must(world.scan().decision)
    must(world.publish())
    clock.moves(days=19, hours=23)
    assert purged(world) == {}

    clock.moves(hours=2)

    assert purged(world) == {"published-template": 1}
    assert state(world) is State.PURGED


def test_a_template_somebody_withdrew_from_goes_after_24_hours(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("published", clock=clock)
    world.withdraws("cameraman")
    clock.moves(hours=23)
    assert purged(world) == {}

    clock.moves(hours=2)

    assert purged(world) == {"withdrawn-template": 1}
    assert world.files("media", "quarantine") == []


def test_two_templates_of_the_same_bytes_keep_them_for_the_one_that_stays(
    at_stage: Stage, clock: Clock
) -> None:
    # Given two templates of one video, the second announced ten days later
    world = at_stage("admitted", clock=clock)
    clock.moves(days=10)
    must(world.announce()[0])
    world.admit()
    files = world.files("media", "quarantine")

    clock.moves(days=5)
    assert purged(world) == {"unanswered-template": 1}
    assert world.files("media", "quarantine") == files

    clock.moves(days=10)
    assert purged(world) == {"unanswered-template": 1}
    assert world.files("media", "quarantine") == []


def test_an_output_goes_when_the_first_term_it_rests_on_ends(at_stage: Stage, clock: Clock) -> None:
    # Given a released output
    world = at_stage("asked", clock=clock)
    output = world.released().id
    with world.record.database.read() as session:
        until = outputs.get(session, world.tenant, output).delete_after
    assert until is not None
    file = world.record.delivery.deliver(output)
    assert isinstance(file, Path)
    clock.moves(seconds=(until - clock()).total_seconds() - 3600)
    assert "output" not in purged(world)

    # When the date has come, it is not served even before a purge, and then its file is gone.
    clock.moves(hours=2)
    assert world.record.delivery.deliver(output) is Gone.CONSENT_ENDED
    assert purged(world)["output"] == 1
    assert not file.exists()
    assert world.record.delivery.deliver(output) is Gone.CONSENT_ENDED


def test_a_withdrawn_output_says_so_also_after_its_date(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("asked", clock=clock)
    output = world.released().id
    world.withdraws("astronaut")
    sweeper(world).sweep()

    clock.moves(days=4000)

    assert world.record.delivery.deliver(output) is Gone.WITHDRAWN
    assert "output" not in purged(world)


def test_a_donors_photo_goes_after_24_hours_unless_a_job_waits_for_it(at_stage: Stage, clock: Clock) -> None:
    waiting, idle = at_stage("asked", clock=clock), at_stage("received", clock=clock)
    clock.moves(hours=25)

    assert purged(waiting) == {}
    assert purged(idle) == {"donor-photo": 1}
    assert len(idle.files("quarantine")) == 1, "the template's own upload"
    assert len(waiting.files("quarantine")) == 2


def test_a_photo_goes_at_once_if_she_withdraws_while_it_is_compared(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a donor who takes her consent back after the gate's yes to her photo
    world = at_stage("published")
    before = world.files("quarantine")

    def withdraws(*arguments: object) -> object:
        world.withdraws("hopper")
        return match(*arguments)  # type: ignore[arg-type]

    # When it turns out that the photo shows her
    monkeypatch.setattr("swap.donors.match", withdraws)
    world.receive()
    assert world.column("donor", "match") == ["matched"]

    # Then it is not kept for the day that others have.
    assert purged(world) == {"donor-photo": 1}
    assert world.files("quarantine") == before


def test_a_reference_goes_at_the_date_she_set(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("consented", clock=clock)
    assert world.rows("portrait") == 3
    clock.moves(days=3000)

    assert purged(world) == {"face-reference": 3}

    assert world.rows("portrait") == 0


def test_what_crashes_left_in_folders_goes_and_what_rows_name_stays(at_stage: Stage, clock: Clock) -> None:
    # Given, beside a published template, drafts, whole files that no row names, and an ended job's folder
    world = at_stage("received", clock=clock)
    named = world.files("media", "quarantine")
    with world.studio.pipeline.media.draft() as draft:
        draft.write(b"half")
        draft._published = True  # its writer was killed
    with Draft(world.folder / "work") as brought:
        brought._published = True  # so was who verified it
    for folder in (world.studio.pipeline.media, world.studio.pipeline.quarantine._folder):
        assert isinstance(folder, ContentFolder)
        folder.put([b"nobody names me"], max_bytes=100)
    (world.folder / "work" / ("0" * 32) / "1-x").mkdir(parents=True)
    assert purged(world) == {}

    # When their dates have come, and the donor's photo has longer
    clock.moves(hours=23)
    assert purged(world) == {"unfinished-file": 2, "work-folder": 1}
    clock.moves(hours=2)

    # Then only what rows name is left.
    later = instant.exact(clock() + timedelta(days=1))
    world.edit("UPDATE donor SET delete_after = :later", later=later)
    assert purged(world) == {"orphan-file": 2}
    assert world.files("media", "quarantine", "work") == named


def test_a_sweep_for_orphans_locks_what_nobody_names_and_no_file_that_is_kept(
    at_stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server has a few thousand locks, a folder may have any number of files."""
    world = at_stage("published", clock=clock)
    orphan = world.studio.pipeline.media.put([b"nobody names me"], max_bytes=100)
    held, try_lock = list[str](), filelocks.try_lock

    def counted(session: Session, tenant: str, digest: str) -> bool:
        held.append(digest)
        return try_lock(session, tenant, digest)

    monkeypatch.setattr(filelocks, "try_lock", counted)
    clock.moves(hours=25)

    assert purged(world)["orphan-file"] == 1
    assert held == [orphan.digest]


def test_an_orphan_that_somebody_holds_is_left_to_him(
    at_stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("founded", clock=clock)
    orphan = world.studio.pipeline.media.put([b"nobody names me"], max_bytes=100)
    clock.moves(hours=25)
    with monkeypatch.context() as patched:
        patched.setattr(filelocks, "try_lock", lambda *_: False)
        assert "orphan-file" not in purged(world)

    assert world.studio.pipeline.media.holds(orphan.digest)


def test_the_folder_of_a_job_at_work_stays(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("asked", clock=clock)
    folder = world.folder / "work" / world.known["job"] / "1-x"
    folder.mkdir(parents=True)
    clock.moves(hours=5)

    purged(world)

    assert folder.exists()


@pytest.mark.parametrize("dies_in", ["media", "quarantine", "commit"])
def test_a_purge_that_dies_half_way_is_ended_by_the_next(
    dies_in: str, at_stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a purge that dies after some files are gone and before its rows are
    world = at_stage("scanned", clock=clock)
    clock.moves(days=15)

    def no_more(*_: object) -> None:
        raise Died

    with monkeypatch.context() as broken:
        discard = ContentFolder.discard

        def dies(folder: ContentFolder, name: str) -> bool:
            gone = discard(folder, name)
            if folder._root.name == dies_in:
                raise Died
            return gone

        broken.setattr(ContentFolder, "discard", dies)
        if dies_in == "commit":
            broken.setattr(Ledger, "append", no_more)
        with pytest.raises(Died):
            purger(world.record).run()
    assert state(world) is State.SCANNED
    assert said(world) == []

    # Then the next one ends it, and counts it once.
    assert purged(world) == {"unanswered-template": 1}
    assert world.files("media", "quarantine") == []
    assert [entry["count"] for entry in said(world)] == [1]


def test_a_class_that_fails_keeps_no_other_from_going(at_stage: Stage, clock: Clock) -> None:
    world = at_stage("admitted", clock=clock)
    clock.moves(days=15)

    def fails(*_: object) -> int:
        raise DiskFailed("the disk says no")

    steps = (Purge("broken", fails), *retention.steps(world.record))
    done = Purger(world.record.database, world.record.ledger, steps, clock).run()

    assert done.failed == {"broken": "DISK_FAILED"}
    assert done.gone == {"unanswered-template": 1}


def test_more_than_one_batch_goes_in_one_run(
    at_stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("consented", clock=clock)
    for _ in range(3):
        must(world.announce()[0])
    monkeypatch.setattr("swap.retention.BATCH", 2)
    monkeypatch.setattr("swap.purging.BATCH", 2)
    clock.moves(days=15)

    assert purged(world)["unanswered-template"] == 3
    assert [entry["count"] for entry in said(world) if entry["class"] == "unanswered-template"] == [2, 1]


def test_an_upload_of_bytes_that_are_being_purged_is_not_admitted_without_them(
    at_stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a second template of the same bytes, whose upload arrives as the first one's date has come
    world = at_stage("admitted", clock=clock)
    must(world.announce()[0])
    clock.moves(days=13)
    normalise = Admission._normalise

    def meanwhile(admission: Admission, *args: Any) -> Any:
        done = normalise(admission, *args)
        for folder in (admission.media, admission.quarantine._folder):
            for name in list(folder.kept_since(utc_now() + timedelta(days=1))):
                folder.discard(name)
        return done

    monkeypatch.setattr(Admission, "_normalise", meanwhile)

    with pytest.raises(UploadGone):
        world.admit()

    assert state(world) is State.ANNOUNCED


def test_the_table_names_every_class_once_and_every_purge_has_its_line(at_stage: Stage) -> None:
    world = at_stage("founded")
    named = [one.name for one in CLASSES]
    assert len(set(named)) == len(named)
    assert {step.retention for step in retention.steps(world.record)} == set(named) - {"record"}
    assert set(AFTER) <= set(Kept)
    page = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    for one in CLASSES:
        assert f"`{one.name}`" in page
        assert one.until in page


def sweeper(world: World) -> Any:
    return Sweeper(
        world.record.database, world.record.ledger, world.record.delivery.media, world.record.clock
    )
