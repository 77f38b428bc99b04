"""A permit's life: one job, one time, under the same locks a withdrawal takes."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select, update

from audit.canonical import canonical, digest
from audit.fact import Subject
from audit.keys import Duty, SigningKey
from audit.leaf import Leaf
from audit.tables import EntryRow, SealedRow
from consent import docket
from consent import permit as permit_document
from consent.docket import State
from consent.gate import Terms
from consent.permit import Permit, PermitForged, Refusal
from consent.permits import PermitNotHeld
from consent.redemption import Fault, Redemption, Run
from consent.tables import ConsentCounterRow, DecisionPersonRow, DecisionRow, PermitRow
from consent.withdrawal import By, How
from consent.words import Action, Purpose
from consenting import NOON
from gating import CHECKPOINT, GOOD, TEMPLATE, Room, a_room, covered, uncovered
from service.database import Database

LATER = NOON + timedelta(minutes=5)
RUNNING = NOON + timedelta(minutes=10)
DONE = NOON + timedelta(minutes=40)
HERS = By(How.OWN_SESSION, "person")


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Iterator[Room]:
    with database.write() as session:
        room = a_room(session, tmp_path / "house")
    yield room
    room.house.keystore.close()


@pytest.fixture
def issued(database: Database, room: Room) -> Permit:
    return a_permit(database, room)


def a_permit(database: Database, room: Room, now: datetime = LATER) -> Permit:
    with database.write() as session:
        decision = room.gate.decide(session, room.case(), now)
    assert isinstance(decision, Permit)
    return decision


def redeem(
    database: Database, room: Room, permit: Permit, now: datetime = RUNNING, **changes: Any
) -> Redemption | Refusal:
    run = replace(room.run(permit), **changes)
    with database.write() as session:
        return room.permits.redeem(session, permit.token, run, now, covered)


def release(
    database: Database, room: Room, permit: Permit, now: datetime = DONE, *, attempt: int = 1, **changes: bool
) -> Permit | Refusal:
    output = replace(GOOD, **changes)
    with database.write() as session:
        answer = room.gate.recheck(session, permit.id, job="job-1", attempt=attempt, output=output, now=now)
        if isinstance(answer, Permit):
            room.permits.finish(session, permit.id, job="job-1", attempt=attempt)
        return answer


def withdraw(
    database: Database, room: Room, authorization: str, purposes: Collection[Purpose] | None = None
) -> None:
    with database.write() as session:
        room.house.registry.withdraw(
            session, room.permits, authorization, by=HERS, now=RUNNING, purposes=purposes
        )


def state(database: Database, room: Room, permit: Permit) -> State:
    with database.read() as session:
        life = docket.life(session, room.tenant, permit.id, lock=False)
        assert life is not None
        return life.state


def uses(database: Database, room: Room) -> list[tuple[int, int]]:
    with database.read() as session:
        rows = session.exec(select(ConsentCounterRow).where(ConsentCounterRow.purpose == "USER_SWAP")).all()
        return [(row.reserved, row.spent) for row in rows]


def last_fact(session: Session) -> tuple[str, str]:
    row = session.exec(select(EntryRow).order_by(col(EntryRow.seq).desc())).first()
    assert row is not None
    return Leaf.parse(row.leaf).t, row.leaf_hash


# Redeeming


def test_a_permit_is_redeemed_once_its_entry_is_covered(
    database: Database, room: Room, issued: Permit
) -> None:
    with database.write() as session:
        too_early = room.permits.redeem(session, issued.token, room.run(issued), RUNNING, uncovered)
    redemption = redeem(database, room, issued)

    assert too_early.reasons == ("G-36",)  # type: ignore[union-attr]
    assert isinstance(redemption, Redemption)
    assert (redemption.permit, redemption.checkpoint) == (issued, CHECKPOINT)
    assert redemption.at == RUNNING
    assert redemption.run_until == RUNNING + room.permits.max_run
    assert state(database, room, issued) is State.REDEEMED
    assert uses(database, room) == [(0, 1), (0, 1)]


def test_the_same_job_redeems_again_and_fences_its_older_attempt(
    database: Database, room: Room, issued: Permit
) -> None:
    first = redeem(database, room, issued)
    again = redeem(database, room, issued)
    second = redeem(database, room, issued, NOON + timedelta(hours=2), attempt=2)

    assert isinstance(first, Redemption)
    assert again.reasons == (Fault.FENCED,)  # type: ignore[union-attr]
    assert isinstance(second, Redemption)
    assert second.run_until == first.run_until
    assert uses(database, room) == [(0, 1), (0, 1)]
    assert release(database, room, issued, attempt=1, now=NOON + timedelta(hours=2)).reasons == (
        Fault.FENCED,
    )
    assert isinstance(release(database, room, issued, attempt=2, now=NOON + timedelta(hours=2)), Permit)


def test_another_job_is_refused(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)

    assert redeem(database, room, issued, job="job-2").reasons == (Fault.TAKEN,)  # type: ignore[union-attr]
    assert redeem(database, room, issued, job="job-2", attempt=9).reasons == (Fault.TAKEN,)  # type: ignore[union-attr]


def test_not_after_bounds_the_first_redemption_and_is_not_in_it(
    database: Database, room: Room, issued: Permit
) -> None:
    end = LATER + Terms().redeem_within
    late = a_permit(database, room)

    assert redeem(database, room, late, end).reasons == (Fault.EXPIRED,)  # type: ignore[union-attr]


def test_a_moment_before_not_after_is_in_time(database: Database, room: Room, issued: Permit) -> None:
    end = LATER + Terms().redeem_within

    assert isinstance(redeem(database, room, issued, end - timedelta(microseconds=1)), Redemption)
    assert isinstance(redeem(database, room, issued, end + timedelta(hours=1), attempt=2), Redemption)


def test_a_run_that_takes_too_long_is_neither_repeated_nor_released(
    database: Database, room: Room, issued: Permit
) -> None:
    redeem(database, room, issued)
    end = RUNNING + room.permits.max_run

    assert redeem(database, room, issued, end, attempt=2).reasons == (Fault.OVERRUN,)  # type: ignore[union-attr]
    assert release(database, room, issued, end).reasons == (Fault.OVERRUN,)


@pytest.mark.parametrize(
    "changes",
    [
        {"media_digest": "1" * 64},
        {"donor_digest": "1" * 64},
        {"engine": "cloud"},
        {"model_digests": ()},
        {"job": ""},
        {"attempt": 0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_permit_does_not_stretch_to_another_run(
    database: Database, room: Room, issued: Permit, changes: dict[str, Any]
) -> None:
    assert redeem(database, room, issued, **changes).reasons == (Fault.OTHER_WORK,)  # type: ignore[union-attr]
    assert state(database, room, issued) is State.ISSUED


def test_a_forged_permit_is_refused_and_logged_by_its_digest(
    database: Database, room: Room, issued: Permit
) -> None:
    key = SigningKey.generate(Duty.PERMIT, room.house.entropy)
    body = replace(issued.body, media_digest="1" * 64)
    forgeries = {
        "another key": permit_document.sign(issued.ruling, replace(body, kid=key.kid), key).token,
        "another key under our name": permit_document.sign(issued.ruling, body, key).token,
        "another body": replace(issued, body=body).token,
        "no permit": b"{}",
        "no canonical form": issued.token + b" ",
        "upper-case hex": issued.token.replace(
            issued.signature.hex().encode(), issued.signature.hex().upper().encode()
        ),
        "another version": permit_document.sign(
            issued.ruling, replace(issued.body, v=2), room.gate.key
        ).token,
        "far too long": b" " * 100_000,
        "not hex": canonical({"permit": None, "signature": "zz"}),
    }
    for name, token in forgeries.items():
        with database.write() as session:
            refusal = room.permits.redeem(session, token, room.run(issued), RUNNING, covered)
            kind, entry = last_fact(session)
            said = room.house.ledger.opened(session, entry, Subject("tenant", room.tenant))

        assert refusal.reasons == (Fault.FORGED,), name  # type: ignore[union-attr]
        assert kind == "RedemptionRefused"
        assert said is not None
        assert said["permit"] == digest(token)
        assert said["rules"] == [Fault.FORGED]


def test_a_valid_signature_without_a_row_is_worth_nothing(
    database: Database, room: Room, issued: Permit
) -> None:
    ghost = permit_document.sign(issued.ruling, replace(issued.body, id="0" * 32), room.gate.key)
    wider = permit_document.sign(issued.ruling, replace(issued.body, engine="cloud"), room.gate.key)

    assert redeem(database, room, ghost).reasons == (Fault.UNKNOWN,)  # type: ignore[union-attr]
    assert redeem(database, room, wider, engine="cloud").reasons == (Fault.FORGED,)  # type: ignore[union-attr]


def test_only_a_swap_is_redeemable(database: Database, room: Room) -> None:
    with database.write() as session:
        case = room.case(action=Action.PUBLISH, people=room.people[:1])
        published = room.gate.decide(session, case, LATER)
    assert isinstance(published, Permit)

    assert Fault.UNKNOWN in redeem(database, room, published).reasons  # type: ignore[union-attr]


def test_a_permit_of_another_tenant_is_refused(
    database: Database, room: Room, issued: Permit, tmp_path: Path
) -> None:
    with database.write() as session:
        other = a_room(session, tmp_path / "other", tenant="other")
    trusting = replace(other.permits, trusted=room.permits.trusted)
    with database.write() as session:
        refusal = trusting.redeem(session, issued.token, room.run(issued), RUNNING, covered)

    assert refusal.reasons == (Fault.OTHER_TENANT,)  # type: ignore[union-attr]


def test_a_clock_set_back_redeems_nothing(database: Database, room: Room, issued: Permit) -> None:
    refusal = redeem(database, room, issued, LATER - timedelta(seconds=61))

    assert isinstance(refusal, Refusal)
    assert {(o.rule, o.detail) for o in refusal.objections} == {("G-00", "CLOCK_BEHIND")}


def test_a_refused_redemption_is_logged_with_its_codes(
    database: Database, room: Room, issued: Permit
) -> None:
    refusal = redeem(database, room, issued, job="job-7", engine="cloud")

    assert isinstance(refusal, Refusal)
    with database.read() as session:
        said = room.house.ledger.opened(session, refusal.ruling.entry, Subject("tenant", room.tenant))
    assert said is not None
    assert (said["job"], said["rules"], said["stage"]) == ("job-7", [Fault.OTHER_WORK], "redeem")
    assert said["permit"] == issued.id


def test_a_fault_says_what_would_cure_it_in_both_languages() -> None:
    for fault in Fault:
        assert fault.objection.message.isascii()
        assert not fault.objection.message_zh.isascii()
        assert fault.objection.cure
        assert not fault.objection.cure_zh.isascii()


# Withdrawal


def test_a_withdrawal_voids_what_rests_on_it_and_returns_the_uses(
    database: Database, room: Room, issued: Permit
) -> None:
    withdraw(database, room, room.performed)

    assert state(database, room, issued) is State.VOID
    assert uses(database, room) == [(0, 0), (0, 0)]
    assert set(redeem(database, room, issued).reasons) == {Fault.VOID, "G-10"}  # type: ignore[union-attr]
    with database.read() as session:
        kinds = [Leaf.parse(row.leaf).t for row in session.exec(select(EntryRow)).all()]
    assert kinds.count("PermitVoided") == 1


def test_a_withdrawal_voids_a_running_permit_and_its_use_stays_spent(
    database: Database, room: Room, issued: Permit
) -> None:
    redeem(database, room, issued)
    withdraw(database, room, room.given)

    assert state(database, room, issued) is State.VOID
    assert uses(database, room) == [(0, 1), (0, 1)]
    assert set(release(database, room, issued).reasons) == {Fault.VOID, "G-10"}
    assert set(redeem(database, room, issued, DONE, attempt=2).reasons) == {Fault.VOID, "G-10"}  # type: ignore[union-attr]


def test_withdrawing_another_purpose_voids_nothing(database: Database, room: Room, issued: Permit) -> None:
    withdraw(database, room, room.performed, [Purpose.PUBLISH_TEMPLATE])

    assert state(database, room, issued) is State.ISSUED
    assert isinstance(redeem(database, room, issued), Redemption)


def test_a_consent_the_journal_denies_redeems_nothing(database: Database, room: Room, issued: Permit) -> None:
    room.house.journal.append(room.given, [str(Purpose.USER_SWAP)])

    assert redeem(database, room, issued).reasons == ("G-10",)  # type: ignore[union-attr]


def test_a_signature_that_no_longer_verifies_redeems_nothing(
    database: Database, room: Room, issued: Permit
) -> None:
    """The countersigning key was compromised and is trusted no more."""
    distrusting = replace(room.house.registry, trusted={})
    permits = replace(room.permits, bench=replace(room.permits.bench, registry=distrusting))
    with database.write() as session:
        refusal = permits.redeem(session, issued.token, room.run(issued), RUNNING, covered)

    assert refusal.reasons == ("G-13",)  # type: ignore[union-attr]


def test_of_two_who_redeem_at_once_one_is_told_it_came_late(
    database: Database, room: Room, issued: Permit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one update is the last word, whatever was read before it."""
    monkeypatch.setattr(docket, "redeem", lambda *_, **__: False)

    assert redeem(database, room, issued).reasons == (Fault.TAKEN,)  # type: ignore[union-attr]
    assert uses(database, room) == [(1, 0), (1, 0)]


