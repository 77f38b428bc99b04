"""What can't be agreed to is refused when it is drawn up, and again when it is registered."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from audit.canonical import Json
from audit.errors import BadInput
from consent.asking_errors import ScopeOpenList
from consent.authorization import Request, draw_up, parse
from consent.capacity import Capacity
from consent.errors import (
    DocumentMalformed,
    NoticeUnknown,
    ScopeBundled,
    ScopeContradiction,
    ScopeIrrevocable,
    ScopeOpenSearch,
    ScopeTerm,
)
from consent.scope import Scope
from consent.signature import sign, to_sign
from consent.voidterms import check_terms
from consent.words import AgeBand, Purpose
from consenting import NOON, House, a_scope, a_term, notice
from service.database import Database


def end(**changes: Any) -> dict[str, Json]:
    return {"term": {**a_term(NOON).json(), **changes}}


TEN_YEARS = a_term(NOON, days=3653).json()
ROWS: dict[str, tuple[dict[str, Json], type[BadInput]]] = {
    "an unknown purpose": ({"purposes": ["ANYTHING_ELSE"]}, DocumentMalformed),
    "an unknown territory": ({"territories": ["XX"]}, DocumentMalformed),
    "an unknown storage region": ({"storage_regions": ["EU"]}, DocumentMalformed),
    "publishing what is not made": ({"purposes": ["PUBLISH_TEMPLATE"], "max_uses": {}}, ScopeContradiction),
    "paid and not paid": ({"monetisation": ["NONE", "PAID"]}, ScopeContradiction),
    "an end before the start": (end(end=a_term(NOON).json()["start"]), ScopeTerm),
    "more than ten years": (end(end="2036-11-24T12:00:00.000000Z"), ScopeTerm),
    "no end": ({"term": {k: v for k, v in TEN_YEARS.items() if k != "end"}}, DocumentMalformed),
    "irrevocable": ({"revocation_effect": ["DELETE_REFERENCE"]}, ScopeIrrevocable),
    "irrevocable, said by leaving it empty": ({"revocation_effect": []}, ScopeIrrevocable),
    "bundled": ({"bundled": True}, ScopeBundled),
    "a wildcard": ({"platforms": ["*"]}, DocumentMalformed),
    "a wildcard in a name": ({"work_ids": ["series-*"]}, DocumentMalformed),
    "a blanket search": (
        {"work_ids": [], "requesters": [], "purposes": ["MATCHING", "REMOTE_STORE_TRANSMIT"], "max_uses": {}},
        ScopeOpenSearch,
    ),
    "freely sublicensable": ({"sublicense": ["Any third party"]}, ScopeOpenList),
    "freely sublicensable, in Chinese": ({"sublicense": ["任何第三方"]}, ScopeOpenList),
    "whoever asks": ({"requesters": ["anyone"]}, ScopeOpenList),
    "wherever": ({"platforms": ["app", " ALL".strip()]}, ScopeOpenList),
    "every work": ({"work_ids": ["所有作品"]}, ScopeOpenList),
    "everything ticked": ({"purposes": sorted(map(str, Purpose))}, ScopeBundled),
}


@pytest.mark.parametrize("row", ROWS)
def test_bad_terms_are_refused_at_entry_with_the_reason(row: str) -> None:
    change, error = ROWS[row]
    written = {name: value for name, value in {**a_scope(NOON).json(), **change}.items() if value != []}
    if row == "irrevocable, said by leaving it empty":
        written["revocation_effect"] = []

    with pytest.raises(error):
        check_terms(Scope.from_json(written))


def test_a_document_with_void_terms_is_neither_drawn_up_nor_registered(
    database: Database, house: House
) -> None:
    scope = a_scope(NOON, sublicense=frozenset({"everybody"}))
    with database.write() as session:
        house.publish(session, NOON)
        her = house.enrol(session, NOON)
        request = Request(house.tenant, her.id, scope, Capacity(AgeBand.ADULT))
        with pytest.raises(ScopeOpenList):
            draw_up(request, notice(), now=NOON, entropy=house.entropy)

        # Given somebody who drew it up himself: a good document with the one word changed
        good = draw_up(
            replace(request, scope=a_scope(NOON, sublicense=frozenset({"everybodE"}))),
            notice(),
            now=NOON,
            entropy=house.entropy,
        )
        data = good.encoded.replace(b"everybodE", b"everybody")
        assert parse(data).scope == scope, "it is readable: a rule that comes later unmakes no document"
        evidence = sign(her.private, to_sign(data)).encoded
        with pytest.raises(ScopeOpenList):
            house.registry.grant(session, data, evidence, now=NOON)


def test_ten_years_are_more_than_a_tenant_accepts_unless_it_says_so(database: Database, house: House) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        her = house.enrol(session, NOON)
        with pytest.raises(ScopeTerm, match="this tenant"):
            house.grant(session, her, NOON, term=a_term(NOON, days=3653))
        patient = replace(house.registry, longest_term=timedelta(days=3653))
        document = house.document(her, NOON, term=a_term(NOON, days=3653)).encoded
        patient.grant(session, document, sign(her.private, to_sign(document)).encoded, now=NOON)


def test_training_is_told_of_by_no_notice_and_so_is_asked_of_nobody(house: House, database: Database) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        her = house.enrol(session, NOON)
        with pytest.raises(NoticeUnknown):
            house.grant(session, her, NOON, purposes=frozenset({Purpose.TRAINING}), max_uses={}, retention={})
