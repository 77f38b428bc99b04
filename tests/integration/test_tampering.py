"""Somebody has the database in his hands. What he edits is refused, not believed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlmodel import select

from audit.errors import Diverged
from consent import assessment, docket
from consent.permit import Refusal
from consent.redemption import Run
from consent.seals import Cell
from grounds import Ground, open_world
from service.rowcheck.check import check
from service.worker import working
from swap import cases, library, orders
from swap.cases import Verdict
from swap.orders import Progress
from swap.pipeline import Pipeline
from swap.release import Release
from worlds import Cheap, World, must

Stage = Callable[..., World]


def swapped_verdicts(world: World) -> bytes:
    """The stored verdicts with performer and bystander changed over: the donor would stand on him."""
    from audit.canonical import canonical

    with world.record.database.read() as session:
        found = library.get(session, world.tenant, world.known["template"])
        verdicts = cases.verdicts_of(library.seen(session, world.tenant, found)[1] or b"")
    people = sorted({v.person for v in verdicts if v.person})
    other = dict(zip(people, reversed(people), strict=True))
    return canonical(cases.verdicts_json(Verdict(v.track, v.match, other[v.person or ""]) for v in verdicts))


def other_scan(world: World) -> tuple[bytes, str]:
    """The stored scan with a track left out, and its own right digest."""
    with world.record.database.read() as session:
        found = library.get(session, world.tenant, world.known["template"])
        scan, _ = library.seen(session, world.tenant, found)
    less = replace(scan, tracks=scan.tracks[1:])
    return less.to_bytes(), less.digest


def edit_verdicts(world: World) -> None:
    assert world.edit("UPDATE scan SET verdicts = :new", new=swapped_verdicts(world)) == 1


def edit_scan(world: World) -> None:
    body, digest = other_scan(world)
    assert world.edit("UPDATE scan SET body = :body, digest = :digest", body=body, digest=digest) == 1
    assert world.edit("UPDATE template SET scan_digest = :digest", digest=digest) == 1


def edit_scan_carelessly(world: World) -> None:
    assert world.edit("UPDATE scan SET body = :body", body=other_scan(world)[0]) == 1


def edit_source(world: World) -> None:
    with world.record.database.read() as session:
        source = library.get(session, world.tenant, world.known["template"]).source
    assert (
        world.edit("UPDATE source SET record = :new", new=replace(source, supplier="another").to_bytes()) == 1
    )


def damage_source(world: World) -> None:
    assert world.edit("UPDATE source SET record = :new", new=b"{}") == 1


def edit_cast(world: World) -> None:
    assert world.edit("DELETE FROM cast_member WHERE role = 'BACKGROUND'") == 1


def edit_publication(world: World) -> None:
    assert world.edit("UPDATE template SET published_by = :new", new="0" * 32) == 1


EDITS = [
    edit_verdicts,
    edit_scan,
    edit_scan_carelessly,
    edit_source,
    damage_source,
    edit_cast,
    edit_publication,
]


@pytest.mark.parametrize(
    ("ground", "edit"),
    [*(("sqlite", edit) for edit in EDITS), ("postgresql", edit_verdicts)],
    indirect=["ground"],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_template_that_is_not_what_was_published_serves_no_swap(
    edit: Callable[[World], None], at_stage: Stage
) -> None:
    world = at_stage("received")
    edit(world)

    with pytest.raises(Diverged) as raised:
        world.ask()

    assert raised.value.code == "STORED_BYTES_CHANGED"
    assert world.rows("job") == world.rows("permit") == 0


def test_a_template_published_by_an_edit_serves_no_swap(at_stage: Stage) -> None:
    world = at_stage("scanned")
    world.receive()
    assert world.edit("UPDATE template SET state = 'published'") == 1

    with pytest.raises(Diverged):
        world.ask()


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "edit",
    ["photo_digest = :other || :other", "person_id = :other", "is_self = true", "decided_by = :other"],
)
def test_a_donor_who_is_not_the_one_decided_about_serves_no_swap(edit: str, at_stage: Stage) -> None:
    world = at_stage("received")
    values = {"other": "0" * 32} if ":other" in edit else {}
    assert world.edit(f"UPDATE donor SET {edit}", **values) == 1  # noqa: S608

    with pytest.raises(Diverged) as raised:
        world.ask()

    assert raised.value.code == "STORED_BYTES_CHANGED"
    assert world.rows("job") == world.rows("permit") == 0


@pytest.mark.parametrize("edit", [edit_verdicts, edit_scan], ids=lambda edit: edit.__name__)
@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_permit_is_for_the_tracks_it_was_given_for(edit: Callable[[World], None], at_stage: Stage) -> None:
    # Given a permitted swap, and rows edited behind it
    world = at_stage("asked", Never())
    edit(world)

    # When the job runs
    job = run(world)

    # Then no engine was started, and nothing of it is left
    assert job.progress is Progress.FAILED
    assert job.outcome == b'{"error":"STORED_BYTES_CHANGED"}'
    assert world.rows("output") == 0
    assert world.files("work") == []
    assert world.kinds().count("JobEnded") == 1


def test_a_job_for_another_template_than_its_permit_runs_nothing(at_stage: Stage) -> None:
    # Given two templates of the same bytes and a job that is moved from one to the other
    world = at_stage("asked", Never())
    first = world.known["template"]
    must(world.announce()[0])
    world.admit()
    must(world.scan().decision)
    must(world.publish())
    assert world.known["template"] != first
    assert world.edit("UPDATE job SET template_id = :other", other=world.known["template"]) == 1

    job = run(world)

    assert job.progress is Progress.FAILED
    assert job.outcome == b'{"error":"STORED_BYTES_CHANGED"}'


def test_a_job_with_another_photo_than_its_permit_is_refused(at_stage: Stage) -> None:
    world = at_stage("asked", Never())
    assert world.edit("UPDATE donor SET photo_digest = :other", other="0" * 64) == 1

    job = run(world)

    assert job.progress is Progress.REFUSED
    assert b"OTHER_WORK" in (job.outcome or b"")


@pytest.mark.parametrize("stage", ["received", "asked"])
def test_an_edited_authorization_is_nobodys(stage: str, at_stage: Stage) -> None:
    world = at_stage(stage, Never())
    her, authorization = world.people["astronaut"].person, world.people["astronaut"].authorization
    with world.record.database.read() as session:
        kept = assessment.stored(session, world.record.ledger, authorization)
    assert kept is not None
    wider = kept.document.replace(b'"CN"', b'"US"')
    assert wider != kept.document
    # By somebody who has the keys as well.
    cell = world.record.ledger.cells.seal(Cell.DOCUMENT, authorization, her, wider)
    assert world.edit("UPDATE signed_authorization SET document = :d WHERE id = :a", d=cell, a=authorization)

    if stage == "asked":
        assert run(world).progress is Progress.REFUSED
    else:
        decision = world.ask().decision
        assert isinstance(decision, Refusal)
        assert set(decision.reasons) & {"G-00", "G-13"}
    assert world.rows("output") == 0


def test_a_forgotten_withdrawal_is_still_one(at_stage: Stage) -> None:
    """Every row of the withdrawal is turned back; the journal outside the database is not."""
    world = at_stage("received")
    authorization = world.people["astronaut"].authorization
    before = dict(world.known)
    with world.record.database.read() as session:
        status = session.connection().exec_driver_sql("SELECT status FROM consent_state LIMIT 1").scalar_one()
    world.withdraws("astronaut")
    world.edit("UPDATE consent_state SET status = :s WHERE authorization_id = :a", s=status, a=authorization)
    world.edit("UPDATE template SET frozen = false")
    world.known = before

    decision = world.ask().decision

    assert isinstance(decision, Refusal)
    assert set(decision.reasons) & {"G-00", "G-10"}


def test_a_permit_of_another_tenant_is_none(at_stage: Stage, ground: Ground, tmp_path: Path) -> None:
    # Given two tenants, the one even trusting the other's permit key
    world = at_stage("asked")
    other = open_world(ground.found(tmp_path / "other", tenant="other"))
    with world.record.database.read() as session:
        token = next(iter(lives(session, world))).token
    asked = Run("a job", 1, media(world), photo(world), Cheap.name, tuple(Cheap.digests.values()))

    # When the permit of the first is presented to the second
    answers = []
    for trusted in (other.record.permits.trusted, world.record.permits.trusted):
        permits = replace(other.record.permits, trusted=trusted)
        with other.record.database.write() as session:
            answers.append(
                permits.redeem(session, token, asked, other.record.clock(), other.record.log.covered)
            )

    # Then it is refused, in the second's log
    assert [answer.reasons for answer in answers if isinstance(answer, Refusal)] == [
        ("PERMIT_FORGED",),
        ("PERMIT_OTHER_TENANT",),
    ]
    assert other.kinds()[-2:] == ["RedemptionRefused"] * 2
    other.close()


def test_a_finished_job_is_not_run_again(at_stage: Stage) -> None:
    # Given a job that was released
    world = at_stage("asked")
    assert run(world).progress is Progress.RELEASED
    kinds = world.kinds()
    pipeline, job = world.studio.pipeline, world.known["job"]

    # When it is run again, and its permit redeemed for another job
    assert pipeline.redeem(job) is False
    assert pipeline.run(job) is None
    with world.record.database.write() as session:
        life = next(iter(lives(session, world)))
        asked = Run("another", 1, media(world), photo(world), Cheap.name, tuple(Cheap.digests.values()))
        answer = world.record.permits.redeem(
            session, life.token, asked, world.record.clock(), world.record.log.covered
        )

    # Then nothing happened but a refusal
    assert isinstance(answer, Refusal)
    assert world.kinds() == [*kinds, "RedemptionRefused"]
    assert world.rows("output") == 1


def test_a_finished_file_that_was_changed_is_not_released(at_stage: Stage) -> None:
    # Given a run whose file is changed before its release
    world = at_stage("asked")
    pipeline, job = world.studio.pipeline, world.known["job"]
    assert pipeline.redeem(job)
    made = pipeline.run(job)
    assert made is not None
    with made.path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x00" if file.read(1) != b"\x00" else b"\x01")

    with pytest.raises(Diverged) as raised:
        pipeline.release(job, made)

    assert raised.value.code == "STORED_BYTES_CHANGED"
    assert len(world.files("media")) == 1, "the template alone"
    assert world.rows("output") == 0


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
@pytest.mark.parametrize("lie", [{"label": False}, {"finished": ""}, {"swapped": 10_000}, {"frames": 1}])
def test_an_account_the_log_does_not_hold_releases_nothing(lie: dict[str, object], at_stage: Stage) -> None:
    """What a durable job remembers is in a file that is not ours; the log's account of the run decides."""
    world = at_stage("asked")
    pipeline, job = world.studio.pipeline, world.known["job"]
    assert pipeline.redeem(job)
    made = pipeline.run(job)
    assert made is not None

    assert pipeline.release(job, replace(made, **lie)) is False  # type: ignore[arg-type]

    with world.record.database.read() as session:
        assert b"G-36" in (orders.job(session, world.tenant, job).outcome or b"")
    assert len(world.files("media")) == 1, "the template alone"


