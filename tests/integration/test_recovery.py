"""A database restored from an older copy: it must not speak, and what was withdrawn stays withdrawn."""

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from audit import keyhistory
from audit.fact import Subject
from audit.guard import LogBehind
from audit.journal import JournalDamaged
from audit.keyhistory import DutyKeyEnded
from audit.keys import Duty, load_private
from audit.marks import Marks
from audit.quorum import Trust
from audit.recovery import Unrecoverable
from audit.witnessed import WitnessAhead
from consent import signature
from consent.standing import Standing
from consent.withdrawal import By, How
from consent.words import Purpose, Status
from service import asking, dutykeys, revoking
from service.cosigning import Cosigner
from service.layout import Layout
from service.recovery import recover
from service.revoking import Word
from service.wiring import Record, open_record
from setback import Place, opened, place, somebody_agrees, something_happens, statuses
from witnesses import policy, witness

__all__ = ["place"]


def confirmed(key: bytes, found: Standing) -> signature.Evidence:
    return signature.sign(key, signature.to_reconfirm(found.head, found.document.digest))


def test_a_restored_older_database_refuses_to_start(place: Place, noon: datetime) -> None:
    record = opened(place, noon)
    something_happens(record, noon)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    something_happens(record, noon)
    record.close()

    put_back()

    with pytest.raises(LogBehind):
        opened(place, noon)


def test_a_pause_that_a_restored_copy_has_forgotten_does_not_end_in_silence(
    place: Place, noon: datetime
) -> None:
    # Given a copy from before she paused
    record = opened(place, noon)
    paused, key = somebody_agrees(record, noon)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    word = Word(code=paused.recovery_code)
    asking.rest(record, paused.authorization, word, None, paused=True)
    assert statuses(record, paused.authorization, noon) == {Status.UNKNOWN}
    record.close()
    put_back()

    # Then it does not start; recovered, nothing rests on her consent until she signs again.
    with pytest.raises(LogBehind):
        opened(place, noon)
    recover(place.settings, noon)
    record = opened(place, noon)
    assert statuses(record, paused.authorization, noon) == {Status.UNKNOWN}
    with record.database.write() as session:
        found = record.registry.standings(session, "default", [paused.authorization], now=noon, lock=None)
        again = confirmed(key, found[paused.authorization])
        record.registry.reconfirm(session, paused.authorization, again.encoded, now=noon)
    assert statuses(record, paused.authorization, noon) == {Status.RENEWED}
    record.close()


def test_what_was_withdrawn_stays_withdrawn_and_the_rest_waits_for_its_person(
    place: Place, noon: datetime
) -> None:
    record = opened(place, noon)
    gone, _ = somebody_agrees(record, noon)
    kept, key = somebody_agrees(record, noon)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    with record.database.write() as session:
        record.registry.withdraw(
            session, record.effect, gone.authorization, by=By(How.OPERATOR, "desk"), now=noon
        )
    record.log.publish(now=noon)
    with record.database.read() as session:
        before = record.log.latest(session)
    record.close()
    put_back()

    recovery = recover(place.settings, noon)

    assert before is not None
    assert recovery.held + recovery.read_back == before.size
    assert recovery.read_back > 0
    record = opened(place, noon)
    assert not any(status.valid for status in statuses(record, gone.authorization, noon))
    assert statuses(record, kept.authorization, noon) == {Status.UNKNOWN}
    with record.database.write() as session:
        found = record.registry.standings(session, "default", [kept.authorization], now=noon, lock=None)
        again = confirmed(key, found[kept.authorization])
        record.registry.reconfirm(session, kept.authorization, again.encoded, now=noon)
    assert statuses(record, kept.authorization, noon) == {Status.RENEWED}
    with record.database.read() as session:
        standing = record.registry.standings(session, "default", [gone.authorization], now=noon, lock=None)
        assert not standing[gone.authorization].in_force(Purpose.MATCHING)
        assert record.log.audit(session).sound
    record.close()


