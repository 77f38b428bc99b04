"""Duties stay owed until they are done; what goes wrong is put off and counted."""

from datetime import timedelta

from audit.ids import Entropy
from service.database import Database
from shelved import NOON, TENANT
from swap import duties
from swap.duties import Kind

HOUR = timedelta(hours=1)


def test_what_is_owed_comes_oldest_first_and_only_when_due(database: Database, entropy: Entropy) -> None:
    with database.write() as session:
        later = duties.owe(session, TENANT, Kind.CANCEL_JOB, "j", now=NOON + HOUR, entropy=entropy)
        first = duties.owe(session, TENANT, Kind.RUN_JOB, "j", now=NOON, entropy=entropy)

    with database.read() as session:
        assert duties.open_duties(session, TENANT, now=NOON) == [first]
        assert duties.open_duties(session, TENANT, now=NOON + HOUR) == [first, later]
        assert duties.open_duties(session, "other", now=NOON + HOUR) == []


def test_a_queue_of_one_kind_does_not_hide_another(database: Database, entropy: Entropy) -> None:
    with database.write() as session:
        for number in range(3):
            duties.owe(session, TENANT, Kind.RUN_JOB, f"j{number}", now=NOON, entropy=entropy)
        last = duties.owe(session, TENANT, Kind.WITHDRAW_OUTPUT, "o", now=NOON + HOUR, entropy=entropy)

    with database.read() as session:
        owed = duties.open_duties(session, TENANT, now=NOON + HOUR, limit=2)

    assert [duty.kind for duty in owed] == [Kind.RUN_JOB, Kind.RUN_JOB, Kind.WITHDRAW_OUTPUT]
    assert owed[-1] == last


def test_a_duty_is_done_once_and_not_by_another_tenant(database: Database, entropy: Entropy) -> None:
    with database.write() as session:
        duty = duties.owe(session, TENANT, Kind.RUN_JOB, "j", now=NOON, entropy=entropy)
        session.flush()
        duties.done(session, "other", duty.id, now=NOON)
        assert duties.open_duties(session, TENANT, now=NOON) == [duty]
        duties.done(session, TENANT, duty.id, now=NOON)
        duties.done(session, TENANT, duty.id, now=NOON)
        assert duties.open_duties(session, TENANT, now=NOON) == []


def test_a_failure_is_put_off_and_counted_once_whoever_notices(database: Database, entropy: Entropy) -> None:
    with database.write() as session:
        duty = duties.owe(session, TENANT, Kind.RUN_JOB, "j", now=NOON, entropy=entropy)
        session.flush()
        for _ in range(2):
            duties.again(session, TENANT, duty, due=NOON + HOUR)
        assert duties.open_duties(session, TENANT, now=NOON) == []
        (again,) = duties.open_duties(session, TENANT, now=NOON + HOUR)
    assert again.attempts == 1


def test_what_is_owed_is_counted_by_kind_with_its_oldest_and_its_worst(
    database: Database, entropy: Entropy
) -> None:
    with database.write() as session:
        for hours in (2, 1):
            duties.owe(session, TENANT, Kind.RUN_JOB, "j", now=NOON + hours * HOUR, entropy=entropy)
        failing = duties.owe(session, TENANT, Kind.NOTIFY, "p", now=NOON, entropy=entropy)
        settled = duties.owe(session, TENANT, Kind.CANCEL_JOB, "j", now=NOON, entropy=entropy)
        session.flush()
        duties.again(session, TENANT, failing, due=NOON + 3 * HOUR)
        duties.done(session, TENANT, settled.id, now=NOON)

    with database.read() as session:
        assert duties.backlog(session, TENANT) == [
            duties.Backlog(Kind.NOTIFY, 1, NOON + 3 * HOUR, 1),
            duties.Backlog(Kind.RUN_JOB, 2, NOON + HOUR, 0),
        ]
        assert duties.backlog(session, "other") == []
