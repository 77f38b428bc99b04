"""Hooks are told of facts, signed, at least once, under an id that stays; or given up, and that is said."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from audit import keyhistory
from audit.ids import fresh
from audit.keyhistory import PublicKey
from audit.keys import Duty, SigningKey
from audit.ledger import Ledger
from audit.tables import EntryRow
from consent.registry import Registry
from consent.withdrawal import By, How
from consenting import NOON, House, a_term
from receivers import Receiver, receiving
from service import webhooks
from service.database import Database
from service.messenger import AHEAD, PAUSES, Messenger
from service.outbound import Outbound
from swap import duties, hooks, tidings
from swap.hooks import Event, Hook
from swap.tidings import Herald, State
from swap.withdrawal import SwapEffect


@dataclass
class Town:
    """A registry whose facts are heard, and a messenger."""

    database: Database
    house: House
    registry: Registry
    messenger: Messenger
    receiver: Receiver
    at: datetime = NOON

    def hook(self, *types: Event, url: str = "") -> Hook:
        made = Hook(fresh(self.house.entropy), url or self.receiver.url, frozenset(types), "op", NOON)
        with self.database.write() as session:
            hooks.add(session, self.house.tenant, made)
        return made

    def granted(self, days: int = 365) -> str:
        with self.database.write() as session:
            return self.grant(session, days)

    def grant(self, session: Session, days: int = 365) -> str:
        self.house.publish(session, NOON)
        her = self.house.enrol(session, NOON)
        return self.house.grant(session, her, NOON, term=a_term(NOON, days=days)).authorization

    def withdraw(self, authorization: str) -> None:
        with self.database.write() as session:
            effect, by = SwapEffect(self.house.entropy), By(How.OWN_SESSION, "her")
            self.registry.withdraw(session, effect, authorization, by=by, now=NOON)

    def states(self, hook: Hook) -> list[State]:
        with self.database.read() as session:
            return [one.state for one in tidings.of_hook(session, self.house.tenant, hook.id)]

    def types(self) -> list[str]:
        return [letter.event["type"] for letter in self.receiver.letters]


@pytest.fixture
def town(database: Database, tmp_path: Path) -> Iterator[Town]:
    house = House.build(tmp_path / "house")
    herald = Herald(house.tenant, house.entropy)
    ledger = Ledger(house.tenant, house.keystore, house.entropy, herald.heard)
    house.registry = registry = replace(house.registry, ledger=ledger)
    key = SigningKey.generate(Duty.WEBHOOK, house.entropy)
    towns: list[Town] = []
    messenger = Messenger(
        database, ledger, herald, key, Outbound(demo=True), "log.example/one", lambda: towns[0].at
    )
    with receiving() as receiver:
        towns.append(Town(database, house, registry, messenger, receiver))
        yield towns[0]
    house.keystore.close()


def test_a_withdrawal_is_told_in_order_signed_twice_and_says_nothing_of_her(town: Town) -> None:
    # Given a hook, and a consent that is given and taken back
    hook = town.hook()
    authorization = town.granted()
    town.withdraw(authorization)

    # When what is owed is sent
    assert town.messenger.round() == 2

    # Then the receiver has both in order, under signatures of ours
    assert town.types() == ["consentry.consent.granted", "consentry.consent.withdrawn"]
    secret = webhooks.secret(town.messenger.key, hook.id)
    public = webhooks.public(town.messenger.key.verifying)
    assert all(letter.is_signed(secret, public) for letter in town.receiver.letters)
    assert not town.receiver.letters[0].is_signed(webhooks.secret(town.messenger.key, "other"), public)

    # And of whom it was, how she did it and where it was sent is not told.
    said = town.receiver.letters[1].event
    assert said["specversion"] == "1.0"
    assert said["subject"] == authorization
    assert set(said["data"]) == {"purposes", "status", "entry"}
    assert town.messenger.round() == 0, "nothing is owed any more"
    assert town.states(hook) == [State.DELIVERED] * 2


def test_a_process_whose_webhook_key_has_ended_sends_nothing_and_what_is_owed_waits(town: Town) -> None:
    # Given something owed, and another process that was started with another webhook key
    hook = town.hook()
    town.granted()
    old, new = town.messenger.key, SigningKey.generate(Duty.WEBHOOK, town.house.entropy)
    for key in (old, new):
        with town.database.write() as session:
            keyhistory.start(session, town.messenger.ledger, [PublicKey.of(key.verifying)], NOON)

    # Then the first sends nothing, and the second does
    assert town.messenger.round() == 0
    assert (town.receiver.letters, town.states(hook)) == ([], [State.OWED])
    assert replace(town.messenger, key=new).round() == 1
    assert town.receiver.letters[0].is_signed(webhooks.secret(new, hook.id), webhooks.public(new.verifying))


def test_nothing_is_told_of_what_was_rolled_back(town: Town) -> None:
    hook = town.hook()

    with town.database.write() as session:
        town.grant(session)
        session.rollback()

    assert town.messenger.round() == 0
    assert town.states(hook) == []


def test_a_hook_is_told_of_what_it_asked_for_alone(town: Town) -> None:
    hook = town.hook(Event.CONSENT_WITHDRAWN)

    town.withdraw(town.granted())

    assert town.messenger.round() == 1
    assert town.types() == ["consentry.consent.withdrawn"]
    assert town.states(hook) == [State.DELIVERED]


def test_a_hook_that_fails_is_tried_later_with_the_same_id_and_holds_nobody_else_up(town: Town) -> None:
    # Given one that answers 500, and one that works
    failing = town.hook()
    town.receiver.status = 500
    with receiving() as other:
        working = town.hook(url=other.url)
        authorization = town.granted()
        town.withdraw(authorization)

        # When they are told
        assert town.messenger.round() == 2

    # Then the one has both, the other was asked once and is asked again when its pause is over
    assert town.states(working) == [State.DELIVERED] * 2
    assert town.states(failing) == [State.OWED] * 2
    assert len(town.receiver.letters) == 1
    first = town.receiver.letters[0].headers
    town.receiver.status = 204
    town.at = NOON + PAUSES[0]
    assert town.messenger.round() == 2
    again = next(
        one.headers for one in town.receiver.letters[1:] if one.headers["webhook-id"] == first["webhook-id"]
    )
    assert again["webhook-timestamp"] != first["webhook-timestamp"]


def test_the_long_queue_of_a_dead_hook_hides_nothing_that_is_owed_to_another(town: Town) -> None:
    dead = town.hook()
    town.receiver.status = 500
    with town.database.write() as session:
        for number in range(150):
            town.messenger.herald.tell(session, Event.HOLD_OPENED, f"hold-{number}", {}, now=NOON)
    with receiving() as other:
        working = town.hook(url=other.url)
        town.at = NOON + timedelta(seconds=1)
        town.withdraw(town.granted())

        assert town.messenger.round() == 2

    assert town.states(working) == [State.DELIVERED] * 2
    assert set(town.states(dead)) == {State.OWED}


def test_what_nobody_takes_is_given_up_and_that_is_an_entry(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    hook = town.hook()
    town.receiver.status = 503
    town.granted()

    with caplog.at_level(logging.WARNING):
        for pause in (*PAUSES, timedelta()):
            assert town.messenger.round() == 0
            assert town.messenger.round() == 0, "not before its time"
            town.at += pause

    assert len(town.receiver.letters) == len(PAUSES) + 1
    assert town.states(hook) == [State.GIVEN_UP]
    with town.database.read() as session:
        kinds = [b"NotificationGivenUp" in leaf for leaf in session.exec(select(EntryRow.leaf))]
        assert kinds.count(True) == 1
        assert not duties.open_duties(session, town.house.tenant, now=town.at + timedelta(days=9))
    assert "secret" not in caplog.text, "an address may hold a token"


def test_a_hook_that_ended_is_told_nothing_more(town: Town) -> None:
    hook = town.hook()
    town.granted()
    with town.database.write() as session:
        assert hooks.end(session, town.house.tenant, hook.id, now=NOON)

    assert town.messenger.round() == 0

    assert town.receiver.letters == []
    assert town.states(hook) == [State.DROPPED]
    town.granted()
    assert town.states(hook) == [State.DROPPED], "nothing is written for it either"


def test_a_consent_that_ends_soon_is_told_of_once(town: Town) -> None:
    town.hook(Event.CONSENT_EXPIRING)
    ending = town.granted(days=20)
    town.granted(days=300)

    assert town.messenger.round() == 0
    town.at = NOON + timedelta(days=20) - AHEAD
    assert town.messenger.round() == 1
    assert town.messenger.round() == 0

    assert [letter.event["subject"] for letter in town.receiver.letters] == [ending]


def test_every_consent_that_ends_soon_is_told_of_however_many_were_before(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were told of stay in front until they have ended: they must not hide the others."""
    monkeypatch.setattr("service.messenger.PAGE", 2)
    town.hook(Event.CONSENT_EXPIRING)
    first = [town.granted(days=20) for _ in range(3)]
    later = [town.granted(days=21) for _ in range(4)]
    town.at = NOON + timedelta(days=20) - AHEAD
    assert town.messenger.round() == 3

    town.at += timedelta(days=1)
    assert town.messenger.round() == 4
    another = town.hook(Event.CONSENT_EXPIRING)
    assert town.messenger.round() == 7, "who comes later is told of all that is still to come"

    told = [letter.event["subject"] for letter in town.receiver.letters]
    assert set(told[:3]) == set(first)
    assert set(told[3:7]) == set(later)
    assert town.states(another) == [State.DELIVERED] * 7
    assert town.messenger.round() == 0


def test_what_was_told_is_purged_after_its_time_and_what_is_owed_is_not(town: Town) -> None:
    town.hook()
    town.granted()
    late = NOON + 3 * tidings.KEPT
    with town.database.write() as session:
        assert tidings.purge(session, town.house.tenant, now=late) == 0
    town.messenger.round()

    with town.database.write() as session:
        assert tidings.purge(session, town.house.tenant, now=late) == 1
