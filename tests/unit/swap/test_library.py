"""Templates move one way, their cast and scan are bound together, and a tenant sees its own."""

from dataclasses import replace

import pytest
from sqlmodel import text

from audit.canonical import Json
from consent.templatelock import TemplateState
from consent.words import Role
from service.database import Database
from shelved import (
    ANNA,
    BEA,
    CAST,
    CLEO,
    MEDIA,
    NOON,
    RECEIVED,
    TENANT,
    a_scan,
    a_source,
    a_track,
    announced,
    scanned,
)
from swap import casting, holdings, library, standing
from swap.casting import CastMember
from swap.errors import BadCast, NoSuchThing, NotAnnounced, Tampered, WrongState
from swap.library import State
from swap.retention import AFTER, Kept
from swap.tables import ScanRow, SourceRow, TemplateRow
from swap.templates import LibraryLock


def test_a_template_is_announced_with_its_source_and_cast(database: Database) -> None:
    with database.write() as session:
        template = announced(session)

    with database.read() as session:
        found = library.get(session, TENANT, template)
    assert found.state is State.ANNOUNCED
    assert found.source == a_source()
    assert found.received_digest == RECEIVED
    assert found.media_digest is None
    assert list(found.cast) == CAST


def test_another_tenant_has_no_such_template(database: Database) -> None:
    with database.write() as session:
        template = scanned(session)

    with database.write() as session:
        for look in (
            lambda: library.get(session, "other", template),
            lambda: library.lock(session, "other", template, exclusive=True),
            lambda: library.decided(session, "other", template, published_by="p", keep_until=None, now=NOON),
            lambda: library.amended(session, "other", template, CAST, now=NOON),
        ):
            with pytest.raises(NoSuchThing):
                look()
        assert library.every(session, "other") == []
        assert library.scan_of(session, "other", template) is None
        assert standing.standing(session, "other", template) is None
        assert not holdings.received_needed(session, "other", RECEIVED)
        assert not holdings.media_needed(session, "other", MEDIA)
        assert list(casting.resting_on(session, "other", CAST[0].authorization or "")) == []


@pytest.mark.parametrize(
    "cast",
    [[*CAST, CAST[0]], [*CAST, CastMember(CLEO, Role.DONOR, None)]],
    ids=["twice in one role", "a donor"],
)
def test_a_cast_that_contradicts_itself_is_refused(cast: list[CastMember], database: Database) -> None:
    with database.write() as session, pytest.raises(BadCast):
        casting.declare(session, TENANT, announced(session), cast)


def test_bytes_come_once_and_are_the_announced_ones(database: Database) -> None:
    with database.write() as session:
        template = announced(session)
        with pytest.raises(NotAnnounced):
            library.quarantined(
                session, TENANT, template, received="00" * 32, media=MEDIA, marked=False, now=NOON
            )
        assert not holdings.received_needed(session, TENANT, RECEIVED)
        library.quarantined(session, TENANT, template, received=RECEIVED, media=MEDIA, marked=False, now=NOON)
        with pytest.raises(WrongState):
            library.quarantined(
                session, TENANT, template, received=RECEIVED, media=MEDIA, marked=False, now=NOON
            )
        assert holdings.received_needed(session, TENANT, RECEIVED)
        assert holdings.media_needed(session, TENANT, MEDIA)


def test_a_scan_is_kept_once_and_the_same_again_changes_nothing(database: Database) -> None:
    scan, other = a_scan(), a_scan(a_track(1, range(4)))
    with database.write() as session:
        template = scanned(session)
        library.scanned(session, TENANT, template, digest=scan.digest, body=scan.to_bytes(), now=NOON)
        with pytest.raises(WrongState):
            library.scanned(session, TENANT, template, digest=other.digest, body=other.to_bytes(), now=NOON)
        seen, said = library.seen(session, TENANT, library.get(session, TENANT, template))
    assert seen == scan
    assert said is None


def test_nothing_is_scanned_or_published_before_its_time(database: Database) -> None:
    with database.write() as session:
        template = announced(session)
        with pytest.raises(WrongState):
            library.scanned(session, TENANT, template, digest="", body=b"", now=NOON)
        with pytest.raises(WrongState):
            library.decided(session, TENANT, template, published_by="p", keep_until=None, now=NOON)
        with pytest.raises(WrongState):
            library.seen(session, TENANT, library.get(session, TENANT, template))


def test_verdicts_are_kept_for_the_cast_they_are_about(database: Database) -> None:
    with database.write() as session:
        template = scanned(session)
        library.matched(session, TENANT, template, library.get(session, TENANT, template).cast, {"t001": {}})
        with pytest.raises(WrongState):
            library.matched(session, TENANT, template, CAST[:1], {"t001": {}})


def test_another_word_on_its_tracks_ends_publication_and_the_same_does_not(database: Database) -> None:
    said: dict[str, Json] = {"t001": {}}
    with database.write() as session:
        template = scanned(session)
        cast = library.get(session, TENANT, template).cast
        library.matched(session, TENANT, template, cast, said)
        library.decided(session, TENANT, template, published_by="p", keep_until=None, now=NOON)
        library.matched(session, TENANT, template, cast, said)
        assert library.get(session, TENANT, template).published_by == "p"

        library.matched(session, TENANT, template, cast, {"t001": {"person": None}})

        found = library.get(session, TENANT, template)
    assert (found.state, found.published_by) == (State.SCANNED, None)