def test_a_fenced_run_releases_and_closes_nothing(at_stage: Stage) -> None:
    # Given a run that lost its slot, and a later attempt of the same job
    world = at_stage("asked")
    pipeline, job = world.studio.pipeline, world.known["job"]
    assert pipeline.redeem(job)
    stale = pipeline.run(job)
    assert stale is not None
    assert pipeline.redeem(job)

    # When the first one comes to release
    assert pipeline.release(job, stale) is False

    # Then the job is still the later attempt's, which releases it
    made = pipeline.run(job)
    assert made is not None
    assert made.attempt == 2
    assert pipeline.release(job, made)
    assert pipeline.release(job, stale), "it was released, by the other"
    pipeline.settle(job)
    assert world.rows("output") == 1
    assert len(world.files("media")) == 2
    assert world.kinds().count("OutputReleased") == 1


ON_POSTGRESQL = pytest.mark.parametrize("ground", ["postgresql"], indirect=True)
"""On SQLite who writes is alone: nobody overtakes him."""


def overtaken(place: type, name: str, by: Callable[[], object]) -> Any:
    """The first time that this is called, somebody else does something before."""
    whole, passed = getattr(place, name), list[str]()

    def run(*args: Any, **more: Any) -> Any:
        if not passed:
            passed.append("by")
            by()
        return whole(*args, **more)

    return patch.object(place, name, run)


