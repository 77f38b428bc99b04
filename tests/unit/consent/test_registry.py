import errno
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from audit.canonical import NotCanonical, canonical
from audit.durable import DiskFailed
from audit.errors import ConsentryError
from audit.fact import Subject
from audit.keys import Duty, SigningKey
from audit.leaf import Leaf
from consent import chain
from consent.assessment import stored
from consent.capacity import Capacity, Representative
from consent.errors import (
    AuthorizationDiverged,
    AuthorizationRefused,
    AuthorizationUnknown,
    KeyNotEnrolled,
    NoticeUnknown,
    NotSuspended,
    PersonUnknown,
    PurposeNotGiven,
    RecoveryCodeWrong,
    ScopeTerm,
    SignatureWrong,
)
from consent.kinship import Kinship, Office, Relation
from consent.person import Proof
from consent.registry import Granted, Registry
from consent.seals import Cell
from consent.signature import sign, to_reconfirm, to_sign
from consent.standing import Standing
from consent.tables import (
    AuthorizationRow,
    ConsentCounterRow,
    ConsentEventRow,
    ConsentStateRow,
    NoticeRow,
    PersonKeyRow,
    PersonRow,
)
from consent.withdrawal import By, How, Together
from consent.words import AgeBand, ProofLevel, Purpose, Status
from consenting import NOON, SWAP, Effects, House, Somebody, a_term, shared
from service.database import Database

LATER = NOON + timedelta(days=1)
HERSELF = By(How.OWN_SESSION, "her")


def a_grant(database: Database, house: House, **changes: Any) -> tuple[Somebody, Granted]:
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON)
        return somebody, house.grant(session, somebody, NOON, **changes)


def standing(database: Database, house: House, granted: Granted, now: Any = LATER) -> Standing:
    with database.read() as session:
        found = house.registry.standings(session, "default", [granted.authorization], now=now, lock=None)
        return found[granted.authorization]


def withdraw(database: Database, house: House, granted: Granted, **more: Any) -> Any:
    with database.write() as session:
        return house.registry.withdraw(
            session, more.pop("effect", Effects()), granted.authorization, by=HERSELF, now=LATER, **more
        )


# Granting


def test_what_she_signed_is_in_force_and_says_how_well_she_is_known(database: Database, house: House) -> None:
    somebody, granted = a_grant(database, house)

    now = standing(database, house, granted)

    assert now.person == somebody.id
    assert all(now.in_force(purpose) for purpose in SWAP)
    assert not now.in_force(Purpose.TRAINING)
    assert (now.signature_valid, now.notice_matches, now.disputed) == (True, True, False)
    assert (now.proof, now.age) == (ProofLevel.VERIFIED_IDENTITY, AgeBand.ADULT)
    assert now.uses_left[Purpose.USER_SWAP] == 50
    assert now.uses_left[Purpose.MATCHING] is None
    assert now.head == granted.entry


def test_the_log_holds_digests_of_what_she_signed_and_names_nobody(database: Database, house: House) -> None:
    somebody, granted = a_grant(database, house)

    with database.read() as session:
        entry = house.ledger.find(session, granted.entry)
        payload = house.ledger.opened(session, granted.entry, Subject("person", somebody.id))

    assert entry is not None
    assert Leaf.parse(entry.leaf).t == "ConsentGranted"
    assert somebody.id.encode() not in entry.leaf
    assert payload is not None
    assert payload["document"] == standing(database, house, granted).document.digest


def test_a_recovery_code_comes_with_the_receipt_and_only_its_hash_is_kept(
    database: Database, house: House
) -> None:
    _, granted = a_grant(database, house)

    with database.read() as session:
        row = session.get(AuthorizationRow, ("default", granted.authorization))

    assert row is not None
    assert len(granted.recovery_code.replace("-", "")) == 32
    assert granted.recovery_code not in str(row)


