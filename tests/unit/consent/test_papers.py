"""Papers: one covers all that is asked or none does; in time, of this tenant, and never by a guess."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from audit.errors import ConsentryError
from audit.fact import Subject
from consent.dimensions import ExportMechanism
from consent.errors import DocumentMalformed
from consent.papers import COVERS, Cabinet, Paper, PaperKind, Papers, PaperUnknown, PaperWrong, in_force
from consent.words import Purpose
from consenting import NOON, House
from gating import papers_on_file
from service.database import Database

YEAR = timedelta(days=365)
BROAD = {
    "purposes": frozenset({Purpose.MATCHING, Purpose.USER_SWAP}),
    "engines": frozenset({"mesh"}),
    "regions": frozenset({"CN"}),
}


def a_paper(**changes: Any) -> Paper:
    fields = {"kind": PaperKind.IMPACT_ASSESSMENT, "digest": "e" * 64, "since": NOON, "until": NOON + YEAR}
    return Paper(**{**fields, **BROAD, **changes})


@pytest.fixture
def house(tmp_path: Path) -> Any:
    house = House.build(tmp_path / "house")
    yield house
    house.keystore.close()


@pytest.fixture
def papers(house: House) -> Papers:
    return Papers(house.ledger, house.entropy)


def covers(database: Database, tenant: str, at: Any, **wanted: Any) -> bool:
    with database.read() as session:
        return Cabinet(in_force(session, tenant, now=at)).has(PaperKind.IMPACT_ASSESSMENT, **wanted)


def test_a_paper_covers_what_it_names_from_its_first_day_to_its_last(
    database: Database, papers: Papers
) -> None:
    with database.write() as session:
        papers.add(session, a_paper(), by="operator-1", now=NOON)

    def swap(at: Any) -> bool:
        return covers(database, "default", at, purposes=["USER_SWAP"], engines=["mesh"], regions=["CN"])

    assert not swap(NOON - timedelta(microseconds=1))
    assert swap(NOON)
    assert swap(NOON + YEAR - timedelta(microseconds=1))
    assert not swap(NOON + YEAR)
    assert not covers(database, "other", NOON, purposes=["USER_SWAP"])
    assert not covers(database, "default", NOON, purposes=["USER_SWAP", "TRAINING"])
    assert not covers(database, "default", NOON, engines=["inswapper"])
    assert not covers(database, "default", NOON, regions=["SG"])


def test_two_halves_do_not_make_a_whole(database: Database, papers: Papers) -> None:
    here, there = frozenset({"CN"}), frozenset({"SG"})
    with database.write() as session:
        papers.add(session, a_paper(regions=here), by="operator-1", now=NOON)
        papers.add(
            session, a_paper(regions=there, engines=frozenset({"inswapper"})), by="operator-1", now=NOON
        )

    assert not covers(database, "default", NOON, engines=["inswapper"], regions=["CN"])
    assert covers(database, "default", NOON, engines=["inswapper"], regions=["SG"])


def test_what_is_not_named_is_not_covered(database: Database, papers: Papers) -> None:
    with database.write() as session:
        papers.add(session, a_paper(), by="operator-1", now=NOON)

    assert not covers(database, "default", NOON, engines=[], regions=["CN"])
    assert covers(database, "default", NOON, regions=["CN"])


def test_an_ended_paper_covers_nothing_and_is_ended_once(database: Database, papers: Papers) -> None:
    with database.write() as session:
        done = papers.add(session, a_paper(), by="operator-1", now=NOON)
        ended = papers.end(session, done.id, by="operator-2", now=NOON + timedelta(days=1))
        assert ended.ended_at == NOON + timedelta(days=1)
        with pytest.raises(PaperUnknown):
            papers.end(session, done.id, by="operator-2", now=NOON)
        with pytest.raises(PaperUnknown):
            papers.end(session, "0" * 32, by="operator-2", now=NOON)

    assert not covers(database, "default", NOON + timedelta(days=2), purposes=["USER_SWAP"])
    with database.read() as session:
        (found,) = papers.every(session)
    assert found == replace(done, ended_at=ended.ended_at)


def test_each_paper_is_in_the_log_with_what_it_covers(
    database: Database, house: House, papers: Papers
) -> None:
    with database.write() as session:
        done = papers.add(session, a_paper(), by="operator-1", now=NOON)
        said = house.ledger.opened(session, done.entry, Subject("tenant", "default"))

    assert said is not None
    assert said["covers"] == {
        "engines": ["mesh"],
        "purposes": ["MATCHING", "USER_SWAP"],
        "regions": ["CN"],
    }


@pytest.mark.parametrize("kind", PaperKind)
def test_a_kind_names_what_it_covers_and_nothing_else(kind: PaperKind) -> None:
    every = {**BROAD, "requesters": frozenset({"studio"})}
    mechanism = ExportMechanism.CERTIFICATION if kind is PaperKind.EXPORT_GROUND else None
    due = {name: every[name] for name in COVERS[kind]}
    none: dict[str, Any] = dict.fromkeys(("purposes", "engines", "regions", "requesters"), frozenset())

    assert a_paper(kind=kind, mechanism=mechanism, **{**none, **due}).kind is kind
    for name, some in every.items():
        wrong = {**none, **due, name: frozenset() if name in due else some}
        with pytest.raises(PaperWrong, match=f"paper.{name}"):
            a_paper(kind=kind, mechanism=mechanism, **wrong)
    wrong_ground = None if mechanism else ExportMechanism.CERTIFICATION
    with pytest.raises(PaperWrong, match="mechanism"):
        a_paper(kind=kind, mechanism=wrong_ground, **{**none, **due})


def test_a_paper_ends_after_it_begins() -> None:
    with pytest.raises(PaperWrong, match="end after"):
        a_paper(until=NOON)


def test_a_label_that_is_none_is_refused_and_nothing_is_kept(database: Database, papers: Papers) -> None:
    with pytest.raises(DocumentMalformed, match="engines"), database.write() as session:
        papers.add(session, a_paper(engines=frozenset({"me\nsh"})), by="operator-1", now=NOON)
    with database.read() as session:
        assert papers.every(session) == ()


def test_what_an_operator_in_china_has_on_file_reads_back(database: Database, papers: Papers) -> None:
    ground = Paper(
        PaperKind.EXPORT_GROUND,
        "d" * 64,
        NOON,
        NOON + YEAR,
        regions=frozenset({"SG"}),
        mechanism=ExportMechanism.STANDARD_CONTRACT,
    )
    wanted = [*papers_on_file(NOON).values(), ground]
    with database.write() as session:
        for paper in wanted:
            papers.add(session, paper, by="operator-1", now=NOON)
    with database.read() as session:
        found = in_force(session, "default", now=NOON)

    assert sorted(found, key=repr) == sorted(wanted, key=repr)


def test_an_edited_row_is_no_paper(database: Database, papers: Papers) -> None:
    with database.write() as session:
        papers.add(session, a_paper(), by="operator-1", now=NOON)
        session.connection().execute(text('UPDATE paper SET covers = \'{"engines":["*"]}\''))

    with database.read() as session, pytest.raises(ConsentryError):
        in_force(session, "default", now=NOON)
