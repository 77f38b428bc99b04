from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import Session

from audit.fact import Subject
from consent.authorization import Request, draw_up
from consent.capacity import Capacity
from consent.errors import DocumentMalformed, NoticeChanged, NoticeIncomplete, NoticeUnknown
from consent.notice import ITEMS, load_notices, read_notice
from consent.signature import sign, to_sign
from consent.tables import NoticeRow
from consent.words import AgeBand, Modality, Purpose
from consenting import NOON, NOTICES, House, a_scope, notice, shared
from service.database import Database

TEXT = notice().text


def test_we_ship_one_notice_in_two_languages_that_tell_of_the_same_purposes() -> None:
    english, chinese = load_notices(NOTICES)

    assert (english.language, chinese.language) == ("en", "zh-CN")
    assert (english.id, english.version) == (chinese.id, chinese.version)
    assert english.purposes == chinese.purposes == frozenset(Purpose) - {Purpose.TRAINING}


def test_what_is_hashed_is_the_whole_file_and_what_is_shown_is_the_same() -> None:
    data = (NOTICES / "face-swap.en.md").read_bytes()

    assert read_notice(data).text.encode() == data
    assert read_notice(data + b"\n").sha256 != read_notice(data).sha256


@pytest.mark.parametrize("item", ITEMS)
def test_a_notice_without_an_item_of_the_law_is_refused_and_the_item_named(item: str) -> None:
    with pytest.raises(NoticeIncomplete, match=item):
        read_notice(TEXT.replace(f"{{#{item}}}", "{#something-else}").encode())


@pytest.mark.parametrize(
    "body",
    ["", "None.", "{{retention}} days, then it is deleted", "TODO: write how long we keep it"],
)
def test_a_section_that_is_empty_or_a_blank_form_is_refused(body: str) -> None:
    head, _, rest = TEXT.partition("{#retention}")
    rest = rest[rest.index("## Why") :]

    with pytest.raises(NoticeIncomplete, match="retention"):
        read_notice(f"{head}{{#retention}}\n\n{body}\n\n{rest}".encode())


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("- contact: privacy@", "- contact: other@"),
        TEXT.replace("- controller: Consentry", "- controller: Another"),
        TEXT.replace("- version: 1\n", ""),
        TEXT.replace("MATCHING", "comparing").replace("purposes: comparing", "purposes: MATCHING"),
    ],
)
def test_a_heading_is_not_an_answer(text: str) -> None:
    with pytest.raises(NoticeIncomplete):
        read_notice(text.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"no title",
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("- language: en", "- language: English please").encode(),
        TEXT.replace("- purposes: MATCHING", "- purposes: EVERYTHING").encode(),
        TEXT.replace("- version: 1", "- version: 1\n- version: 2").encode(),
        TEXT.replace("{#method}", "{#purpose}").encode(),
        (TEXT + "x" * 200_000).encode(),
    ],
)
def test_a_file_that_is_no_notice_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentMalformed):
        read_notice(data)


def test_a_folder_without_notices_publishes_nothing_silently(tmp_path: Path) -> None:
    with pytest.raises(NoticeIncomplete):
        load_notices(tmp_path)


def test_a_folder_with_one_version_twice_is_refused(tmp_path: Path) -> None:
    for name in ("one.md", "two.md"):
        (tmp_path / name).write_text(TEXT)

    with pytest.raises(NoticeIncomplete):
        load_notices(tmp_path)


def test_publishing_is_logged_once_and_the_text_stays_readable(database: Database, house: House) -> None:
    board = house.registry.noticeboard
    with database.write() as session:
        first = board.publish(session, notice(), now=NOON)
        second = board.publish(session, notice(), now=NOON)

    with database.read() as session:
        logged = house.ledger.opened(session, first, Subject("tenant", "default"))
        found = board.find(session, notice().sha256)

    assert first == second
    assert logged is not None
    assert logged["sha256"] == notice().sha256
    assert found == notice()


def test_a_published_version_never_changes_its_text(database: Database, house: House) -> None:
    changed = read_notice(TEXT.replace("Please read this", "Do read this").encode())
    with database.write() as session:
        house.publish(session, NOON)

        with pytest.raises(NoticeChanged):
            house.registry.noticeboard.publish(session, changed, now=NOON)


def test_an_edited_notice_row_is_no_notice_any_more(database: Database, house: House) -> None:
    def edit(session: Session) -> None:
        row = session.get(NoticeRow, ("default", notice().sha256))
        assert row is not None
        row.text = row.text.replace("15 days", "150 days")
        session.add(row)

    with database.write() as session:
        house.publish(session, NOON)
        edit(session)

    with database.read() as session:
        assert house.registry.noticeboard.find(session, notice().sha256) is None


def listing(modalities: str, said: str = "") -> bytes:
    """The shipped notice with a line in its head, and words in its section on kinds of data."""
    text = notice().text.replace("- purposes:", f"- modalities: {modalities}\n- purposes:", 1)
    begin, kinds, rest = text.partition("{#kinds}\n")
    return f"{begin}{kinds}\n{said}{rest}".encode()


def test_a_notice_that_lists_what_is_used_informs_of_nothing_else() -> None:
    # Given
    face = read_notice(listing("FACE", "FACE: your face."))
    voice = read_notice(listing("FACE, VOICE", "FACE: your face. VOICE: your voice."))

    # When
    wanted = Request(
        "default",
        "1" * 32,
        a_scope(NOON, modalities=frozenset({Modality.FACE, Modality.VOICE})),
        Capacity(AgeBand.ADULT),
    )

    # Then
    with pytest.raises(NoticeUnknown):
        draw_up(wanted, face, now=NOON, entropy=shared(1))
    assert draw_up(wanted, voice, now=NOON, entropy=shared(1)).scope.modalities == {"FACE", "VOICE"}
    assert draw_up(wanted, notice(), now=NOON, entropy=shared(1)), "one from before lists none"


def test_a_consent_to_her_voice_is_not_registered_under_a_notice_of_her_face(
    database: Database, house: House
) -> None:
    # Given a document that names a notice of faces, whoever drew it up
    face = read_notice(listing("FACE", "FACE: your face."))
    with database.write() as session:
        house.registry.noticeboard.publish(session, face, now=NOON)
        somebody = house.enrol(session, NOON)
    scope = a_scope(NOON, modalities=frozenset({Modality.VOICE}))
    request = Request(house.tenant, somebody.id, scope, Capacity(AgeBand.ADULT))
    lying = replace(face, modalities=None)
    document = draw_up(request, lying, now=NOON, entropy=house.entropy).encoded

    # When / Then
    evidence = sign(somebody.private, to_sign(document)).encoded
    with database.write() as session, pytest.raises(NoticeUnknown):
        house.registry.grant(session, document, evidence, now=NOON)


def test_a_notice_that_lists_what_it_does_not_explain_is_incomplete() -> None:
    # Given / When / Then
    with pytest.raises(NoticeIncomplete, match="VOICE"):
        read_notice(listing("VOICE"))
    with pytest.raises(DocumentMalformed):
        read_notice(listing("SMELL"))