def refused(
    database: Database,
    house: House,
    document: bytes,
    private: bytes,
    error: type[ConsentryError],
    now: Any = NOON,
) -> None:
    evidence = sign(private, to_sign(document)).encoded
    with database.write() as session:
        before = session.exec(select(AuthorizationRow)).all()
        with pytest.raises(error):
            house.registry.grant(session, document, evidence, now=now)
        assert session.exec(select(AuthorizationRow)).all() == before


@pytest.fixture
def somebody(database: Database, house: House) -> Somebody:
    with database.write() as session:
        house.publish(session, NOON)
        return house.enrol(session, NOON)


def test_a_document_changed_after_she_signed_is_refused(
    database: Database, house: House, somebody: Somebody
) -> None:
    document = house.document(somebody, NOON)
    evidence = sign(somebody.private, to_sign(document.encoded)).encoded
    changed = document.encoded.replace(b'"territories":["CN"]', b'"territories":["US"]')

    with database.write() as session, pytest.raises(SignatureWrong):
        house.registry.grant(session, changed, evidence, now=NOON)


def test_a_document_with_a_blank_more_is_refused(
    database: Database, house: House, somebody: Somebody
) -> None:
    document = house.document(somebody, NOON).encoded + b" "

    refused(database, house, document, somebody.private, NotCanonical)


def test_another_persons_key_does_not_sign_for_her(
    database: Database, house: House, somebody: Somebody
) -> None:
    with database.write() as session:
        other = house.enrol(session, NOON)

    refused(database, house, house.document(somebody, NOON).encoded, other.private, KeyNotEnrolled)


def test_a_key_nobody_enrolled_signs_for_nobody(database: Database, house: House, somebody: Somebody) -> None:
    from consent.signature import keygen

    private, _ = keygen(shared(123))

    refused(database, house, house.document(somebody, NOON).encoded, private, KeyNotEnrolled)


def test_a_retired_key_signs_no_more_but_what_it_signed_stands(database: Database, house: House) -> None:
    somebody, granted = a_grant(database, house)
    with database.write() as session:
        house.registry.people.retire_key(session, somebody.id, somebody.public, by="her", now=LATER)

    assert standing(database, house, granted, LATER + timedelta(days=1)).signature_valid
    refused(database, house, house.document(somebody, LATER).encoded, somebody.private, KeyNotEnrolled, LATER)


def test_a_document_for_another_tenant_is_refused(
    database: Database, house: House, somebody: Somebody
) -> None:
    value = json.loads(house.document(somebody, NOON).encoded)

    refused(database, house, canonical({**value, "tenant": "other"}), somebody.private, AuthorizationRefused)


def test_another_tenants_registry_knows_none_of_hers(
    database: Database, house: House, tmp_path: Path
) -> None:
    _, granted = a_grant(database, house)
    other = House.build(tmp_path / "other", "other", seed=8)

    with database.write() as session:
        ids = [granted.authorization]
        assert other.registry.standings(session, "other", ids, now=NOON, lock="share") == {}
        assert house.registry.standings(session, "other", ids, now=NOON, lock="share") == {}
        assert not other.registry.reserve_use(session, "other", ids[0], Purpose.USER_SWAP)
        with pytest.raises(AuthorizationUnknown):
            other.registry.withdraw(session, Effects(), ids[0], by=HERSELF, now=NOON)
    assert not other.journal.denies(granted.authorization, Purpose.MATCHING)
    other.keystore.close()


def test_somebody_never_enrolled_can_not_grant(database: Database, house: House, somebody: Somebody) -> None:
    value = house.document(somebody, NOON).encoded.replace(somebody.id.encode(), b"9" * 32)

    refused(database, house, value, somebody.private, PersonUnknown)