def test_the_tree_goes_on_from_where_it_was_signed_across_full_tiles(place: Place, noon: datetime) -> None:
    record = opened(place, noon)
    something_happens(record, noon, times=200)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    something_happens(record, noon, times=400)
    with record.database.read() as session:
        before = record.log.latest(session)
    record.close()
    put_back()

    recovery = recover(place.settings, noon)

    assert before is not None
    assert recovery.held + recovery.read_back == before.size
    record = opened(place, noon)
    with record.database.read() as session:
        assert record.log.audit(session).sound
        assert record.log.proof(session, recovery.entry)
    record.close()


def test_without_the_published_files_there_is_no_recovery_and_nothing_changes(
    place: Place, noon: datetime
) -> None:
    record = opened(place, noon)
    something_happens(record, noon)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    something_happens(record, noon, times=3)
    record.close()
    put_back()
    shutil.rmtree(place.settings.data / "log" / "tile")

    with pytest.raises(Unrecoverable):
        recover(place.settings, noon)

    with pytest.raises(LogBehind):
        opened(place, noon)


def test_a_damaged_journal_is_put_aside_and_everything_suspended(place: Place, noon: datetime) -> None:
    record = opened(place, noon)
    granted, _ = somebody_agrees(record, noon)
    journal = record.layout.journal
    record.close()
    journal.write_bytes(b"not a journal\n" * 20)
    with pytest.raises(JournalDamaged):
        opened(place, noon)

    recovery = recover(place.settings, noon)

    assert recovery.journal_replaced
    assert recovery.suspended == (granted.authorization,)
    assert [path.name for path in journal.parent.glob("*damaged*")]
    record = opened(place, noon)
    assert statuses(record, granted.authorization, noon) == {Status.UNKNOWN}
    with record.database.read() as session:
        payload = record.ledger.opened(session, recovery.entry, Subject("tenant", "default"))
    assert payload is not None
    assert json.dumps(payload)
    assert payload["journal_replaced"] is True
    record.close()


def test_what_can_be_read_of_a_damaged_journal_stays_denied(place: Place, noon: datetime) -> None:
    # Given somebody who has withdrawn, and one bit of another line that is another
    record = opened(place, noon)
    granted, _ = somebody_agrees(record, noon)
    revoking.withdraw(record, granted.authorization, Word(code=granted.recovery_code), None)
    journal = record.layout.journal
    record.close()
    lines = journal.read_bytes()
    journal.write_bytes(b"0" * 63 + b"\xff\n" + lines[:-1] + b"\n")

    # When it is recovered
    assert recover(place.settings, noon).journal_replaced

    # Then it is denied as before.
    record = opened(place, noon)
    assert lines
    assert set(lines.splitlines()) <= set(journal.read_bytes().splitlines())
    assert statuses(record, granted.authorization, noon) == {Status.WITHDRAWN}
    record.close()


def test_a_lost_head_is_made_again_from_what_was_published(place: Place, noon: datetime) -> None:
    record = opened(place, noon)
    something_happens(record, noon)
    head = record.layout.head
    record.close()
    head.unlink()

    recovery = recover(place.settings, noon)

    assert recovery.head_replaced
    assert recovery.read_back == 0
    opened(place, noon).close()


