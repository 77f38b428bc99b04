"""What the log says of a face that resembled a protected one: to each of the two, and to nobody of both."""

import pytest

from audit.fact import Seal, Subject
from consent.resemblances import Resemblances, What
from consenting import NOON, House
from service.database import Database


@pytest.mark.parametrize("of_both", [True, False], ids=["a find", "no find"])
def test_each_is_told_under_the_key_that_goes_with_her_and_nobody_of_both(
    database: Database, house: House, of_both: bool
) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        one, other = house.enrol(session, NOON).id, house.enrol(session, NOON).id
        found = other if of_both else None
        search = Resemblances(house.ledger, house.entropy).add(
            session, one, What.ENROLMENT, 1, found, now=NOON
        )

    subjects = {name: Subject("person", name) for name in (one, other)}
    with database.read() as session:
        seals = {
            name: [(part.seal, part.opening.payload["role"]) for part in parts]
            for name, subject in subjects.items()
            if (parts := house.ledger.openings(session, search.entry, subject))
        }
        tenants = house.ledger.opened(session, search.entry, Subject("tenant", house.tenant))
    wanted = {one: [(Seal.OPS, "searched")], other: [(Seal.OPS, "resembled")]}
    assert seals == (wanted if of_both else {one: wanted[one]})
    # The tenant's part outlives both of them.
    assert (tenants is not None) == of_both
    assert one not in str(tenants)
    assert other not in str(tenants)
