"""Two at the same moment, on both databases: a link is spent once, and a counter is seen once."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from audit.errors import BadInput
from consent.ceremony import check_registration
from consent.links import Act, Links
from consent.passkeys import Passkeys
from consent.signature import to_sign
from consenting import NOON, House
from service.database import Database
from softkeys import PARTY, Softkey

TRIALS = 10


def both(one: Callable[[], object], other: Callable[[], object]) -> list[str]:
    """What became of the two: `yes`, or the code of a refusal."""
    start, said = threading.Barrier(2), list[str]()

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except BadInput as error:
            said.append(error.code)
        else:
            said.append("yes")

    threads = [threading.Thread(target=run, args=(act,)) for act in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


def test_a_link_that_two_use_at_once_is_used_by_one(database: Database, tmp_path: Path) -> None:
    house = House.build(tmp_path / "house")
    links = Links(house.ledger, house.entropy)
    with database.write() as session:
        person = house.enrol(session, NOON).id

    for _ in range(TRIALS):
        with database.write() as session:
            more = {"by": "desk-1", "holds": NOON - NOON.replace(hour=1), "now": NOON, "document": b"d"}
            token, _link = links.issue(session, Act.GRANT, person, **more)  # type: ignore[arg-type]

        def use(token: str = token) -> None:
            with database.write() as session:
                links.spend(session, token, Act.GRANT, now=NOON)

        assert both(use, use) == ["LINK_SPENT", "yes"]


def test_two_answers_with_one_count_are_one_too_many(database: Database, tmp_path: Path) -> None:
    built = House.build(tmp_path / "house")
    house = replace(built, registry=replace(built.registry, party=PARTY))
    key = Softkey(counts=True)
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON)
        registration = key.registers(b"c" * 32)
        made = check_registration(PARTY, b"c" * 32, registration, key.credential)
        Passkeys(house.registry.people).enrol(session, somebody.id, made, registration, by="desk-1", now=NOON)

    for count in range(TRIALS):
        # Her own key, and a copy of it that counts from the same number.
        acts = []
        for each in (key.but(count=count), key.but(count=count)):
            document = house.document(somebody, NOON).encoded
            evidence = each.signs(to_sign(document)).encoded

            def grant(document: bytes = document, evidence: bytes = evidence) -> None:
                with database.write() as session:
                    house.registry.grant(session, document, evidence, now=NOON)

            acts.append(grant)

        assert both(*acts) == ["SIGNATURE_WRONG", "yes"]