def test_a_dispute_stops_what_was_permitted(database: Database, room: Room, issued: Permit) -> None:
    with database.write() as session:
        room.house.registry.dispute(session, room.performed, by=HERS, now=LATER)

    assert redeem(database, room, issued).reasons == ("G-37",)  # type: ignore[union-attr]


def test_a_frozen_template_stops_what_was_permitted(database: Database, room: Room, issued: Permit) -> None:
    room.templates.freeze()

    assert redeem(database, room, issued).reasons == ("G-37",)  # type: ignore[union-attr]


def test_counters_that_disagree_do_not_stop_a_withdrawal(
    database: Database, room: Room, issued: Permit
) -> None:
    with database.write() as session:
        session.execute(update(ConsentCounterRow).values(reserved=0))

    withdraw(database, room, room.performed)

    assert state(database, room, issued) is State.VOID


def test_a_withdrawal_in_another_tenant_touches_nothing_here(
    database: Database, room: Room, issued: Permit
) -> None:
    with database.write() as session:
        room.permits.lock(session, "other", room.performed)
        room.permits.apply(session, "other", room.performed, [Purpose.USER_SWAP], RUNNING)

    assert state(database, room, issued) is State.ISSUED


# Expiry


def test_a_sweep_expires_what_was_not_redeemed_and_returns_the_uses(
    database: Database, room: Room, issued: Permit
) -> None:
    end = LATER + Terms().redeem_within
    with database.write() as session:
        assert room.permits.expire(session, end - timedelta(microseconds=1)) == ()
    with database.write() as session:
        assert room.permits.expire(session, end) == (issued.id,)
        assert room.permits.expire(session, end) == ()

    assert state(database, room, issued) is State.EXPIRED
    assert uses(database, room) == [(0, 0), (0, 0)]
    assert redeem(database, room, issued, end).reasons == (Fault.EXPIRED,)  # type: ignore[union-attr]
    assert release(database, room, issued, end).reasons == (Fault.EXPIRED,)