@pytest.mark.parametrize("files_too", [True, False])
def test_witnesses_are_asked_before_a_recovered_log_signs_on(
    place: Place, noon: datetime, tmp_path: Path, files_too: bool
) -> None:
    # Given a strict log of which a copy was kept, and a witness that has seen more since
    layout = Layout.of(place.settings)
    with witness(tmp_path / "witness", layout.vkey.read_text(), os.urandom) as served:
        trust = policy(layout.vkey.read_text().strip(), {"w1": (served.vkey, served.url)})
        (tmp_path / "trust").write_text(trust)
        strict = place.settings.model_copy(update={"witnesses": tmp_path / "trust", "witnesses_strict": True})
        asked = Place(strict, place.server)
        record = opened(asked, noon)
        something_happens(record, noon, 3)
        cosigned(record)
        record.close()
        put_back, head = place.copy(), layout.head.read_bytes()
        files = tmp_path / "files"
        shutil.copytree(layout.log, files)
        record = opened(asked, noon)
        something_happens(record, noon, 4)
        size = cosigned(record)
        record.close()

        # When the database is put back, with the guard and the files or without
        put_back()
        if files_too:
            layout.head.write_bytes(head)
            shutil.rmtree(layout.log)
            shutil.copytree(files, layout.log)
            record = opened(asked, noon)  # nothing here knows better
            something_happens(record, noon)
            (outcome,) = Cosigner.of(record).round()
            record.close()

            # Then the witness does, and what was lost is lost: nothing is signed, recovered or not
            assert outcome.fault is not None
            assert outcome.fault.code == "WITNESS_AHEAD"
            with pytest.raises(WitnessAhead):
                recover(strict, noon)
        else:
            with pytest.raises(LogBehind):
                opened(asked, noon)
            Marks(layout.ahead).put("w1", f"w1 has seen {size} entries, we have fewer")

            # Then what was read back is what it saw, and the log goes on
            done = recover(strict, noon)
            assert done.read_back == 4
            record = opened(asked, noon)
            assert cosigned(record) > size
            record.close()
            Trust.parse(trust).check((layout.log / "checkpoint").read_text())


def cosigned(record: Record) -> int:
    cosigner = Cosigner.of(record)
    assert cosigner is not None
    (outcome,) = cosigner.round()
    assert outcome.fault is None
    return outcome.size


@pytest.mark.parametrize("rotated", [False, True], ids=["key-of-before", "key-of-after"])
def test_a_key_that_others_had_is_not_forgotten_with_the_database(
    place: Place, noon: datetime, *, rotated: bool
) -> None:
    # Given a copy, then (perhaps after another key came) the word that others have it, said twice
    record = opened(place, noon)
    something_happens(record, noon, 3)
    record.close()
    put_back = place.copy()
    if rotated:
        dutykeys.rotate(place.settings, Duty.PERMIT, os.urandom)
    record = opened(place, noon)
    something_happens(record, noon, 3)
    kid = load_private(record.layout.key(Duty.PERMIT), Duty.PERMIT).kid
    for since in (5, 2):
        dutykeys.compromised(record, Duty.PERMIT, kid, str(since), by="operator")
    with record.database.read() as session:
        before = keyhistory.bounds(session, "default")
    record.close()
    with pytest.raises(DutyKeyEnded):
        opened(place, noon)

    # When the database of before is recovered
    put_back()
    done = recover(place.settings, noon)

    # Then nothing holds that it signed from the same place on, and it does not start with it.
    assert done.keys_ended == (kid,)
    with pytest.raises(DutyKeyEnded):
        opened(place, noon)
    record = open_record(place.settings, clock=lambda: noon, ended=True)
    with record.database.read() as session:
        found = keyhistory.bounds(session, "default")
        assert {name: one.index for name, one in found.items()} == {kid: 2}
        assert {name: one.index for name, one in before.items()} == {kid: 2}
        assert not keyhistory.may_sign(session, "default", [kid])
        assert record.log.audit(session).sound
    record.close()
    assert recover(place.settings, noon).keys_ended == ()


def test_of_a_log_that_ended_no_recovery_makes_another(place: Place, noon: datetime) -> None:
    record = opened(place, noon)
    something_happens(record, noon)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    kid = load_private(record.layout.key(Duty.LOG), Duty.LOG).kid
    dutykeys.compromised(record, Duty.LOG, kid, "1", by="operator", ends_the_log=True)
    with pytest.raises(DutyKeyEnded):
        something_happens(record, noon)
    record.close()
    put_back()

    # Its own word for it, and that something was recovered, are the last that is published.
    assert recover(place.settings, noon).keys_ended == (kid,)

    record = open_record(place.settings, clock=lambda: noon, ended=True)
    with pytest.raises(DutyKeyEnded):
        something_happens(record, noon)
    record.close()
