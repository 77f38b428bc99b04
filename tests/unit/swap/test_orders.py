"""Donors and jobs: photos are counted by who needs them, jobs end once, a tenant sees its own."""

from datetime import timedelta

import pytest

from service.database import Database
from shelved import NOON, TENANT, a_donor, a_job, announced
from swap import orders
from swap.errors import NoSuchThing, WrongState
from swap.orders import Progress

LATER = NOON + timedelta(hours=24)


def test_a_donor_comes_back_as_she_was_kept(database: Database) -> None:
    donor = a_donor()
    with database.write() as session:
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
    with database.read() as session:
        assert orders.donor(session, TENANT, donor.id) == donor
        with pytest.raises(NoSuchThing):
            orders.donor(session, "other", donor.id)


def test_a_photo_is_needed_while_any_donor_has_it(database: Database) -> None:
    one, two = a_donor(), a_donor()
    with database.write() as session:
        for donor in (one, two):
            orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        assert orders.donor_deleted(session, TENANT, one.id)
        assert orders.photo_needed(session, TENANT, one.photo_digest)
        assert orders.donor_deleted(session, TENANT, two.id)
        assert not orders.photo_needed(session, TENANT, one.photo_digest)
        assert not orders.photo_needed(session, "other", one.photo_digest)


def test_of_two_who_delete_a_photo_one_is_told_he_did(database: Database) -> None:
    donor = a_donor()
    with database.write() as session:
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        assert orders.donor_deleted(session, TENANT, donor.id)
        assert not orders.donor_deleted(session, TENANT, donor.id)


def test_a_photo_is_due_at_its_date_and_at_once_when_she_withdraws(database: Database) -> None:
    early, late, withdrawn = a_donor(), a_donor(), a_donor(authorization="9" * 32)
    with database.write() as session:
        orders.add_donor(session, TENANT, early, now=NOON, delete_after=NOON)
        for donor in (late, withdrawn):
            orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        assert orders.donors_due(session, TENANT, now=NOON, limit=9) == [early.id]
        orders.end_donors(session, TENANT, "9" * 32, now=NOON)
        assert orders.donors_due(session, TENANT, now=NOON, limit=9) == sorted([early.id, withdrawn.id])
        assert orders.donors_due(session, "other", now=LATER, limit=9) == []


def test_a_job_runs_and_ends_once(database: Database) -> None:
    with database.write() as session:
        donor = a_donor()
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        job = a_job(session, announced(session), donor)
        assert orders.waiting_for(session, TENANT, donor.id)

        orders.begin(session, TENANT, job, attempt=1, started="ab" * 32, now=NOON)
        running = orders.job(session, TENANT, job)
        assert (running.progress, running.attempt) == (Progress.RUNNING, 1)
        assert not running.progress.final

        outcome = {"rules": ["G-10"]}
        assert not orders.end(session, TENANT, job, Progress.REFUSED, attempt=0, outcome=outcome, now=NOON)
        assert orders.job(session, TENANT, job) == running
        assert orders.end(session, TENANT, job, Progress.REFUSED, attempt=1, outcome=outcome, now=NOON)
        ended = orders.job(session, TENANT, job)
        assert ended.progress.final
        assert ended.outcome == b'{"rules":["G-10"]}'
        assert not orders.waiting_for(session, TENANT, donor.id)
        with pytest.raises(WrongState):
            orders.end(session, TENANT, job, Progress.RELEASED, attempt=1, outcome={}, now=NOON)
        with pytest.raises(WrongState):
            orders.begin(session, TENANT, job, attempt=2, started="ab" * 32, now=NOON)


def test_jobs_are_found_by_template_and_by_donor(database: Database) -> None:
    with database.write() as session:
        donor, template = a_donor(), announced(session)
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        open_job, ended = a_job(session, template, donor), a_job(session, template, donor)
        orders.end(session, TENANT, ended, Progress.FAILED, attempt=0, outcome={}, now=NOON)

        def found(**which: bool) -> list[set[str]]:
            return [
                {job.id for job in orders.jobs_of(session, TENANT, templates=[template], **which)},
                {job.id for job in orders.jobs_with_donor(session, TENANT, donor.authorization, **which)},
            ]

        assert found(unfinished=True) == [{open_job}] * 2
        assert found(unfinished=False) == [{open_job, ended}] * 2
        assert orders.jobs_of(session, "other", templates=[template], unfinished=False) == []
        orders.cancel(session, TENANT, open_job)
        assert orders.job(session, TENANT, open_job).cancelled