def test_a_sweep_ends_what_ran_too_long_and_its_use_stays_spent(
    database: Database, room: Room, issued: Permit
) -> None:
    redeem(database, room, issued)
    end = RUNNING + room.permits.max_run
    with database.write() as session:
        assert room.permits.expire(session, end) == (issued.id,)

    assert uses(database, room) == [(0, 1), (0, 1)]
    assert release(database, room, issued, end).reasons == (Fault.OVERRUN,)


def test_a_sweep_leaves_what_a_job_redeemed_meanwhile(
    database: Database, room: Room, issued: Permit, monkeypatch: pytest.MonkeyPatch
) -> None:
    redeem(database, room, issued)
    monkeypatch.setattr(docket, "overdue", lambda *_: (issued.id, "0" * 32))
    with database.write() as session:
        assert room.permits.expire(session, LATER + Terms().redeem_within) == ()

    assert state(database, room, issued) is State.REDEEMED


# Release


def test_a_release_is_a_decision_of_its_own(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)
    answer = release(database, room, issued)

    assert isinstance(answer, Permit)
    assert answer.body == issued.body
    assert answer.ruling.id != issued.id
    assert state(database, room, issued) is State.FINISHED
    with database.read() as session:
        recorded = docket.find(session, room.tenant, answer.ruling.id)
        assert recorded is not None
        assert recorded.follows == issued.id
        entry = room.house.ledger.find(session, answer.ruling.entry)
        assert entry is not None
        assert Leaf.parse(entry.leaf).ref == (issued.ruling.entry,)
        assert len(list(docket.naming(session, room.tenant, room.donor.id))) == 2