@ON_POSTGRESQL
def test_who_was_overtaken_on_the_way_to_the_permit_does_not_close_the_job(at_stage: Stage) -> None:
    # Given two workers that found a job without an attempt
    world = at_stage("asked")
    pipeline, job = world.studio.pipeline, world.known["job"]

    # When one takes the permit before the other
    with overtaken(Pipeline, "_redeem", lambda: pipeline.redeem(job)):
        assert not pipeline.redeem(job)

    # Then the other is refused, and the job is the first one's, which releases it.
    assert world.kinds().count("RedemptionRefused") == 1
    made = pipeline.run(job)
    assert made is not None
    assert pipeline.release(job, made)
    assert untouched(world)


@ON_POSTGRESQL
def test_who_was_overtaken_on_the_way_to_a_release_does_not_close_the_job(at_stage: Stage) -> None:
    world = at_stage("asked")
    pipeline, job = world.studio.pipeline, world.known["job"]
    assert pipeline.redeem(job)
    stale = pipeline.run(job)
    assert stale is not None

    with overtaken(Release, "_measured", lambda: pipeline.redeem(job)):
        assert not pipeline.release(job, stale)

    made = pipeline.run(job)
    assert made is not None
    assert made.attempt == 2
    assert pipeline.release(job, made)
    assert untouched(world)


