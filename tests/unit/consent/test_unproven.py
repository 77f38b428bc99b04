"""A contract from before is kept and listed, and is no way to a permit: every way is tried."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from audit.errors import BadInput
from audit.fact import Subject
from consent import chain, pausing, unproven
from consent.asking_errors import ContractKnown
from consent.case import Appearance
from consent.errors import AuthorizationUnknown, DocumentMalformed, PersonUnknown
from consent.inbox import inbox
from consent.permit import Permit, Refusal
from consent.unproven import Claim, bring_in, contracts
from consent.withdrawal import By, How
from consent.words import Purpose, Role
from consenting import NOON, SWAP, Effects, House
from gating import LICENCE, a_room
from service.database import Database

PAPER = "c" * 64


def test_it_is_kept_as_what_somebody_says_it_is(database: Database, house: House) -> None:
    until = NOON + timedelta(days=9000)
    with database.write() as session:
        her = house.enrol(session, NOON)
        people = house.registry.people
        kept = bring_in(session, people, Claim(PAPER, SWAP, her.id, until), by="studio", now=NOON)
        loose = bring_in(session, people, Claim("d" * 64, frozenset()), by="studio", now=NOON)
        said = house.ledger.opened(session, kept.entry, Subject("person", her.id))

        assert set(contracts(session, house.tenant)) == {kept, loose}
        assert contracts(session, house.tenant, among=[her.id]) == (kept,)
        assert contracts(session, "other") == ()

    assert kept.claim == Claim(PAPER, SWAP, her.id, until)
    assert said is not None
    assert said["sha256"] == PAPER


def test_it_is_kept_once_and_about_whom_we_know(database: Database, house: House) -> None:
    people = house.registry.people
    with database.write() as session:
        bring_in(session, people, Claim(PAPER, SWAP), by="studio", now=NOON)
        for claim, error in (
            (Claim(PAPER, frozenset()), ContractKnown),
            (Claim("e" * 64, SWAP, "0" * 32), PersonUnknown),
            (Claim("E" * 64, SWAP), DocumentMalformed),
        ):
            with pytest.raises(error):
                bring_in(session, people, claim, by="studio", now=NOON)
        assert len(contracts(session, house.tenant)) == 1


def test_no_way_leads_from_it_to_a_permit(database: Database, tmp_path: Path) -> None:
    # Given a room where everybody agreed, and a performer of whom there is only an old contract
    with database.write() as session:
        room = a_room(session, tmp_path / "room")
        house, registry = room.house, room.house.registry
        assert isinstance(room.gate.decide(session, room.case(), NOON), Permit)
        her = house.enrol(session, NOON)
        claim = Claim(PAPER, frozenset(Purpose), her.id, NOON + timedelta(days=9000))
        kept = bring_in(session, registry.people, claim, by="studio", now=NOON)

        # When its id, its digest and its entry are cited as if they were her authorization
        for cited in (kept.id, PAPER, kept.entry, None):
            people = (Appearance(her.id, Role.PERFORMER, cited, LICENCE), room.people[1])
            decision = room.gate.decide(session, room.case(people=people), NOON)

            # Then nobody is permitted anything on it
            assert isinstance(decision, Refusal)
            assert "G-09" in {objection.rule for objection in decision.objections}
            if cited is not None:
                ids = [cited]
                assert registry.standings(session, room.tenant, ids, now=NOON, lock=None) == {}
                assert registry.standings(session, room.tenant, ids, now=NOON, lock="update") == {}
                assert not registry.reserve_use(session, room.tenant, cited, Purpose.USER_SWAP)
                assert chain.states(session, room.tenant, ids) == {}

        # And it can be neither renewed, confirmed, disputed into being, nor resumed
        by = By(How.OWN_SESSION, her.id)
        tries = (
            lambda: house.grant(session, her, NOON, supersedes=kept.id),
            lambda: registry.reconfirm(session, kept.id, b"{}", now=NOON),
            lambda: registry.settle(session, kept.id, by=by, now=NOON),
            lambda: pausing.resume(session, house.ledger, kept.id, by=by, now=NOON),
            lambda: registry.withdraw(session, Effects(), kept.id, by=by, now=NOON),
        )
        for attempt in tries:
            with pytest.raises(AuthorizationUnknown):
                attempt()
        assert inbox(session, registry, her.id, now=NOON).signed == ()
    house.keystore.close()


def test_nothing_that_decides_can_read_it() -> None:
    """Held by the layers too; here so that whoever widens them reads why."""
    source = Path(unproven.__file__).parent
    readers = [path.name for path in source.glob("*.py") if "UnprovenRow" in path.read_text()]

    # `needed` reads which entries they have, so that no pruning takes these, and nothing of what they say.
    assert sorted(readers) == ["asktables.py", "needed.py", "unproven.py"]
    assert re.findall(r"UnprovenRow\.\w+", (source / "needed.py").read_text()) == ["UnprovenRow.entry"]
    assert issubclass(ContractKnown, BadInput)
