"""An upgrade happens while nobody writes, from the first revision on, and an old process ends after it."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from alembic import command
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel, select

from audit import instant
from consent.asktables import LicenceSourceRow
from service import schema
from service.database import Database
from service.schema import SchemaBehind, Upgrading
from swap.tables import SourceRow, TemplateRow

Migrate = Callable[..., None]
HEAD = schema.expected() or ""
NOON = "2026-11-22T12:00:00.000000Z"


@pytest.fixture
def first(database: Database) -> Database:
    """A database at the first revision, with a tenant's notice in it."""
    SQLModel.metadata.drop_all(database.engine)
    with database.connection() as connection:
        config = schema._config()
        config.attributes.update(connection=connection, metadata=SQLModel.metadata)
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO notice (tenant_id, sha256, id, version, language, text, published_at, entry)"
                " VALUES ('default', :digest, 'n', '1', 'en', 'text', :at, :digest)"
            ),
            {"digest": "0" * 64, "at": "2026-11-22 12:00:00+00:00"},
        )
    return database


def revision(database: Database) -> str | None:
    with database.connection() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def notices(database: Database) -> int:
    with database.read() as session:
        return int(session.connection().execute(text("SELECT count(*) FROM notice")).scalar_one())


def writes(database: Database) -> None:
    with database.write() as session:
        session.connection().execute(text("UPDATE notice SET text = 'new'"))