def untouched(world: World) -> bool:
    """Whether every row is what the log says."""
    with world.record.database.read() as session:
        found = check(session, world.record)
    return (found.differs, found.missing) == ((), ())


def test_a_released_file_that_was_changed_is_not_handed_over(at_stage: Stage) -> None:
    world = at_stage("asked")
    assert run(world).progress is Progress.RELEASED
    from swap import outputs

    with world.record.database.read() as session:
        output = outputs.of_job(session, world.tenant, world.known["job"])
    assert output is not None
    path: Path = world.record.delivery.media.path(output.digest)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(Diverged):
        world.record.delivery.deliver(output.id)

    with world.record.database.read() as session:
        assert outputs.get(session, world.tenant, output.id).served == 0


class Never(Cheap):
    """An engine that must not be started."""

    def render(self, *_, **__):
        pytest.fail("the engine was started")


def run(world: World) -> orders.Job:
    with working(world.record, world.studio) as worker:
        return worker.wait_for(world.known["job"], lambda *_: None)


def lives(session, world: World) -> Sequence[docket.Life]:
    from consent.tables import PermitRow

    ids = session.exec(select(PermitRow.id).where(PermitRow.tenant_id == world.tenant)).all()
    return [life for each in ids if (life := docket.life(session, world.tenant, each, lock=False))]


def media(world: World) -> str:
    with world.record.database.read() as session:
        return library.get(session, world.tenant, world.known["template"]).media_digest or ""


def photo(world: World) -> str:
    with world.record.database.read() as session:
        return orders.donor(session, world.tenant, world.known["donor"]).photo_digest
