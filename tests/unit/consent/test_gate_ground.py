"""What the gate reads of place, law and papers, asked through the gate itself."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from consent import adoption
from consent.ground import Place
from consent.particulars import Particulars
from consent.permit import Refusal
from consent.policy import of_files
from consent.words import Action
from consenting import NOON
from gating import POLICY, a_case, a_room
from service.database import Database


@pytest.mark.parametrize(
    ("stored", "processed", "region", "permitted"),
    [
        ({"CN"}, set(), "CN", True),
        ({"CN"}, {"CN"}, "CN", True),
        ({"CN", "DE"}, {"CN"}, "CN", True),
        ({"CN", "DE"}, {"CN"}, "DE", False),
        ({"CN"}, {"CN", "DE"}, "DE", False),
        ({"CN"}, {"DE"}, "CN", False),
        ({"CN"}, {"DE"}, "DE", False),
    ],
)
def test_where_data_is_processed_never_widens_where_it_may_be_stored(
    database: Database, tmp_path: Path, stored: set[str], processed: set[str], region: str, permitted: bool
) -> None:
    # Given two consents from a country without a pack that binds their data, by what they say of regions
    said = {
        "storage_regions": frozenset(stored),
        "particulars": Particulars(processing_regions=frozenset(processed)),
        "jurisdiction": "US",
    }
    with database.write() as session:
        room = a_room(session, tmp_path / "house", **said)
        gate = replace(room.gate, bench=replace(room.gate.bench, place=Place("CN", region)))

        # When a deployment that stores and processes in one region asks
        forecast = gate.check(session, room.case(), NOON)

    # Then it is let in where both were agreed to, and nowhere if no place has both
    assert ("G-20" not in forecast.reasons) is permitted
    room.house.keystore.close()


def test_who_publishes_for_no_engine_shows_no_paper_of_it(database: Database, tmp_path: Path) -> None:
    # Given an operator in China with every paper on file for one engine
    with database.write() as session:
        room = a_room(session, tmp_path / "house")
        asked = {"action": Action.PUBLISH, "people": room.people[:1], "donor": None, "model_digests": ()}
        use = a_case().use
        assert use is not None

        # When a video is published for that engine, and for none
        for_it = room.gate.check(session, room.case(**asked), NOON)
        for_none = room.gate.check(session, room.case(**asked, use=replace(use, engine=None)), NOON)

    # Then a paper of something else covers nothing
    assert not {"G-25", "G-26"} & set(for_it.reasons)
    assert {"G-25", "G-26"} <= set(for_none.reasons)
    room.house.keystore.close()


def test_a_process_under_older_rules_permits_nothing_once_others_were_adopted(
    database: Database, tmp_path: Path
) -> None:
    # Given a process, and another one that was started under other rules since
    with database.write() as session:
        room = a_room(session, tmp_path / "house")
        reworded = POLICY.files["base.cedar"].replace(b"Portrait licence is missing.", b"No licence.")
        other = of_files({**POLICY.files, "base.cedar": reworded})
        before = room.gate.check(session, room.case(), NOON)
        adoption.adopt(session, room.house.ledger, other, signers=(), now=NOON)

        # When the first is asked again, and one that was started under the new rules
        stale = room.gate.decide(session, room.case(), NOON)
        bench = replace(room.gate.bench, policy=other.digest)
        fresh = replace(room.gate, policy=other, bench=bench).check(session, room.case(), NOON)

    # Then only the second knows the rules
    assert before.reasons == fresh.reasons == ()
    assert isinstance(stale, Refusal)
    assert [objection.detail for objection in stale.objections] == ["POLICY_NOT_IN_USE"]
    room.house.keystore.close()


def test_where_no_rules_were_adopted_none_are_in_use(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house")
        session.connection().execute(text("DELETE FROM adopted_policy"))

        said = room.gate.check(session, room.case(), NOON)

    assert [objection.detail for objection in said.objections] == ["POLICY_NOT_IN_USE"]
    room.house.keystore.close()