def during(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something while the tables are being changed."""
    migrate: Migrate = command.upgrade

    def acting(*args: object) -> None:
        act()
        migrate(*args)

    monkeypatch.setattr(schema.command, "upgrade", acting)


def test_an_upgrade_from_the_first_revision_keeps_what_is_there(first: Database) -> None:
    assert schema.upgrade(first) == "0001"

    assert schema.expected() != "0001"
    schema.check(first)
    assert schema.drift(first) == []
    assert notices(first) == 1
    writes(first)
    assert schema.upgrade(first) == schema.expected(), "again changes nothing"


def test_meanwhile_everybody_reads_and_nobody_writes(
    first: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given another process at work with the tables as they are now,
    at_work = Database(first.url)
    monkeypatch.setattr(schema, "expected", lambda: "0001")
    schema.check(at_work)
    writes(at_work)
    said: list[Exception] = []
    marked = schema._keep_out

    def keep_out(database: Database) -> str:
        before = marked(database)
        assert notices(at_work) == 1
        try:
            writes(at_work)
        except Upgrading as refused:
            said.append(refused)
        return before

    monkeypatch.setattr(schema, "_keep_out", keep_out)

    # When the tables are changed
    schema.upgrade(first)

    # Then the writer was told so, and from then on that it is of another version than the tables.
    assert [type(each) for each in said] == [Upgrading]
    monkeypatch.setattr(schema, "expected", lambda: "0000")
    with pytest.raises(SchemaBehind):
        writes(at_work)
    at_work.close()


def test_an_upgrade_waits_for_who_is_writing(first: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work = Database(first.url)
    monkeypatch.setattr(schema, "expected", lambda: "0001")
    schema.check(at_work)
    inside, order = threading.Event(), list[str]()

    def slow() -> None:
        with at_work.write() as session:
            session.connection().execute(text("UPDATE notice SET text = 'slow'"))
            inside.set()
            time.sleep(0.3)
        order.append("written")

    during(monkeypatch, lambda: order.append("changing"))
    writer = threading.Thread(target=slow)
    writer.start()
    inside.wait(5)

    schema.upgrade(first)
    writer.join()

    assert order == ["written", "changing"]
    at_work.close()


def test_an_upgrade_that_fails_changes_nothing_and_opens_the_doors_again(
    first: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work = Database(first.url)
    monkeypatch.setattr(schema, "expected", lambda: "0001")
    schema.check(at_work)

    def fails() -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        during(broken, fails)
        with pytest.raises(ZeroDivisionError):
            schema.upgrade(first)

    assert revision(first) == "0001"
    writes(at_work)
    at_work.close()


def test_an_upgrade_that_was_killed_leaves_the_doors_closed_until_it_is_run_again(
    first: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work = Database(first.url)
    with monkeypatch.context() as old:
        old.setattr(schema, "expected", lambda: "0001")
        schema.check(at_work)
    # Killed between the mark and the change.
    assert schema._keep_out(first) == "0001"

    with pytest.raises(Upgrading):
        writes(at_work)
    with pytest.raises(Upgrading):
        schema.check(at_work)

    assert schema.upgrade(first) == "0001"
    schema.check(first)
    writes(first)
    at_work.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_upgrades_at_once_end_as_one(first: Database) -> None:
    done: list[str] = []

    def upgrades() -> None:
        other = Database(first.url)
        done.append(schema.upgrade(other))
        other.close()

    threads = [threading.Thread(target=upgrades) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) in (["0001", "0001", "0001"], ["0001", "0001", HEAD], ["0001", HEAD, HEAD])
    schema.check(first)
    writes(first)


def test_what_was_stored_before_there_were_classes_gets_one(first: Database) -> None:
    # Given templates in every state, of a version that knew no dates
    states = [("announced", False), ("scanned", False), ("published", False), ("refused", False)]
    states.append(("published", True))
    with first.connection() as connection:
        for number, (state, frozen) in enumerate(states):
            values = {"id": str(number), "state": state, "frozen": frozen, "at": NOON}
            connection.execute(
                text(
                    "INSERT INTO source (tenant_id, id, record, announced_at, retention)"
                    " VALUES ('default', :id, :record, :at, 'source')"
                ),
                {"id": str(number), "record": b"{}", "at": NOON},
            )
            connection.execute(
                text(
                    "INSERT INTO template (tenant_id, id, source_id, state, frozen, changed_at)"
                    " VALUES ('default', :id, :id, :state, :frozen, :at)"
                ),
                values,
            )

    schema.upgrade(first)

    with first.read() as session:
        rows = session.exec(select(SourceRow.retention, SourceRow.delete_after).order_by(SourceRow.id)).all()
    day = instant.parse(NOON) + timedelta(days=1)
    weeks = instant.parse(NOON) + timedelta(days=14)
    assert [tuple(row) for row in rows] == [
        ("unanswered-template", weeks),
        ("unanswered-template", weeks),
        ("published-template", None),
        ("refused-template", day),
        ("withdrawn-template", day),
    ]


def test_a_licence_that_was_registered_before_is_found_by_its_videos(first: Database) -> None:
    # Given two licences of the version that had no table of their videos
    everywhere, two = '{"sources":"ALL"}', '{"sources":["a","b"]}'
    with first.connection() as connection:
        config = schema._config()
        config.attributes.update(connection=connection, metadata=SQLModel.metadata)
        command.upgrade(config, "0017")
        for number, document in enumerate((everywhere, two)):
            connection.execute(
                text(
                    "INSERT INTO rights_licence"
                    " (tenant_id, id, digest, document, vouched_by, received_at, entry)"
                    " VALUES ('default', :id, :digest, :document, 'desk', :at, :digest)"
                ),
                {
                    "id": f"{number:032x}",
                    "digest": f"{number:064x}",
                    "document": document.encode(),
                    "at": "2026-11-22 12:00:00+00:00",
                },
            )

    schema.upgrade(first)

    with first.read() as session:
        rows = session.exec(select(LicenceSourceRow).order_by(LicenceSourceRow.source)).all()
        found = [(int(row.licence_id, 16), row.source) for row in rows]
    assert found == [(0, "ALL"), (1, "a"), (1, "b")]


def test_a_template_that_was_announced_before_is_told_by_which_permit_it_came_in(first: Database) -> None:
    # Given videos and decisions of the version that did not join the two
    early, late, never = (letter * 64 for letter in "abc")
    with first.connection() as connection:
        config = schema._config()
        config.attributes.update(connection=connection, metadata=SQLModel.metadata)
        command.upgrade(config, "0020")
        for number, (action, answer, video, at) in enumerate(
            (
                ("intake", "refusal", early, "2026-11-22 11:00:00+00:00"),
                ("intake", "permit", early, "2026-11-22 11:30:00+00:00"),
                ("intake", "permit", early, "2026-11-22 13:00:00+00:00"),
                ("scan", "permit", late, "2026-11-22 11:00:00+00:00"),
                ("intake", "permit", late, "2026-11-22 13:00:00+00:00"),
            )
        ):
            sqlite = at.replace(" ", "T").replace("+00:00", ".000000Z")
            connection.execute(
                text(
                    "INSERT INTO decision (tenant_id, id, action, stage, answer, objections, lifted, policy,"
                    " \"case\", at, entry) VALUES ('default', :id, :action, 'decide', :answer, '[]', "
                    "'[]', :digest, :asked, :at, :digest)"
                ),
                {
                    "id": f"{number:032x}",
                    "action": action,
                    "answer": answer,
                    "digest": "0" * 64,
                    "asked": f'{{"source":{{"received_digest":"{video}"}}}}'.encode(),
                    "at": sqlite if connection.dialect.name == "sqlite" else at,
                },
            )
        for name, video in (("early", early), ("late", late), ("never", never)):
            connection.execute(
                text(
                    "INSERT INTO source (tenant_id, id, record, received_digest, announced_at, retention)"
                    " VALUES ('default', :id, :record, :video, :at, 'source')"
                ),
                {"id": name, "record": b"{}", "video": video, "at": NOON},
            )
            connection.execute(
                text(
                    "INSERT INTO template (tenant_id, id, source_id, state, frozen, changed_at, matching)"
                    " VALUES ('default', :id, :id, 'published', :frozen, :at, 'CLOSED_SET')"
                ),
                {"id": name, "frozen": False, "at": NOON},
            )

    # When
    schema.upgrade(first)

    # Then it is the last permit that came before the video; what came after is none.
    with first.read() as session:
        found = dict(session.exec(select(TemplateRow.id, TemplateRow.taken_in_by)).all())
    assert found == {"early": f"{1:032x}", "late": None, "never": None}