def test_another_cast_ends_publication_and_recognition(database: Database) -> None:
    with database.write() as session:
        template = scanned(session)
        library.matched(session, TENANT, template, library.get(session, TENANT, template).cast, {"t001": {}})
        library.decided(session, TENANT, template, published_by="p", keep_until=None, now=NOON)

    with database.write() as session:
        library.amended(session, TENANT, template, CAST[:1], now=NOON)
        found = library.get(session, TENANT, template)
        assert library.seen(session, TENANT, found)[1] is None
    assert (found.state, found.published_by) == (State.SCANNED, None)
    assert list(found.cast) == CAST[:1]


def test_a_refusal_takes_a_published_template_back(database: Database) -> None:
    with database.write() as session:
        template = scanned(session)
        library.decided(session, TENANT, template, published_by="p", keep_until=None, now=NOON)
        library.decided(session, TENANT, template, published_by=None, keep_until=None, now=NOON)
        found = library.get(session, TENANT, template)
    assert (found.state, found.published_by) == (State.REFUSED, None)


def test_a_withdrawal_freezes_what_rests_on_it_and_publishing_does_not_thaw(database: Database) -> None:
    hers = CAST[0].authorization or ""
    with database.write() as session:
        first, second = scanned(session), scanned(session)
        casting.declare(session, TENANT, second, CAST[1:])
        assert library.freeze_resting_on(session, TENANT, hers, now=NOON) == [first]
        library.decided(session, TENANT, first, published_by="p", keep_until=None, now=NOON)

    with database.read() as session:
        lock = LibraryLock()
        withdrawn = lock.look(session, TENANT, first)
        assert withdrawn == TemplateState(
            frozen=True, media_digest=MEDIA, delete_after=NOON + AFTER[Kept.WITHDRAWN]
        )
        assert not withdrawn.overdue(NOON)
        assert withdrawn.overdue(NOON + AFTER[Kept.WITHDRAWN])
        assert lock.look(session, TENANT, second) == TemplateState(
            frozen=False, media_digest=MEDIA, delete_after=NOON + AFTER[Kept.UNANSWERED]
        )
        assert lock.look(session, TENANT, "0" * 32) is None
    with database.write() as session:
        assert lock.lock(session, TENANT, first) == withdrawn
        assert lock.lock(session, TENANT, "0" * 32) is None


def test_a_scan_that_was_edited_is_not_believed(database: Database) -> None:
    less = a_scan(a_track(1, range(4)))
    edits = [
        lambda row, template: setattr(row, "body", less.to_bytes()),
        lambda row, template: setattr(row, "digest", less.digest),
        lambda row, template: (setattr(row, "body", less.to_bytes()), setattr(row, "digest", less.digest)),
        lambda row, template: setattr(template, "scan_digest", less.digest),
    ]
    for edit in edits:
        with database.write() as session:
            template = scanned(session)
            edit(
                session.get_one(ScanRow, (TENANT, template)), session.get_one(TemplateRow, (TENANT, template))
            )
        with database.read() as session, pytest.raises(Tampered):
            library.seen(session, TENANT, library.get(session, TENANT, template))


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b"null", b'{"v":2}'], ids=repr)
def test_a_source_record_that_was_damaged_is_named(record: bytes, database: Database) -> None:
    with database.write() as session:
        template = announced(session)
        row = session.get_one(TemplateRow, (TENANT, template))
        session.get_one(SourceRow, (TENANT, row.source_id)).record = record

    with database.read() as session:
        with pytest.raises(Tampered):
            library.get(session, TENANT, template)
        assert LibraryLock().look(session, TENANT, template) is not None


def test_templates_are_listed_oldest_first(database: Database) -> None:
    with database.write() as session:
        late = announced(session, now=NOON.replace(hour=13))
        early = announced(session)
        assert [each.id for each in library.every(session, TENANT)] == [early, late]


def test_a_person_may_be_in_two_roles() -> None:
    casting.check([*CAST, replace(CAST[0], role=Role.BACKGROUND)])
    assert {ANNA, BEA} == {member.person for member in CAST}


def test_pages_of_templates_follow_when_they_were_announced_whatever_happened_since(
    database: Database,
) -> None:
    # Given four templates, two of one instant, the first changed last
    with database.write() as session:
        first = announced(session)
        same = sorted(announced(session, now=NOON.replace(hour=13)) for _ in range(2))
        last = announced(session, now=NOON.replace(hour=14))
        announced(session, "other")
        library.amended(session, TENANT, first, CAST[:1], now=NOON.replace(hour=20))

    # When they are asked for two by two
    with database.read() as session:
        begin = library.page(session, TENANT, None, 2)
        rest = library.page(session, TENANT, (begin[-1].announced_at, begin[-1].id), 2)
        end = library.page(session, TENANT, (rest[-1].announced_at, rest[-1].id), 2)
        hers = library.page(session, TENANT, None, 9, naming=BEA)
        nobodys = library.page(session, TENANT, None, 9, naming=CLEO)

    # Then
    assert [one.id for one in (*begin, *rest)] == [first, *same, last]
    assert list(end) == list(nobodys) == []
    assert [one.id for one in hers] == [*same, last]


def test_what_nobody_looked_at_for_marks_counts_as_marked(database: Database) -> None:
    with database.write() as session:
        template = scanned(session)
        assert standing.standing(session, TENANT, template).marked is False  # type: ignore[union-attr]
        session.connection().execute(text("UPDATE source SET marked = NULL"))

    with database.read() as session:
        found = LibraryLock().look(session, TENANT, template)
    assert found is not None
    assert found.marked