@pytest.mark.parametrize(
    ("issued", "now", "term_days"),
    [
        (NOON, NOON + timedelta(days=31), 365),
        (NOON, NOON - timedelta(seconds=61), 365),
        (NOON, NOON + timedelta(days=10), 10),
    ],
    ids=["waited too long", "issued in the future", "term over"],
)
def test_a_document_outside_its_time_is_refused(
    database: Database, house: House, somebody: Somebody, issued: Any, now: Any, term_days: int
) -> None:
    document = house.document(somebody, issued, term=a_term(issued, days=term_days)).encoded

    refused(database, house, document, somebody.private, AuthorizationRefused, now)


def test_a_term_longer_than_the_tenant_accepts_is_refused(
    database: Database, house: House, somebody: Somebody
) -> None:
    document = house.document(somebody, NOON, term=a_term(NOON, days=1200)).encoded

    refused(database, house, document, somebody.private, ScopeTerm)


def test_the_same_document_can_not_be_granted_twice(database: Database, house: House) -> None:
    somebody, granted = a_grant(database, house)
    with database.read() as session:
        kept = stored(session, house.ledger, granted.authorization)
        assert kept is not None
        document = kept.document

    refused(database, house, document, somebody.private, AuthorizationRefused)


def test_a_notice_nobody_published_informs_nobody(database: Database, house: House) -> None:
    with database.write() as session:
        somebody = house.enrol(session, NOON)

    refused(database, house, house.document(somebody, NOON).encoded, somebody.private, NoticeUnknown)


def test_a_document_that_misquotes_its_notice_is_refused(
    database: Database, house: House, somebody: Somebody
) -> None:
    for old, new in (
        (b'"version":"1"', b'"version":"2"'),
        ('"party_name":"Consentry 演示运营者"'.encode(), b'"party_name":"Somebody else"'),
    ):
        document = house.document(somebody, NOON).encoded
        assert old in document
        refused(database, house, document.replace(old, new), somebody.private, NoticeUnknown)


def test_an_age_other_than_the_enrolled_one_is_refused(
    database: Database, house: House, somebody: Somebody
) -> None:
    document = house.document(somebody, NOON, capacity=Capacity(AgeBand.FROM_14_TO_17)).encoded

    refused(database, house, document, somebody.private, AuthorizationRefused)


def test_consent_to_nothing_is_not_registered(database: Database, house: House, somebody: Somebody) -> None:
    document = house.document(somebody, NOON, purposes=frozenset(), max_uses={}, retention={}).encoded

    refused(database, house, document, somebody.private, AuthorizationRefused)


def test_for_a_child_the_guardian_signs_and_not_the_child(database: Database, house: House) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        child, guardian = house.enrol(session, NOON, AgeBand.UNDER_14), house.enrol(session, NOON)
        Kinship(house.ledger, house.entropy).record(
            session, child.id, guardian.id, Office.GUARDIAN, Relation.PARENT, "e" * 64, by="desk", now=NOON
        )
    capacity = Capacity(AgeBand.UNDER_14, guardian=Representative(guardian.id, "e" * 64))
    document = house.document(child, NOON, capacity=capacity).encoded

    refused(database, house, document, child.private, KeyNotEnrolled)
    with database.write() as session:
        evidence = sign(guardian.private, to_sign(document)).encoded
        granted = house.registry.grant(session, document, evidence, now=NOON)

    now = standing(database, house, granted)
    assert now.signature_valid
    assert (now.person, now.age) == (child.id, AgeBand.UNDER_14)


# Time


def test_a_consent_holds_from_its_start_to_its_end_and_no_sweep_is_needed_to_end_it(
    database: Database, house: House
) -> None:
    term = a_term(LATER, days=100)
    _, granted = a_grant(database, house, term=term)
    tick = timedelta(microseconds=1)

    says = [
        standing(database, house, granted, at).status[Purpose.MATCHING]
        for at in (term.start - tick, term.start, term.end - tick, term.end)
    ]

    assert says == [Status.UNKNOWN, Status.GIVEN, Status.GIVEN, Status.EXPIRED]


