"""The client: one call sent by either kind, a no raised with its reasons, a lost answer fetched again."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlmodel import Session

from api.conftest import Opened
from callers import Outside
from consent.words import AgeBand, ProofLevel
from service.client import AsyncClient, Client, Problem, authorizations, decisions, people
from service.shapes.people import Enrol, Person

pytestmark = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
SOMEBODY = Enrol(proof=ProofLevel.VERIFIED_ACCOUNT, by="desk-1", how="account", age=AgeBand.ADULT)


@pytest.fixture
def there(outside: Opened) -> Outside:
    return outside("consented")


@pytest.fixture
def operator(there: Outside) -> Iterator[Client]:
    with Client(str(there.client.base_url), there.operator.token) as client:
        yield client


def test_a_call_is_sent_by_either_client_and_read_as_a_shape(there: Outside, operator: Client) -> None:
    async def not_waiting() -> Person:
        async with AsyncClient(str(there.client.base_url), there.operator.token) as client:
            return await client.send(people.enrol(SOMEBODY))

    one, other = operator.send(people.enrol(SOMEBODY)), asyncio.run(not_waiting())

    assert one.id != other.id
    assert (one.proof, one.age) == (other.proof, other.age) == (SOMEBODY.proof, SOMEBODY.age)
    assert operator.send(people.show(one.id)) == one


def test_the_same_call_sent_twice_is_one_fact(there: Outside, operator: Client) -> None:
    call = people.enrol(SOMEBODY)

    assert operator.send(call) == operator.send(call)


def test_a_problem_is_raised_with_its_stable_code(operator: Client) -> None:
    with pytest.raises(Problem) as raised:
        operator.send(people.show("0" * 32))

    assert raised.value.code == "PERSON_UNKNOWN"
    assert raised.value.said.hint_zh


def test_consent_is_withdrawn_with_nothing_but_the_code(there: Outside) -> None:
    # Given her receipt, and no key
    player = there.world.people["astronaut"]
    assert player.granted is not None
    with Client(str(there.client.base_url)) as anybody:
        # When she guesses wrong, and then reads it
        with pytest.raises(Problem) as raised:
            anybody.send(authorizations.withdraw_by_code(player.authorization, "AAAA"))
        done = anybody.send(
            authorizations.withdraw_by_code(player.authorization, player.granted.recovery_code)
        )

    # Then
    assert raised.value.said.status == 403
    assert set(done.purposes) == player_purposes(there)
    shown = Client(str(there.client.base_url), there.creator("astronaut").token)
    with shown:
        assert not any(shown.send(authorizations.show(player.authorization)).in_force.values())


def test_pages_of_decisions_go_on_where_the_last_one_ended(there: Outside, operator: Client) -> None:
    with there.world.record.database.read() as session:
        count = decided(session)
    seen, after = list[str](), None
    while True:
        page = operator.send(decisions.page(after, limit=1))
        seen += [one.decision for one in page.items]
        after = page.next
        if after is None:
            break

    assert len(seen) == len(set(seen)) == count


def player_purposes(there: Outside) -> set[str]:
    player = there.world.people["astronaut"]
    with there.world.record.database.read() as session:
        found = there.world.record.registry.standings(
            session, there.world.tenant, [player.authorization], now=there.world.record.clock(), lock=None
        )
    return {str(purpose) for purpose in found[player.authorization].status}


def decided(session: Session) -> int:
    from sqlalchemy import text

    return int(session.connection().execute(text("SELECT count(*) FROM decision")).scalar_one())
