"""An appeal is answered by two operators who did not decide; of two minds, the denial stands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consenting import House
from service.database import Database
from shelved import NOON, TENANT, an_id
from swap import appeals
from swap.appeals import CLOCK, About, Appeal, AppealClosed, AppealNotYours, Appeals, Ground, State
from swap.errors import NoSuchThing

DECISION = an_id()


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[tuple[Database, Appeals]]:
    house = House.build(tmp_path / "house", TENANT)
    yield database, Appeals(house.ledger, house.entropy)
    house.keystore.close()


def lodged(desk: tuple[Database, Appeals], by: str = "uploader") -> Appeal:
    database, all_of_them = desk
    with database.write() as session:
        return all_of_them.lodge(
            session,
            About.DECISION,
            DECISION,
            Ground.FALSE_MATCH,
            appellant=by,
            deciders=("first",),
            now=NOON,
        )


def answered(
    desk: tuple[Database, Appeals], appeal: Appeal, operator: str, *, granted: bool = True
) -> Appeal:
    database, all_of_them = desk
    with database.write() as session:
        return all_of_them.answer(
            session, appeal.id, operator=operator, granted=granted, reason="seen anew", now=NOON
        )


def test_two_who_agree_grant_it_within_its_time(desk: tuple[Database, Appeals]) -> None:
    appeal = lodged(desk)
    assert (appeal.state, appeal.due_at) == (State.OPEN, NOON + CLOCK)

    assert answered(desk, appeal, "second").state is State.OPEN
    done = answered(desk, appeal, "third")

    assert done.state is State.GRANTED
    assert [word.operator for word in done.answers] == ["second", "third"]
    with desk[0].read() as session:
        assert appeals.next_due(session, TENANT) == (0, None)


def test_one_who_is_against_it_is_enough_for_the_denial_to_stand(desk: tuple[Database, Appeals]) -> None:
    appeal = lodged(desk)

    answered(desk, appeal, "second")

    assert answered(desk, appeal, "third", granted=False).state is State.DENIED


@pytest.mark.parametrize("operator", ["first", "uploader", "second"])
def test_who_decided_asked_or_answered_does_not_answer(operator: str, desk: tuple[Database, Appeals]) -> None:
    appeal = lodged(desk)
    answered(desk, appeal, "second")

    with pytest.raises(AppealNotYours):
        answered(desk, appeal, operator)


def test_what_was_answered_is_closed_and_the_same_appeal_is_one(desk: tuple[Database, Appeals]) -> None:
    appeal = lodged(desk)
    assert lodged(desk) == appeal
    assert lodged(desk, by="she").id != appeal.id
    answered(desk, appeal, "second")
    answered(desk, appeal, "third")

    with pytest.raises(AppealClosed):
        answered(desk, appeal, "fourth")
    with desk[0].write() as session, pytest.raises(NoSuchThing):
        desk[1].get(session, an_id())
    assert lodged(desk).id != appeal.id, "she may appeal again"


def test_each_is_listed_to_whom_it_is_of(desk: tuple[Database, Appeals]) -> None:
    appeal, other = lodged(desk), lodged(desk, by="she")

    with desk[0].read() as session:
        assert [each.id for each in desk[1].every(session, appellant="she")] == [other.id]
        assert {each.id for each in desk[1].every(session)} == {appeal.id, other.id}
