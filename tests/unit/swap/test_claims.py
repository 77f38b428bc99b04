"""A claim freezes at once; its answer withdraws for good, or gives back what nothing else holds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from consent.erasures import Erasures
from consent.errors import UnderOrder
from consent.gone import PersonErased
from consent.withdrawal import By, How
from consent.words import Purpose
from consenting import House, Somebody
from service.database import Database
from shelved import (
    ANNA,
    DONORS_CONSENT,
    HERS,
    MEDIA,
    NOON,
    TENANT,
    a_donor,
    a_job,
    an_id,
    announced,
    everybody,
)
from swap import blocking, claims, duties, library, orders, outputs, serving, standing
from swap.blocking import FileBlocked
from swap.claim import Claim, ClaimClosed, State, StatementTooShort, Target
from swap.claims import CLOCK, CONTACT_KEPT, Claims
from swap.claimtables import ClaimContactRow
from swap.duties import Kind
from swap.errors import NoSuchThing
from swap.outputs import Output
from swap.serving import Gone, Leave
from swap.withdrawal import SwapEffect

ORDER = "0d" * 32
SAID = ("This is me, and I never agreed to it.", "her@example.org")


@dataclass
class Shelf:
    database: Database
    house: House
    claims: Claims

    def released(self, digest: str = "ee" * 32) -> Output:
        """An output of a template of its own."""
        with self.database.write() as session:
            donor, template = a_donor(authorization=DONORS_CONSENT), announced(session)
            orders.add_donor(session, TENANT, donor, now=NOON, delete_after=NOON)
            job = a_job(session, template, donor)
            output = Output(an_id(), job, template, an_id(), digest, 9, "ff" * 32, NOON, None, 0)
            needed = ["USER_SWAP"]
            outputs.add(session, TENANT, output, {HERS: (ANNA, needed), DONORS_CONSENT: (ANNA, needed)})
        return output

    def gone(self, output: Output) -> Gone | None:
        with self.database.read() as session:
            answer = serving.ask(session, TENANT, output.id, everybody(), now=NOON)
        return None if isinstance(answer, Leave) else answer

    def frozen(self, template: str) -> bool:
        with self.database.read() as session:
            found = standing.standing(session, TENANT, template)
        assert found is not None
        return found.frozen

    def requested(self, kind: Target, target: str) -> Claim:
        with self.database.write() as session:
            return self.claims.request(session, kind, target, *SAID, now=NOON)

    def ordered(self, kind: Target, target: str, document: str = ORDER) -> Claim:
        with self.database.write() as session:
            return self.claims.order(session, kind, target, document, by="op", now=NOON)

    def decided(self, claim: Claim, *, confirm: bool) -> Claim:
        with self.database.write() as session:
            return self.claims.decide(
                session, claim.id, confirm=confirm, by="op", reason="looked at", now=NOON
            )

    def lifted(self, claim: Claim) -> Claim:
        with self.database.write() as session:
            return self.claims.lift(session, claim.id, by="op", reason="ended", now=NOON)


@pytest.fixture
def shelf(database: Database, tmp_path: Path) -> Iterator[Shelf]:
    house = House.build(tmp_path / "house", TENANT)
    effect = SwapEffect(house.entropy)
    yield Shelf(database, house, Claims(house.ledger, house.keystore, house.registry, effect, house.entropy))
    house.keystore.close()


def owed(session: Session, kind: Kind) -> list[str]:
    return [duty.subject for duty in duties.open_duties(session, TENANT, now=NOON) if duty.kind is kind]


def test_an_output_is_frozen_while_it_is_looked_at_and_given_back_when_it_is_rejected(shelf: Shelf) -> None:
    output = shelf.released()
    assert shelf.gone(output) is None

    claim = shelf.requested(Target.OUTPUT, output.id)
    assert shelf.gone(output) is Gone.FROZEN
    assert claim.due_at == NOON + CLOCK

    assert shelf.decided(claim, confirm=False).state is State.REJECTED
    assert shelf.gone(output) is None


def test_a_request_is_due_when_the_law_of_the_place_says(shelf: Shelf) -> None:
    output, day = shelf.released(), timedelta(hours=24)

    strict = replace(shelf, claims=replace(shelf.claims, clock=day))

    assert strict.requested(Target.OUTPUT, output.id).due_at == NOON + day


def test_what_was_rejected_once_is_not_frozen_again_by_asking_again(shelf: Shelf) -> None:
    output = shelf.released()
    shelf.decided(shelf.requested(Target.OUTPUT, output.id), confirm=False)

    again = shelf.requested(Target.OUTPUT, output.id)

    assert (again.freezes, again.state) == (False, State.OPEN)
    assert shelf.gone(output) is None
    shelf.decided(again, confirm=True)
    assert shelf.gone(output) is Gone.FROZEN, "but it is looked at, and may be right"


def test_a_confirmed_one_withdraws_the_outputs_and_blocks_the_same_bytes(shelf: Shelf) -> None:
    # Given a template with two outputs
    output = shelf.released()

    # When it is taken down
    shelf.decided(shelf.requested(Target.TEMPLATE, output.template), confirm=True)

    # Then it stays frozen, its output is to be deleted, and neither file comes in again
    assert shelf.frozen(output.template)
    assert shelf.gone(output) is Gone.FROZEN
    with shelf.database.read() as session:
        assert owed(session, Kind.WITHDRAW_OUTPUT) == [output.id]
        blocking.expect_free(session, TENANT, "12" * 32)
        blocking.expect_free(session, "another", output.digest)
        for digest in (output.digest, "aa" * 32):
            with pytest.raises(FileBlocked):
                blocking.expect_free(session, TENANT, digest)
    with shelf.database.write() as session, pytest.raises(FileBlocked):
        library.quarantined(
            session, TENANT, announced(session), received="aa" * 32, media=MEDIA, marked=False, now=NOON
        )


def test_a_file_is_every_output_and_template_that_is_it(shelf: Shelf) -> None:
    first, second, other = shelf.released(), shelf.released(), shelf.released("dd" * 32)

    shelf.requested(Target.FILE, first.digest)

    assert [shelf.gone(each) for each in (first, second, other)] == [Gone.FROZEN, Gone.FROZEN, None]


def test_nothing_is_thawed_that_another_claim_holds(shelf: Shelf) -> None:
    # Given a template under an order, and its output under a request as well
    output = shelf.released()
    order = shelf.ordered(Target.TEMPLATE, output.template)
    request = shelf.requested(Target.OUTPUT, output.id)

    # When one of the two ends
    shelf.decided(request, confirm=False)

    # Then the other holds, until it ends too
    assert shelf.gone(output) is Gone.FROZEN
    shelf.lifted(order)
    assert shelf.gone(output) is None
    assert not shelf.frozen(output.template)


def test_nothing_is_thawed_that_a_withdrawal_froze(shelf: Shelf) -> None:
    output = shelf.released()
    order = shelf.ordered(Target.TEMPLATE, output.template)
    with shelf.database.write() as session:
        library.freeze_resting_on(session, TENANT, HERS, now=NOON)

    shelf.lifted(order)

    assert shelf.frozen(output.template)


def test_an_order_entered_again_is_the_same_and_another_is_another(shelf: Shelf) -> None:
    output = shelf.released()

    first, again = (shelf.ordered(Target.OUTPUT, output.id) for _ in range(2))
    other = shelf.ordered(Target.OUTPUT, output.id, "0e" * 32)

    assert again == first
    assert other.id != first.id
    shelf.lifted(first)
    assert shelf.gone(output) is Gone.FROZEN


def granted(shelf: Shelf) -> tuple[Somebody, str]:
    with shelf.database.write() as session:
        shelf.house.publish(session, NOON)
        her = shelf.house.enrol(session, NOON)
        return her, shelf.house.grant(session, her, NOON).authorization


def in_force(shelf: Shelf, authorization: str) -> bool:
    with shelf.database.read() as session:
        found = shelf.house.registry.standings(session, TENANT, [authorization], now=NOON, lock=None)
    return found[authorization].in_force(Purpose.USER_SWAP)


def test_an_order_about_a_consent_suspends_it_and_another_hand_may_still_withdraw(shelf: Shelf) -> None:
    her, authorization = granted(shelf)

    order = shelf.ordered(Target.AUTHORIZATION, authorization)
    assert not in_force(shelf, authorization)
    shelf.lifted(order)
    assert in_force(shelf, authorization)

    shelf.ordered(Target.AUTHORIZATION, authorization, "0f" * 32)
    with shelf.database.write() as session:
        effect = SwapEffect(shelf.house.entropy)
        by = By(How.OWN_SESSION, her.id)
        assert shelf.house.registry.withdraw(session, effect, authorization, by=by, now=NOON).purposes


def test_who_asked_and_what_was_stated_is_sealed_and_goes_after_the_answer(shelf: Shelf) -> None:
    claim = shelf.requested(Target.OUTPUT, shelf.released().id)
    with shelf.database.read() as session:
        assert shelf.claims.contact(session, claim.id) == {"statement": SAID[0], "contact": SAID[1]}
        stored = session.exec(select(ClaimContactRow.sealed)).one()
    assert SAID[1].encode() not in stored

    with shelf.database.write() as session:
        assert claims.purge(session, TENANT, now=NOON + timedelta(days=900)) == 0, "not while it is open"
    shelf.decided(claim, confirm=False)
    with shelf.database.write() as session:
        assert claims.purge(session, TENANT, now=NOON + CONTACT_KEPT - timedelta(seconds=1)) == 0
        assert claims.purge(session, TENANT, now=NOON + CONTACT_KEPT) == 1
        assert shelf.claims.contact(session, claim.id) is None


def test_the_clock_is_of_open_requests_alone(shelf: Shelf) -> None:
    output = shelf.released()
    shelf.ordered(Target.OUTPUT, output.id)
    claim = shelf.requested(Target.OUTPUT, output.id)
    with shelf.database.read() as session:
        assert claims.next_due(session, TENANT) == (1, NOON + CLOCK)

    shelf.decided(claim, confirm=False)

    with shelf.database.read() as session:
        assert claims.next_due(session, TENANT) == (0, None)


def test_what_was_answered_is_answered(shelf: Shelf) -> None:
    claim = shelf.requested(Target.OUTPUT, shelf.released().id)
    shelf.decided(claim, confirm=True)

    with pytest.raises(ClaimClosed):
        shelf.decided(claim, confirm=False)
    with pytest.raises(NoSuchThing):
        shelf.lifted(claim)


@pytest.mark.parametrize("kind", [Target.OUTPUT, Target.TEMPLATE, Target.FILE, Target.AUTHORIZATION])
def test_nothing_is_claimed_of_what_is_not_here(kind: Target, shelf: Shelf) -> None:
    with pytest.raises(NoSuchThing):
        shelf.requested(kind, "9" * 32)


@pytest.mark.parametrize("said", [("too short", "her"), ("x" * 30, "  ")])
def test_a_request_says_enough_and_by_whom(said: Any, shelf: Shelf) -> None:
    output = shelf.released()

    with shelf.database.write() as session, pytest.raises(StatementTooShort):
        shelf.claims.request(session, Target.OUTPUT, output.id, *said, now=NOON)


def test_what_is_confirmed_in_the_end_holds_though_asking_again_froze_nothing(shelf: Shelf) -> None:
    output = shelf.released()
    shelf.decided(shelf.requested(Target.TEMPLATE, output.template), confirm=False)
    shelf.decided(shelf.requested(Target.TEMPLATE, output.template), confirm=True)

    shelf.lifted(shelf.ordered(Target.TEMPLATE, output.template))

    assert shelf.frozen(output.template)


def test_an_order_that_ends_leaves_her_own_dispute_as_it_was(shelf: Shelf) -> None:
    her, authorization = granted(shelf)
    registry = shelf.house.registry
    with shelf.database.write() as session:
        registry.dispute(session, authorization, by=By(How.OWN_SESSION, her.id), now=NOON)

    shelf.lifted(shelf.ordered(Target.AUTHORIZATION, authorization))
    assert not in_force(shelf, authorization)

    with shelf.database.write() as session:
        registry.settle(session, authorization, by=By(How.OPERATOR, "desk"), now=NOON)
    assert in_force(shelf, authorization)


def test_nobody_settles_what_an_order_holds(shelf: Shelf) -> None:
    _, authorization = granted(shelf)
    order = shelf.ordered(Target.AUTHORIZATION, authorization)

    with shelf.database.write() as session, pytest.raises(UnderOrder):
        shelf.house.registry.settle(session, authorization, by=By(How.OPERATOR, "desk"), now=NOON)

    assert not in_force(shelf, authorization)
    shelf.lifted(order)
    assert in_force(shelf, authorization)


def test_the_same_bytes_come_in_frozen_while_a_file_is_held(shelf: Shelf) -> None:
    shelf.released()
    order = shelf.ordered(Target.FILE, "aa" * 32)

    with shelf.database.write() as session:
        template = announced(session)
        library.quarantined(
            session, TENANT, template, received="aa" * 32, media=MEDIA, marked=False, now=NOON
        )

    assert shelf.frozen(template)
    shelf.lifted(order)
    assert not shelf.frozen(template)


def test_nothing_is_granted_or_enrolled_under_an_id_that_was_erased(shelf: Shelf) -> None:
    her, _ = granted(shelf)
    erasures = Erasures(shelf.house.ledger, shelf.house.keystore)
    with shelf.database.write() as session:
        erasures.begin(session, her.id, by="desk", references=0, now=NOON)

    with shelf.database.write() as session, pytest.raises(PersonErased):
        shelf.house.grant(session, her, NOON)
    with shelf.database.write() as session, pytest.raises(PersonErased):
        shelf.house.registry.people.enrol_key(session, her.id, "ed25519:" + "00" * 32, by="desk", now=NOON)