def test_nothing_is_released_twice(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)
    release(database, room, issued)

    assert release(database, room, issued).reasons == (Fault.FINISHED,)
    assert redeem(database, room, issued, DONE, attempt=2).reasons == (Fault.FINISHED,)  # type: ignore[union-attr]


def test_nothing_is_released_that_was_never_redeemed(database: Database, room: Room, issued: Permit) -> None:
    assert release(database, room, issued).reasons == (Fault.NOT_REDEEMED,)


def test_another_job_releases_nothing(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued, job="job-9")

    assert release(database, room, issued).reasons == (Fault.TAKEN,)


def test_a_permit_nobody_issued_releases_nothing(database: Database, room: Room) -> None:
    with database.write() as session:
        answer = room.gate.recheck(session, "0" * 32, job="job-1", attempt=1, output=GOOD, now=DONE)
        kind, _ = last_fact(session)

    assert answer.reasons == (Fault.UNKNOWN,)
    assert kind == "RedemptionRefused"


def test_only_a_swap_is_released(database: Database, room: Room) -> None:
    with database.write() as session:
        case = room.case(action=Action.PUBLISH, people=room.people[:1])
        published = room.gate.decide(session, case, LATER)

    assert isinstance(published, Permit)
    assert release(database, room, published).reasons == (Fault.UNKNOWN,)


