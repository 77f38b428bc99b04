"""Changed processing asks again: a later notice may say that consent given before it does not stand."""

from datetime import timedelta

import pytest

from consent.errors import DocumentMalformed, NoticeUnknown
from consent.notice import Notice, read_notice
from consent.standing import Standing
from consent.words import Purpose
from consenting import NOON, House, notice
from service.database import Database

SOON = NOON + timedelta(hours=1)


def version(number: str, renews: str = "", language: str = "en") -> Notice:
    line = f"- version: {number}" + (f"\n- renews: {renews}" if renews else "")
    text = notice().text.replace("- version: 1", line).replace("- language: en", f"- language: {language}")
    return read_notice(text.encode())


def granted(database: Database, house: House) -> str:
    with database.write() as session:
        house.publish(session, NOON)
        return house.grant(session, house.enrol(session, NOON), NOON).authorization


def publish(database: Database, house: House, *notices: Notice) -> None:
    with database.write() as session:
        for one in notices:
            house.registry.noticeboard.publish(session, one, now=SOON)


def stands(database: Database, house: House, authorization: str) -> Standing:
    with database.read() as session:
        found = house.registry.standings(session, house.tenant, [authorization], now=SOON, lock=None)
    return found[authorization]


def test_a_new_version_that_says_nothing_of_it_changes_nothing(database: Database, house: House) -> None:
    given = granted(database, house)
    publish(database, house, version("2"), version("10"))

    found = stands(database, house, given)

    assert found.notice_current
    assert found.in_force(Purpose.USER_SWAP)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_was_given_before_the_version_named_is_not_in_force_any_more(
    language: str, database: Database, house: House
) -> None:
    given = granted(database, house)
    assert stands(database, house, given).notice_current
    publish(database, house, version("2", renews="2", language=language))

    found = stands(database, house, given)

    assert found.notice_matches, "it is still what she was shown"
    assert not found.notice_current
    assert not any(found.in_force(purpose) for purpose in Purpose)


def test_what_was_given_under_the_version_named_stands(database: Database, house: House) -> None:
    given = granted(database, house)
    publish(database, house, version("2", renews="1"), version("3"))

    assert stands(database, house, given).notice_current


def test_the_strictest_of_all_published_versions_holds(database: Database, house: House) -> None:
    given = granted(database, house)
    publish(database, house, version("2", renews="2"), version("3", renews="1"), version("4"))

    assert not stands(database, house, given).notice_current


def test_ten_comes_after_nine(database: Database, house: House) -> None:
    given = granted(database, house)
    publish(database, house, version("10", renews="9"))

    assert not stands(database, house, given).notice_current


def test_an_edited_text_does_not_revive_what_it_ended(database: Database, house: House) -> None:
    given = granted(database, house)
    publish(database, house, version("2", renews="2"))
    with database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE notice SET text = replace(text, '- renews: 2', '- renews: 1') WHERE version = '2'"
        )

    assert not stands(database, house, given).notice_current


def test_nothing_is_registered_under_a_notice_that_has_been_overtaken(
    database: Database, house: House
) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        her = house.enrol(session, NOON)
    publish(database, house, version("2", renews="2"))

    with pytest.raises(NoticeUnknown, match="changed"), database.write() as session:
        house.grant(session, her, NOON)


def test_a_notice_can_not_ask_for_a_version_after_itself() -> None:
    with pytest.raises(DocumentMalformed, match="renews"):
        version("2", renews="3")
