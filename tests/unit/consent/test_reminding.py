"""She is told thirty days and seven days before a consent ends; each once, whoever sweeps."""

import threading
from datetime import datetime, timedelta

import pytest

from consent.inbox import inbox
from consent.reminding import Reminder, due_reminders, remind, told
from consent.withdrawal import By, How
from consenting import NOON, Effects, House, Somebody, a_term
from service.database import Database

DAY = timedelta(days=1)
END = NOON + 365 * DAY


@pytest.fixture
def her(database: Database, house: House) -> Somebody:
    with database.write() as session:
        house.publish(session, NOON)
        return house.enrol(session, NOON)


def given(database: Database, house: House, her: Somebody, days: int = 365) -> str:
    with database.write() as session:
        return house.grant(session, her, NOON, term=a_term(NOON, days=days)).authorization


def sweep(database: Database, house: House, at: datetime) -> list[int]:
    with database.write() as session:
        return [one.days for one in remind(session, house.ledger, at)]


def test_she_is_told_at_thirty_days_and_at_seven_and_each_once(
    database: Database, house: House, her: Somebody
) -> None:
    authorization = given(database, house, her)
    moments = [END - 31 * DAY, END - 30 * DAY, END - 29 * DAY, END - 7 * DAY, END - DAY, END]

    assert [sweep(database, house, at) for at in moments] == [[], [30], [], [7], [], []]
    with database.read() as session:
        mine = told(session, house.tenant, her.id)
        shown = inbox(session, house.registry, her.id, now=END - DAY).reminders
    assert [one.reminder for one in mine] == [
        Reminder(authorization, her.id, 7, END),
        Reminder(authorization, her.id, 30, END),
    ]
    assert shown == mine
    assert mine[0].at == END - 7 * DAY


def test_all_of_them_are_told_whose_consents_end_however_many(
    database: Database, house: House, her: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No statement takes as many values as there may be consents that end: they are looked at by pages."""
    monkeypatch.setattr("consent.reminding.PAGE", 2)
    all_of_them = {given(database, house, her) for _ in range(5)}

    with database.read() as session:
        due = due_reminders(session, house.tenant, END - 30 * DAY)
    assert {one.authorization for one in due} == all_of_them
    assert sweep(database, house, END - 30 * DAY) == [30] * 5
    assert sweep(database, house, END - 30 * DAY) == []


def test_who_sweeps_late_tells_the_nearer_one_and_not_both(
    database: Database, house: House, her: Somebody
) -> None:
    given(database, house, her)

    assert sweep(database, house, END - 3 * DAY) == [7]
    assert sweep(database, house, END - 2 * DAY) == []


def test_a_consent_given_for_a_fortnight_is_not_announced_to_end_when_it_begins(
    database: Database, house: House, her: Somebody
) -> None:
    given(database, house, her, days=14)
    given(database, house, her, days=30)

    assert sweep(database, house, NOON) == []
    assert sweep(database, house, NOON + 7 * DAY) == [7]


def test_what_has_ended_already_is_not_announced(database: Database, house: House, her: Somebody) -> None:
    authorization = given(database, house, her)
    with database.write() as session:
        by = By(How.OWN_SESSION, her.id)
        house.registry.withdraw(session, Effects(), authorization, by=by, now=NOON)

        assert due_reminders(session, house.tenant, END - DAY) == ()
        assert due_reminders(session, "other", END - DAY) == ()


def test_two_sweeps_at_once_tell_her_once(database: Database, house: House, her: Somebody) -> None:
    given(database, house, her)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.extend(sweep(database, house, END - DAY))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [7]