def test_expiry_is_written_down_once(database: Database, house: House) -> None:
    _, granted = a_grant(database, house)
    end = a_term(NOON).end

    with database.write() as session:
        early = house.registry.expire(session, now=end - timedelta(seconds=1))
        first = house.registry.expire(session, now=end)
        second = house.registry.expire(session, now=end)

    assert (early, first, second) == ((), (granted.authorization,), ())
    assert standing(database, house, granted, end).status[Purpose.MATCHING] is Status.EXPIRED


# Superseding


def test_a_new_consent_that_supersedes_ends_the_old_one_for_good(database: Database, house: House) -> None:
    somebody, old = a_grant(database, house)
    with database.write() as session:
        new = house.grant(session, somebody, LATER, supersedes=old.authorization)

    assert not any(standing(database, house, old).in_force(purpose) for purpose in SWAP)
    assert house.journal.denies(old.authorization, Purpose.MATCHING)
    assert standing(database, house, new).status[Purpose.MATCHING] is Status.RENEWED


def test_nobody_supersedes_another_persons_consent(database: Database, house: House) -> None:
    _, hers = a_grant(database, house)
    with database.write() as session:
        other = house.enrol(session, NOON)

    refused(
        database,
        house,
        house.document(other, NOON, supersedes=hers.authorization).encoded,
        other.private,
        AuthorizationRefused,
    )
    assert not house.journal.denies(hers.authorization, Purpose.MATCHING)
    assert standing(database, house, hers).in_force(Purpose.MATCHING)


def test_what_was_withdrawn_can_be_given_anew(database: Database, house: House) -> None:
    somebody, old = a_grant(database, house)
    withdraw(database, house, old)
    with database.write() as session:
        new = house.grant(session, somebody, LATER, supersedes=old.authorization)

    assert not standing(database, house, old).in_force(Purpose.MATCHING)
    assert standing(database, house, new).in_force(Purpose.MATCHING)