def test_another_tenant_has_no_such_job(database: Database) -> None:
    with database.write() as session:
        donor = a_donor()
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        job = a_job(session, announced(session), donor)
        for look in (
            lambda: orders.job(session, "other", job),
            lambda: orders.end(session, "other", job, Progress.FAILED, attempt=0, outcome={}, now=NOON),
        ):
            with pytest.raises(NoSuchThing):
                look()


def test_unfinished_jobs_are_counted_with_their_oldest_and_ended_ones_by_when(database: Database) -> None:
    with database.write() as session:
        donor, template = a_donor(), announced(session)
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        waits, runs, failed, refused = (a_job(session, template, donor) for _ in range(4))
        orders.begin(session, TENANT, runs, attempt=1, started="ab" * 32, now=LATER)
        orders.end(session, TENANT, failed, Progress.FAILED, attempt=0, outcome={}, now=NOON)
        orders.end(session, TENANT, refused, Progress.REFUSED, attempt=0, outcome={}, now=LATER)

    with database.read() as session:
        assert orders.job(session, TENANT, waits).progress is Progress.QUEUED
        assert orders.unfinished(session, TENANT) == [
            orders.Unfinished(Progress.QUEUED, 1, NOON),
            orders.Unfinished(Progress.RUNNING, 1, LATER),
        ]
        assert orders.unfinished(session, "other") == []
        assert orders.ended(session, TENANT, since=NOON, until=LATER) == {Progress.FAILED: 1}
        assert orders.ended(session, TENANT, since=LATER, until=LATER + (LATER - NOON)) == {
            Progress.REFUSED: 1
        }
        assert orders.ended(session, "other", since=NOON, until=LATER) == {}


def test_progress_is_of_the_attempt_at_work(database: Database) -> None:
    # Given a job whose second attempt has begun
    with database.write() as session:
        donor = a_donor()
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        job = a_job(session, announced(session), donor)
        orders.begin(session, TENANT, job, attempt=1, started="ab" * 32, now=NOON)
        orders.progressed(session, TENANT, job, attempt=1, done=7, total=9)
        assert (orders.job(session, TENANT, job).done, orders.job(session, TENANT, job).total) == (7, 9)
        orders.begin(session, TENANT, job, attempt=2, started="ab" * 32, now=NOON)

        # When both tell how far they are, and one more after the end
        orders.progressed(session, TENANT, job, attempt=1, done=8, total=9)
        assert (orders.job(session, TENANT, job).done, orders.job(session, TENANT, job).total) == (0, None)
        orders.progressed(session, TENANT, job, attempt=2, done=2, total=9)
        orders.end(session, TENANT, job, Progress.FAILED, attempt=2, outcome={}, now=NOON)
        orders.progressed(session, TENANT, job, attempt=2, done=3, total=9)

        # Then only what the one at work said counts
        assert orders.job(session, TENANT, job).done == 2


def test_an_open_job_is_called_off_and_an_ended_one_is_not(database: Database) -> None:
    with database.write() as session:
        donor = a_donor()
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        job = a_job(session, announced(session), donor)
        assert not orders.called_off(session, TENANT, job)
        assert orders.call_off(session, TENANT, job).cancelled
        assert orders.called_off(session, TENANT, job)
        orders.end(session, TENANT, job, Progress.FAILED, attempt=0, outcome={}, now=NOON)
        with pytest.raises(WrongState):
            orders.call_off(session, TENANT, job)
        with pytest.raises(NoSuchThing):
            orders.call_off(session, "other", job)


def test_jobs_are_paged_newest_first_and_each_once(database: Database) -> None:
    # Given jobs, two of them of the same instant
    with database.write() as session:
        donor, template = a_donor(), announced(session)
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=LATER)
        jobs = [a_job(session, template, donor) for _ in range(4)]
        newest = {"template": template, "donor_id": donor.id, "permit": "e" * 32}
        orders.add_job(session, TENANT, "f" * 32, **newest, now=LATER)

        # When they are read two by two
        seen: list[str] = []
        before = None
        while found := orders.page(session, TENANT, before, 2):
            seen += [job.id for job in found]
            before = (found[-1].asked_at, found[-1].id)

        # Then the newest comes first, and none is missed or told twice
        assert seen == ["f" * 32, *sorted(jobs, reverse=True)]
        assert orders.page(session, "other", None, 10) == []
