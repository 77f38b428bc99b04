"""A recovery that stops half-way: nothing starts until it has said what was lost and suspended everything."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from unittest.mock import patch

import pytest

from audit.errors import ConsentryError
from audit.fact import Subject
from audit.guard import LogBehind
from audit.journal import DenyJournal, JournalDamaged
from audit.keyhistory import DutyKeyEnded
from audit.keys import Duty
from audit.ownhead import OwnHead
from consent.registry import Registry
from consent.tables import AuthorizationRow
from consent.words import Status
from service import asking, recovery, revoking
from service.database import Database
from service.dutykeys import rotate
from service.layout import Layout
from service.recovering import RecoveryMarkDamaged, RecoveryUnfinished
from service.recovery import recover
from service.revoking import Word
from service.wiring import Record
from setback import Place, opened, place, somebody_agrees, something_happens, statuses

__all__ = ["place"]


def paused_and_forgotten(place: Place, noon: datetime) -> tuple[str, str]:
    """Two consents; one was paused since a copy of the database that is back now, with a damaged journal."""
    record = opened(place, noon)
    paused, _ = somebody_agrees(record, noon)
    other, _ = somebody_agrees(record, noon)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    asking.rest(record, paused.authorization, Word(code=paused.recovery_code), None, paused=True)
    something_happens(record, noon, 3)
    record.close()
    put_back()
    return paused.authorization, other.authorization


def said(record: Record) -> list[dict[str, object]]:
    """What the log says of recoveries."""
    with record.database.read() as session:
        found = [
            record.ledger.opened(session, entry.leaf_hash, Subject("tenant", "default"))
            for entry in record.ledger.of_kind(session, "Recovered")
        ]
    return [dict(one) for one in found if one is not None]


def killed(*_args: object, **_kwargs: object) -> None:
    raise KeyboardInterrupt


def after(act: Callable[..., object]) -> Callable[..., object]:
    def acted(*args: object, **kwargs: object) -> object:
        act(*args, **kwargs)
        raise KeyboardInterrupt

    return acted


STEPS = {
    "before the journal is anew": ("service.recovery.DenyJournal.create", killed),
    "after the journal": ("service.recovery.DenyJournal.create", after(DenyJournal.create)),
    "in the tree": ("service.recovery.recovery.restore", after(recovery.recovery.restore)),
    "before the tree is committed": ("service.database.Session.commit", killed),
    "after the tree": ("service.recovery.OwnHead.advance", killed),
    "after the head": ("service.recovery.OwnHead.advance", after(OwnHead.advance)),
    "before all is suspended": ("consent.registry.Registry.suspend_all", killed),
    "after all is suspended": ("consent.registry.Registry.suspend_all", after(Registry.suspend_all)),
    "after the entry": ("service.recovering.finished", killed),
}


@pytest.mark.parametrize("step", STEPS)
def test_whoever_dies_on_the_way_starts_nothing_and_goes_on(place: Place, noon: datetime, step: str) -> None:
    # Given an older database, a damaged journal and no head, and a recovery that was killed
    paused, other = paused_and_forgotten(place, noon)
    guard = place.settings.guard_folder
    (guard / "deny.journal").write_bytes(b"not a journal\n" * 20)
    (guard / "head").unlink()
    with pytest.raises((JournalDamaged, LogBehind)):
        opened(place, noon)
    target, death = STEPS[step]
    with patch(target, death), pytest.raises(KeyboardInterrupt):
        recover(place.settings, noon)

    # Then nothing starts, however often it is tried,
    for _ in range(2):
        with pytest.raises(RecoveryUnfinished):
            opened(place, noon)

    # and the next recovery says what the first one found, once, and leaves nothing in force.
    done = recover(place.settings, noon)
    assert (done.journal_replaced, done.head_replaced, done.read_back) == (True, True, 4)
    record = opened(place, noon)
    (told,) = said(record)
    assert (told["journal_replaced"], told["head_replaced"]) == (True, True)
    assert (told["held"], told["read_back"], told["parts_lost"]) == (done.held, 4, 4)
    assert told["lost"] == [[done.held, done.held + 4]]
    assert statuses(record, paused, noon) == statuses(record, other, noon) == {Status.UNKNOWN}
    with record.database.read() as session:
        audited = record.log.audit(session)
    assert audited.sound
    assert audited.unopenable == 4
    record.close()


def test_what_the_journal_alone_knew_is_not_forgotten_in_silence(place: Place, noon: datetime) -> None:
    # Given a withdrawal that died after the journal, and a journal that was damaged then
    record = opened(place, noon)
    granted, _ = somebody_agrees(record, noon)
    with patch("consent.chain.append", killed), pytest.raises(KeyboardInterrupt):
        revoking.withdraw(record, granted.authorization, Word(code=granted.recovery_code), None)
    journal = record.layout.journal
    record.close()
    journal.write_bytes(b"\x80" + journal.read_bytes()[1:])
    with patch("consent.registry.Registry.suspend_all", killed), pytest.raises(KeyboardInterrupt):
        recover(place.settings, noon)

    with pytest.raises(RecoveryUnfinished):
        opened(place, noon)

    recover(place.settings, noon)
    record = opened(place, noon)
    assert statuses(record, granted.authorization, noon) == {Status.UNKNOWN}
    record.close()


def test_a_person_whose_keys_are_damaged_does_not_keep_the_others_in_force(
    place: Place, noon: datetime
) -> None:
    # Given
    paused, other = paused_and_forgotten(place, noon)
    with keys_of(place, other) as damaged:
        # When
        done = recover(place.settings, noon)
    assert damaged

    # Then hers is denied, and stays so once her keys are mended; the others wait for their persons.
    assert (done.suspended, done.denied) == ((paused,), (other,))
    record = opened(place, noon)
    assert statuses(record, paused, noon) == {Status.UNKNOWN}
    assert statuses(record, other, noon) == {Status.WITHDRAWN}
    (told,) = said(record)
    assert (told["suspended"], told["denied"]) == (1, 1)
    record.close()


@contextmanager
def keys_of(place: Place, authorization: str) -> Iterator[bytes]:
    """Her evidence key with a bit changed, and mended again."""
    database = Database(place.settings.database_url)
    with closing(database), database.read() as session:
        row = session.get(AuthorizationRow, ("default", authorization))
        assert row is not None
        person = row.person_id
    path = place.settings.data / "subjects" / "keys.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as keys:
        (whole,) = keys.execute("SELECT evid FROM subject WHERE id = ?", (person,)).fetchone()
        damaged = bytes([*whole[:20], whole[20] ^ 4, *whole[21:]])
        keys.execute("UPDATE subject SET evid = ? WHERE id = ?", (damaged, person))
        yield damaged
        keys.execute("UPDATE subject SET evid = ? WHERE id = ?", (whole, person))


def test_what_keeps_a_recovery_from_its_end_keeps_the_start_too(place: Place, noon: datetime) -> None:
    # Given a recovery that a folder without policies stopped
    paused, _ = paused_and_forgotten(place, noon)
    (place.settings.data / "none").mkdir()
    stopped = place.settings.model_copy(update={"policies": place.settings.data / "none"})
    with pytest.raises(ConsentryError) as error:
        recover(stopped, noon)
    assert not isinstance(error.value, RecoveryUnfinished)

    with pytest.raises(RecoveryUnfinished):
        opened(place, noon)

    # And a mark that can't be read is no leave either.
    mark = place.settings.guard_folder / "recovering"
    whole = mark.read_bytes()
    mark.write_bytes(whole[:-1])
    with pytest.raises(RecoveryUnfinished):
        opened(place, noon)
    with pytest.raises(RecoveryMarkDamaged):
        recover(place.settings, noon)
    mark.write_bytes(whole)
    assert recover(place.settings, noon).read_back == 4
    record = opened(place, noon)
    assert statuses(record, paused, noon) == {Status.UNKNOWN}
    record.close()


def test_a_key_that_has_ended_keeps_nothing_in_force_and_is_mended_after(
    place: Place, noon: datetime
) -> None:
    # Given a permit key that was retired, in `private` again, and an older database
    layout = Layout.of(place.settings)
    old = layout.key(Duty.PERMIT).read_bytes()
    rotate(place.settings, Duty.PERMIT, os.urandom)
    paused, _ = paused_and_forgotten(place, noon)
    layout.key(Duty.PERMIT).write_bytes(old)

    # When it is recovered, which goes to its end with that key too: what mends it starts only after
    recover(place.settings, noon)
    with pytest.raises(DutyKeyEnded):
        opened(place, noon)
    rotate(place.settings, Duty.PERMIT, os.urandom)

    # Then
    record = opened(place, noon)
    assert len(said(record)) == 1
    assert statuses(record, paused, noon) == {Status.UNKNOWN}
    record.close()