def test_a_sweep_that_meets_a_withdrawal_leaves_it_alone(
    database: Database, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the search for what is due and the lock on it, she withdraws."""
    _, granted = a_grant(database, house)
    end, lock = a_term(NOON).end, chain.lock_states

    def withdrawn_first(session: Session, *more: Any) -> None:
        monkeypatch.setattr(chain, "lock_states", lock)
        house.registry.withdraw(session, Effects(), granted.authorization, by=HERSELF, now=LATER)
        lock(session, *more)

    monkeypatch.setattr(chain, "lock_states", withdrawn_first)
    with database.write() as session:
        expired = house.registry.expire(session, now=end)

    assert expired == ()
    assert standing(database, house, granted, end).status[Purpose.MATCHING] is Status.WITHDRAWN


def test_what_never_was_can_not_be_superseded(database: Database, house: House, somebody: Somebody) -> None:
    document = house.document(somebody, NOON, supersedes="4" * 32).encoded

    refused(database, house, document, somebody.private, AuthorizationUnknown)


# Withdrawing


def test_withdrawing_ends_every_purpose_and_sets_off_what_must_follow(
    database: Database, house: House
) -> None:
    _, granted = a_grant(database, house)
    effect = Effects()

    withdrawn = withdraw(database, house, granted, effect=Together([effect]))

    now = standing(database, house, granted)
    assert set(now.status.values()) == {Status.WITHDRAWN}
    assert now.head == withdrawn.entry
    assert withdrawn.purposes == SWAP
    assert effect.calls == [
        ("lock", "default", granted.authorization),
        ("apply", "default", granted.authorization, SWAP, LATER),
    ]


def test_one_purpose_can_be_withdrawn_by_itself(database: Database, house: House) -> None:
    _, granted = a_grant(database, house)

    withdraw(database, house, granted, purposes=[Purpose.PUBLISH_TEMPLATE])

    now = standing(database, house, granted)
    assert {p for p in SWAP if not now.in_force(p)} == {Purpose.PUBLISH_TEMPLATE}


def test_the_same_withdrawal_again_answers_the_same_and_changes_nothing(
    database: Database, house: House
) -> None:
    _, granted = a_grant(database, house)
    first = withdraw(database, house, granted)
    effect = Effects()

    second = withdraw(database, house, granted, effect=effect)

    assert (second.status, second.entry) == (first.status, first.entry)
    assert second.purposes == frozenset()
    assert [call[0] for call in effect.calls] == ["lock"]
    with database.read() as session:
        events = session.exec(select(ConsentEventRow)).all()
    assert len(events) == 2


def test_a_denial_that_may_not_be_on_the_disk_is_written_anew_by_whoever_repeats_it(
    database: Database, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a withdrawal whose denial was written and could not be made durable
    _, granted = a_grant(database, house)
    fsync, fails, journalled = os.fsync, iter([True]), []

    def failing_once(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "deny":
            if next(fails, False):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            journalled.append(os.fstat(descriptor).st_size)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_once)
    with pytest.raises(DiskFailed):
        withdraw(database, house, granted)
    assert house.journal.denies(granted.authorization, Purpose.MATCHING), (
        "it can be read, and may yet be lost"
    )

    # When she repeats it
    withdraw(database, house, granted)

    # Then its lines were written and synced before it returned, and a third time changes nothing
    assert journalled == [2 * 65 * len(SWAP)]
    withdraw(database, house, granted)
    assert len(journalled) == 1


@pytest.mark.parametrize(
    ("how", "status"),
    [
        (How.REPRESENTATIVE, Status.WITHDRAWN),
        (How.OPERATOR, Status.REVOKED),
        (How.AUTHORITY, Status.INVALIDATED),
    ],
)
def test_who_ended_it_is_said_in_the_words_of_dpv(
    database: Database, house: House, how: How, status: Status
) -> None:
    _, granted = a_grant(database, house)

    with database.write() as session:
        house.registry.withdraw(session, Effects(), granted.authorization, by=By(how, "x"), now=LATER)

    assert standing(database, house, granted).status[Purpose.MATCHING] is status


@pytest.mark.parametrize("purposes", [[], [Purpose.TRAINING], [Purpose.MATCHING, Purpose.TRAINING]])
def test_a_withdrawal_names_what_was_given(database: Database, house: House, purposes: list[Purpose]) -> None:
    _, granted = a_grant(database, house)

    with pytest.raises(PurposeNotGiven):
        withdraw(database, house, granted, purposes=purposes)

    assert not house.journal.denies(granted.authorization, Purpose.MATCHING)


def test_the_recovery_code_withdraws_without_key_or_login(database: Database, house: House) -> None:
    _, granted = a_grant(database, house)
    typed = granted.recovery_code.lower().replace("-", "") + "\n"

    with database.write() as session:
        house.registry.withdraw_by_code(session, Effects(), granted.authorization, typed, now=LATER)

    assert standing(database, house, granted).status[Purpose.USER_SWAP] is Status.WITHDRAWN


def test_a_guessed_code_denies_nothing(database: Database, house: House) -> None:
    _, granted = a_grant(database, house)
    _, other = a_grant(database, house)

    for code in ("", "AAAA-BBBB", other.recovery_code):
        with database.write() as session, pytest.raises(RecoveryCodeWrong):
            house.registry.withdraw_by_code(session, Effects(), granted.authorization, code, now=LATER)

    assert not house.journal.denies(granted.authorization, Purpose.USER_SWAP)
    assert standing(database, house, granted).in_force(Purpose.USER_SWAP)


class Fails(Effects):
    def apply(self, *_: Any, **__: Any) -> None:
        raise OSError("the disk is gone")


def test_a_withdrawal_that_dies_halfway_is_already_a_no_and_can_be_finished(
    database: Database, house: House
) -> None:
    _, granted = a_grant(database, house)

    with pytest.raises(OSError, match="disk"):
        withdraw(database, house, granted, effect=Fails())

    assert standing(database, house, granted).status[Purpose.USER_SWAP] is Status.WITHDRAWN
    effect = Effects()
    assert withdraw(database, house, granted, effect=effect).purposes == SWAP
    assert effect.calls[-1][0] == "apply"


def test_a_database_restored_from_before_the_withdrawal_does_not_bring_consent_back(
    database: Database, house: House
) -> None:
    _, granted = a_grant(database, house)
    # What a restored older copy looks like: rows that say given, a journal that knows better.
    house.journal.append(granted.authorization, [Purpose.USER_SWAP])

    now = standing(database, house, granted)

    assert now.status[Purpose.USER_SWAP] is Status.WITHDRAWN
    assert not now.in_force(Purpose.USER_SWAP)
    assert now.in_force(Purpose.MATCHING)


# Dispute, suspension, re-confirmation


def test_what_is_disputed_rests_until_it_is_settled(database: Database, house: House) -> None:
    _, granted = a_grant(database, house)
    court = By(How.AUTHORITY, "c" * 32)

    with database.write() as session:
        first = house.registry.dispute(session, granted.authorization, by=court, now=LATER)
        again = house.registry.dispute(session, granted.authorization, by=court, now=LATER)
    disputed = standing(database, house, granted)
    with database.write() as session:
        house.registry.settle(session, granted.authorization, by=court, now=LATER)

    assert first == again
    assert (disputed.disputed, disputed.in_force(Purpose.MATCHING)) == (True, False)
    assert standing(database, house, granted).in_force(Purpose.MATCHING)


def suspend(database: Database, house: House) -> tuple[str, ...]:
    with database.write() as session:
        return house.registry.suspend_all(session, now=LATER).ids


def reconfirm(database: Database, house: House, somebody: Somebody, granted: Granted, head: str) -> str:
    document = standing(database, house, granted).document.digest
    evidence = sign(somebody.private, to_reconfirm(head, document)).encoded
    with database.write() as session:
        return house.registry.reconfirm(session, granted.authorization, evidence, now=LATER)


def test_after_a_restore_nothing_is_relied_on_until_she_says_so_again(
    database: Database, house: House
) -> None:
    somebody, granted = a_grant(database, house)

    suspended = suspend(database, house)
    during = standing(database, house, granted)
    reconfirm(database, house, somebody, granted, during.head)

    assert suspended == (granted.authorization,)
    assert set(during.status.values()) == {Status.UNKNOWN}
    assert set(standing(database, house, granted).status.values()) == {Status.RENEWED}
    assert suspend(database, house) == (granted.authorization,)


def test_a_re_confirmation_can_not_be_replayed_after_the_next_suspension(
    database: Database, house: House
) -> None:
    somebody, granted = a_grant(database, house)
    suspend(database, house)
    old = standing(database, house, granted).head
    reconfirm(database, house, somebody, granted, old)
    suspend(database, house)

    with pytest.raises(SignatureWrong):
        reconfirm(database, house, somebody, granted, old)


def test_a_re_confirmation_is_of_the_document_she_was_shown(database: Database, house: House) -> None:
    somebody, granted = a_grant(database, house)
    with database.write() as session:
        shown = house.grant(session, somebody, NOON, works=frozenset({"another"}))
    suspend(database, house)
    meant, other = (standing(database, house, each) for each in (granted, shown))

    evidence = sign(somebody.private, to_reconfirm(meant.head, other.document.digest)).encoded

    with database.write() as session, pytest.raises(SignatureWrong):
        house.registry.reconfirm(session, granted.authorization, evidence, now=LATER)


def test_a_re_confirmation_does_not_bring_back_what_the_journal_denies(
    database: Database, house: House
) -> None:
    somebody, granted = a_grant(database, house)
    suspend(database, house)
    house.journal.append(granted.authorization, [Purpose.USER_SWAP])

    reconfirm(database, house, somebody, granted, standing(database, house, granted).head)

    now = standing(database, house, granted)
    assert now.in_force(Purpose.MATCHING)
    assert not now.in_force(Purpose.USER_SWAP)


def test_only_what_is_suspended_is_re_confirmed(database: Database, house: House) -> None:
    somebody, granted = a_grant(database, house)
    withdraw(database, house, granted)

    assert suspend(database, house) == ()
    with pytest.raises(NotSuspended):
        reconfirm(database, house, somebody, granted, standing(database, house, granted).head)


def test_a_suspended_consent_can_be_withdrawn(database: Database, house: House) -> None:
    _, granted = a_grant(database, house)
    suspend(database, house)

    assert withdraw(database, house, granted).purposes == SWAP
    assert standing(database, house, granted).status[Purpose.MATCHING] is Status.WITHDRAWN


# The chain, and rows that somebody edited


def test_every_event_names_the_one_before_in_the_chain_and_in_the_log(
    database: Database, house: House
) -> None:
    somebody, granted = a_grant(database, house)
    withdraw(database, house, granted, purposes=[Purpose.MATCHING])
    withdraw(database, house, granted)

    with database.read() as session:
        events = chain.events(session, "default", [granted.authorization])[granted.authorization]
        refs = []
        for event in events:
            entry = house.ledger.find(session, event.entry)
            assert entry is not None
            refs.append(Leaf.parse(entry.leaf).ref)
            assert house.ledger.opened(session, event.entry, Subject("person", somebody.id)) is not None

    assert [event.prev for event in events] == [None, events[0].entry, events[1].entry]
    assert refs == [(), (events[0].entry,), (events[1].entry,)]


def edit(database: Database, kind: type[Any], **values: Any) -> None:
    with database.write() as session:
        for row in session.exec(select(kind)).all():
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (ConsentStateRow, {"status": "RenewedConsentGiven"}),
        (ConsentStateRow, {"head": "0" * 64}),
        (ConsentStateRow, {"disputed": True}),
        (ConsentEventRow, {"number": 7}),
        (ConsentEventRow, {"prev": "0" * 64}),
        (ConsentStateRow, {"status": "ConsentPerhaps"}),
        (ConsentEventRow, {"purposes": "EVERYTHING"}),
        (ConsentEventRow, {"status": "ConsentPerhaps"}),
        (PersonRow, {"proof": "sworn"}),
        (PersonRow, {"age": "old enough"}),
        (PersonRow, {"proof": "live-capture"}),
        (PersonRow, {"age": "14-17"}),
        (PersonRow, {"entry": "0" * 64}),
        (AuthorizationRow, {"document": b"{}"}),
        (AuthorizationRow, {"document": b""}),
        (AuthorizationRow, {"evidence": b"{}"}),
        (ConsentCounterRow, {"most": None}),
        (ConsentCounterRow, {"most": 51}),
    ],
)
def test_rows_that_contradict_each_other_are_an_error_and_never_a_yes(
    database: Database, house: House, kind: type[Any], values: dict[str, Any]
) -> None:
    _, granted = a_grant(database, house)
    assert standing(database, house, granted).signature_valid  # what is remembered of it must not help
    edit(database, kind, **values)

    with pytest.raises(AuthorizationDiverged):
        standing(database, house, granted)


def test_a_document_filed_under_another_person_is_an_error(database: Database, house: House) -> None:
    _, granted = a_grant(database, house)
    with database.write() as session:
        other = house.enrol(session, NOON)
    edit(database, AuthorizationRow, person_id=other.id)

    with pytest.raises(AuthorizationDiverged):
        standing(database, house, granted)


def test_what_somebody_seals_who_has_her_key_is_no_signature_of_hers(
    database: Database, house: House
) -> None:
    somebody, granted = a_grant(database, house)
    cells, which = house.ledger.cells, granted.authorization
    edit(database, AuthorizationRow, evidence=cells.seal(Cell.EVIDENCE, which, somebody.id, b"{}"))
    assert not standing(database, house, granted).signature_valid

    edit(database, AuthorizationRow, document=cells.seal(Cell.DOCUMENT, which, somebody.id, b"{}"))
    with pytest.raises(AuthorizationDiverged):
        standing(database, house, granted)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (AuthorizationRow, {"countersignature": b"0" * 64}),
        (AuthorizationRow, {"received_at": NOON + timedelta(seconds=1)}),
        (AuthorizationRow, {"kid": "0" * 16}),
        (PersonKeyRow, {"valid_from": LATER}),
        (PersonKeyRow, {"valid_until": NOON}),
        (PersonKeyRow, {"method": "webauthn"}),
    ],
)
def test_an_edited_signature_time_or_key_no_longer_verifies(
    database: Database, house: House, kind: type[Any], values: dict[str, Any]
) -> None:
    _, granted = a_grant(database, house)
    assert standing(database, house, granted).signature_valid
    edit(database, kind, **values)

    now = standing(database, house, granted)

    assert not now.signature_valid
    assert not now.in_force(Purpose.MATCHING)


def test_a_countersigning_key_we_never_adopted_proves_nothing(database: Database, house: House) -> None:
    _, granted = a_grant(database, house)
    assert standing(database, house, granted).signature_valid
    stranger = SigningKey.generate(Duty.COUNTERSIGN, shared(9))
    registry = Registry(
        house.ledger, house.journal, stranger, {stranger.kid: stranger.verifying}, house.entropy
    )

    with database.read() as session:
        ids = [granted.authorization]
        now = registry.standings(session, "default", ids, now=LATER, lock=None)[granted.authorization]

    assert not now.signature_valid


@pytest.mark.parametrize("text", ["nothing", "# Notice\n\n- version: 1\n\n"])
def test_an_edited_notice_means_she_was_not_told(database: Database, house: House, text: str) -> None:
    _, granted = a_grant(database, house)
    assert standing(database, house, granted).notice_matches
    edit(database, NoticeRow, text=text)

    now = standing(database, house, granted)

    assert not now.notice_matches
    assert not now.in_force(Purpose.MATCHING)


def test_standings_of_several_come_together_and_an_unknown_one_is_absent(
    database: Database, house: House
) -> None:
    _, one = a_grant(database, house)
    _, two = a_grant(database, house)

    with database.write() as session:
        ids = [two.authorization, one.authorization, "5" * 32, one.authorization]
        found = house.registry.standings(session, "default", ids, now=LATER, lock="share")
        none = house.registry.standings(session, "default", [], now=LATER, lock="share")

    assert set(found) == {one.authorization, two.authorization}
    assert none == {}


def test_a_session_that_looked_before_sees_what_changed_since(database: Database, house: House) -> None:
    """The identity map of a long session must not answer for the database."""
    _, granted = a_grant(database, house)

    def look(session: Session) -> Standing:
        ids = [granted.authorization]
        return house.registry.standings(session, "default", ids, now=LATER, lock=None)[granted.authorization]

    with database.write() as session:
        assert look(session).in_force(Purpose.USER_SWAP)
        house.registry.withdraw(session, Effects(), granted.authorization, by=HERSELF, now=LATER)
        assert not look(session).in_force(Purpose.USER_SWAP)
        rows = session.exec(select(ConsentStateRow).where(col(ConsentStateRow.status) == Status.GIVEN)).all()
        assert rows == []


def test_proof_is_the_persons_own(database: Database, house: House) -> None:
    people = house.registry.people
    with database.write() as session:
        proof = Proof(ProofLevel.SELF_ASSERTED, "herself", "demo")
        person = people.enrol(session, proof, AgeBand.ADULT, now=NOON)

        assert people.get(session, person.id).proof.level is ProofLevel.SELF_ASSERTED