@pytest.mark.parametrize(
    ("what", "rule"), [("label", "G-32"), ("aigc", "G-33"), ("manifest", "G-34"), ("logged", "G-36")]
)
def test_an_output_that_lacks_something_is_not_released(
    database: Database, room: Room, issued: Permit, what: str, rule: str
) -> None:
    redeem(database, room, issued)

    assert release(database, room, issued, **{what: False}).reasons == (rule,)
    assert state(database, room, issued) is State.REDEEMED


def test_the_last_use_is_released_though_none_is_left(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", uses=1)
    permit = a_permit(database, room)
    redeem(database, room, permit)

    assert isinstance(release(database, room, permit), Permit)


def test_a_term_that_ends_while_it_is_rendered_refuses_the_release(database: Database, room: Room) -> None:
    end = NOON + timedelta(days=365)
    permit = a_permit(database, room, end - timedelta(minutes=2))
    redeem(database, room, permit, end - timedelta(minutes=1))

    assert set(release(database, room, permit, end).reasons) == {"G-10", "G-16"}


def test_a_release_runs_under_the_rules_of_now(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)
    stricter = replace(room.gate.policy, digest="5" * 64)
    gate = replace(room.gate, policy=stricter)
    with database.write() as session:
        answer = gate.recheck(session, issued.id, job="job-1", attempt=1, output=GOOD, now=DONE)

    assert isinstance(answer, Permit)
    assert answer.ruling.policy == "5" * 64
    assert answer.body.policy_digest != "5" * 64


def test_a_lifted_hold_stays_lifted_at_the_release(database: Database, room: Room) -> None:
    case = room.case()
    assert case.tracks is not None
    with database.write() as session:
        hold = room.gate.decide(session, replace(case, tracks=replace(case.tracks, weak=1)), LATER)
    with database.write() as session:
        permit = room.gate.lift(session, hold.ruling.id, "anna", "bert", "a poster", LATER)
    assert isinstance(permit, Permit)
    redeem(database, room, permit)

    assert isinstance(release(database, room, permit), Permit)


# Edited rows


def test_an_edited_case_row_is_noticed(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)
    looser = replace(room.case(), template=None).encoded
    with database.write() as session:
        session.execute(update(DecisionRow).where(col(DecisionRow.id) == issued.id).values(case=looser))

    answer = release(database, room, issued)

    assert isinstance(answer, Refusal)
    assert "CASE_DIVERGED" in {o.detail for o in answer.objections}
    again = redeem(database, room, issued, DONE, attempt=2)
    assert isinstance(again, Refusal)
    assert {o.detail for o in again.objections} == {"CASE_DIVERGED"}


def test_an_edited_list_of_people_is_noticed(database: Database, room: Room, issued: Permit) -> None:
    with database.write() as session:
        session.execute(
            update(DecisionPersonRow)
            .where(col(DecisionPersonRow.role) == "PERFORMER")
            .values(authorization_id=None)
        )

    answer = redeem(database, room, issued)

    assert isinstance(answer, Refusal)
    assert "CASE_DIVERGED" in {o.detail for o in answer.objections}


@pytest.mark.parametrize("edit", [{"purposes": '["MATCHING"]'}, {"role": "BACKGROUND"}], ids=str)
def test_an_edit_of_what_was_asked_of_her_is_noticed(
    database: Database, room: Room, issued: Permit, edit: dict[str, str]
) -> None:
    """By these rows a withdrawal finds the permits it voids, and a redemption what must be in force."""
    with database.write() as session:
        session.execute(
            update(DecisionPersonRow).where(col(DecisionPersonRow.role) == "PERFORMER").values(**edit)
        )
        # Uses to spend, so that the counters do not give the edit away.
        session.execute(update(ConsentCounterRow).values(reserved=1))

    answer = redeem(database, room, issued)

    assert isinstance(answer, Refusal)
    assert {o.detail for o in answer.objections} == {"CASE_DIVERGED"}


def test_an_edited_permit_row_is_noticed(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)
    with database.write() as session:
        session.execute(update(PermitRow).values(token=issued.token.replace(b'"app"', b'"web"')))

    assert Fault.FORGED in release(database, room, issued).reasons


def test_an_edited_log_is_noticed(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)
    with database.write() as session:
        session.execute(
            update(SealedRow)
            .where(col(SealedRow.leaf_hash) == issued.ruling.entry)
            .values(ciphertext=b"\x00" * 200)
        )

    answer = release(database, room, issued)

    assert {o.detail for o in answer.objections} == {"CASE_DIVERGED"}  # type: ignore[union-attr]


def test_an_edited_entry_is_noticed(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)
    with database.write() as session:
        session.execute(update(DecisionRow).where(col(DecisionRow.id) == issued.id).values(entry="0" * 64))

    answer = release(database, room, issued)

    assert {o.detail for o in answer.objections} == {"CASE_DIVERGED"}  # type: ignore[union-attr]


# Misuse


def test_a_job_cannot_finish_what_it_does_not_hold(database: Database, room: Room, issued: Permit) -> None:
    redeem(database, room, issued)
    for job, attempt in (("job-2", 1), ("job-1", 2)):
        with database.write() as session, pytest.raises(PermitNotHeld):
            room.permits.finish(session, issued.id, job=job, attempt=attempt)


def test_a_document_reads_back_or_is_forged(room: Room, issued: Permit) -> None:
    body, signature = permit_document.read(issued.token, room.gate.trusted)

    assert Permit(issued.ruling, body, signature) == issued
    assert issued.reasons == ()
    with pytest.raises(PermitForged):
        permit_document.read(issued.token, {})


def test_a_run_is_compared_whatever_the_order_of_its_models(issued: Permit, room: Room) -> None:
    run = room.run(issued)

    assert isinstance(run, Run)
    assert tuple(sorted(run.model_digests)) == issued.body.model_digests
    assert room.case().template == TEMPLATE
