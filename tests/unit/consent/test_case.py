"""The question: what is stored reads back as it was asked; what is missing has a name."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import NotCanonical, canonical
from consent import case as cases
from consent.authorization import Request, draw_up
from consent.capacity import Capacity
from consent.case import Appearance, Case, Donor, Matching, Mode, Output, Source, SourceKind, Tracks, Use
from consent.dimensions import Modification
from consent.errors import DocumentMalformed
from consent.question import Stage, questions
from consent.required import NEEDED, REQUIRED, missing, needed
from consent.shape import from_json, to_json
from consent.standing import Standing
from consent.term import Term
from consent.words import (
    Action,
    AgeBand,
    Audience,
    Match,
    Monetisation,
    ProofLevel,
    Purpose,
    Role,
    Status,
)
from consenting import NOON, House, a_scope, notice
from gating import LICENCE, POLICY, a_case, circumstances

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
maybe = st.none() | text
count = st.integers(-5, 2**31)
moments = st.none() | st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    datetime(2900, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    timezones=st.just(UTC),
)


def words(kind: Any) -> Any:
    return st.sampled_from(list(kind))


anything = st.builds(
    Case,
    action=words(Action),
    tenant=text,
    mode=words(Mode),
    requester=text,
    people=st.lists(
        st.builds(Appearance, person=text, role=words(Role), authorization=maybe, portrait_licence=maybe),
        max_size=3,
    ).map(tuple),
    template=maybe,
    work=maybe,
    source=st.none()
    | st.builds(
        Source,
        received_digest=maybe,
        media_digest=maybe,
        supplier=maybe,
        acquired_how=maybe,
        acquired_at=moments,
        kind=st.none() | words(SourceKind),
        origin_known=st.booleans(),
        copyright_licence=maybe,
        upstream=maybe,
    ),
    matching=st.none() | words(Matching),
    tracks=st.none() | st.builds(Tracks, *[count] * 7, st.booleans(), st.booleans()),
    scan_digest=maybe,
    tracks_digest=maybe,
    use=st.none()
    | st.builds(
        Use,
        purpose=st.none() | words(Purpose),
        platform=maybe,
        recipient=maybe,
        territories=st.lists(text, max_size=2).map(tuple),
        audience=st.none() | words(Audience),
        monetisation=st.none() | words(Monetisation),
        unlabelled=st.booleans(),
        modifications=st.lists(words(Modification), max_size=2).map(tuple),
        intimate=st.booleans(),
        voice_kept=st.booleans(),
        engine=maybe,
    ),
    donor=st.none()
    | st.builds(
        Donor,
        digest=maybe,
        faces=st.none() | count,
        match=st.none() | words(Match),
        is_self=st.booleans(),
    ),
    model_digests=st.lists(text, max_size=2).map(tuple),
    engine_version=maybe,
    asked=st.lists(words(Purpose), max_size=2).map(tuple),
)


@given(anything)
def test_any_case_reads_back_as_it_was_asked(case: Case) -> None:
    again = cases.parse(case.encoded)

    assert again == case
    assert again.digest == case.digest


@given(anything, st.data())
def test_a_stored_case_with_a_hole_is_not_read(case: Case, data: st.DataObject) -> None:
    stored: Any = to_json(case)
    name = data.draw(st.sampled_from(sorted(stored.keys() - {"asked", "engine_version"})))
    del stored[name]

    with pytest.raises(DocumentMalformed):
        cases.parse(canonical(stored))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tenant", 1),
        ("action", "steal"),
        ("people", "performer"),
        ("people", [["performer"]]),
        ("use", []),
        ("model_digests", [1]),
        ("approved", True),
        ("tracks", dict.fromkeys(("total", "counted", "unmatched", "ambiguous"), 0)),
    ],
)
def test_a_stored_case_of_another_shape_is_not_read(name: str, value: Any) -> None:
    stored: Any = to_json(a_case())

    with pytest.raises(DocumentMalformed):
        cases.parse(canonical({**stored, name: value}))


def test_what_came_later_leaves_the_bytes_of_before_as_they_were() -> None:
    asked = a_case(asked=(Purpose.USER_SWAP,))

    assert b'"asked"' not in a_case().encoded
    assert b'"unlabelled"' not in a_case().encoded
    assert b'"upstream"' not in a_case().encoded
    assert cases.parse(asked.encoded).asked == (Purpose.USER_SWAP,)


def test_what_came_later_has_one_spelling() -> None:
    stored: Any = to_json(a_case())

    with pytest.raises(DocumentMalformed, match="left out"):
        cases.parse(canonical({**stored, "asked": []}))


def test_true_is_not_one() -> None:
    stored: Any = to_json(a_case())

    with pytest.raises(DocumentMalformed):
        cases.parse(canonical({**stored, "tracks": {**stored["tracks"], "total": True}}))
    with pytest.raises(DocumentMalformed):
        cases.parse(canonical({**stored, "use": {**stored["use"], "intimate": 0}}))


def test_only_canonical_bytes_are_a_case() -> None:
    with pytest.raises(NotCanonical):
        cases.parse(a_case().encoded + b"\n")


@dataclass(frozen=True, slots=True)
class Pairs:
    pairs: tuple[tuple[str, str], ...]


def test_a_pair_is_two() -> None:
    assert from_json(Pairs, {"pairs": [["a", "b"]]}, "pairs") == Pairs((("a", "b"),))
    with pytest.raises(DocumentMalformed, match="expected 2 items"):
        from_json(Pairs, {"pairs": [["a", "b", "c"]]}, "pairs")


def test_what_has_no_canonical_form_is_not_stored() -> None:
    with pytest.raises(DocumentMalformed):
        to_json(1.5)
    with pytest.raises(DocumentMalformed):
        to_json({"a": 1})


# Required fields, needed purposes


def test_every_action_has_its_line_in_both_tables() -> None:
    assert set(REQUIRED) == set(Action)
    assert set(NEEDED) == set(Action)


PERFORMER = Appearance("p" * 32, Role.PERFORMER, "a" * 32, LICENCE)
DONOR = Appearance("d" * 32, Role.DONOR, "b" * 32)


@pytest.mark.parametrize("action", Action)
def test_a_bare_case_lacks_all_that_its_action_requires(action: Action) -> None:
    bare = Case(action, "", Mode.DEMO, "", ())

    assert set(missing(bare)) == set(REQUIRED[action])


@pytest.mark.parametrize("action", Action)
def test_a_full_case_lacks_nothing(action: Action) -> None:
    assert missing(a_case(action=action, people=(PERFORMER, DONOR), asked=(Purpose.USER_SWAP,))) == ()


def test_a_person_without_an_id_is_nobody() -> None:
    assert missing(a_case(people=(replace(PERFORMER, person=""), DONOR))) == ("people.person",)


@pytest.mark.parametrize(
    "purpose", [Purpose.MATCHING, Purpose.REMOTE_STORE_TRANSMIT, Purpose.PUBLISH_TEMPLATE]
)
def test_a_swap_is_for_one_of_the_purposes_a_swap_can_have(purpose: Purpose) -> None:
    use = a_case().use
    assert use is not None

    assert missing(a_case(people=(PERFORMER, DONOR), use=replace(use, purpose=purpose))) == ("use.purpose",)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"action": Action.INTAKE}, {Purpose.REMOTE_STORE_TRANSMIT}),
        ({"action": Action.PREVIEW}, set()),
        ({"action": Action.CURE}, set()),
        ({"action": Action.SCAN}, {Purpose.REMOTE_STORE_TRANSMIT, Purpose.MATCHING}),
        ({"action": Action.SCAN, "matching": None}, {Purpose.REMOTE_STORE_TRANSMIT, Purpose.MATCHING}),
        ({"action": Action.SCAN, "matching": Matching.ASSIGNED}, {Purpose.REMOTE_STORE_TRANSMIT}),
        ({"action": Action.DONOR}, {Purpose.REMOTE_STORE_TRANSMIT, Purpose.MATCHING}),
        (
            {"action": Action.PUBLISH},
            {Purpose.MAKE_TEMPLATE, Purpose.PUBLISH_TEMPLATE, Purpose.USER_SWAP},
        ),
        ({"action": Action.SWAP}, {Purpose.USER_SWAP}),
        ({"action": Action.SWAP, "use": None}, set()),
    ],
)
def test_an_action_rests_on_these_purposes(changes: dict[str, Any], expected: set[Purpose]) -> None:
    assert needed(a_case(**changes), PERFORMER) == expected


def test_who_is_still_to_answer_has_agreed_to_nothing() -> None:
    assert needed(a_case(action=Action.INTAKE), replace(PERFORMER, authorization=None)) == frozenset()
    assert needed(a_case(action=Action.SCAN), replace(PERFORMER, authorization=None)) != frozenset()


def test_authorizations_are_locked_in_one_order_each_once() -> None:
    people = [PERFORMER, DONOR, replace(DONOR, role=Role.BACKGROUND), replace(PERFORMER, authorization=None)]
    random.Random(5).shuffle(people)

    assert a_case(people=tuple(people)).authorizations == ("a" * 32, "b" * 32)


# Cedar requests


def test_one_request_for_the_work_and_one_for_each_role() -> None:
    case = a_case(people=(PERFORMER, DONOR, replace(PERFORMER, role=Role.BACKGROUND)))
    now = circumstances(datetime(2026, 11, 22, tzinfo=UTC), Stage.DECIDE, {})

    work, *people = questions(case, now)

    assert (work.about, work.person) == ("work", None)
    assert [q.about for q in people] == ["PERFORMER", "DONOR", "BACKGROUND"]
    assert work.attributes["declared"] == 1, "one person in two roles is one person"


def her_standing(tmp_path: Path, **changes: Any) -> Standing:
    """How the authorization of `HERS` stands."""
    house = House.build(tmp_path / "house")
    scope = a_scope(NOON, **changes)
    request = Request("default", HERS.person, scope, Capacity(AgeBand.ADULT))
    document = draw_up(request, notice("zh-CN"), now=NOON, entropy=house.entropy)
    house.keystore.close()
    return Standing(
        authorization="a" * 32,
        person=HERS.person,
        head="0" * 64,
        document=document,
        signature_valid=True,
        notice_matches=True,
        notice_current=True,
        status=dict.fromkeys(scope.purposes, Status.GIVEN),
        uses_left={},
        proof=ProofLevel.LIVE_CAPTURE,
        age=AgeBand.ADULT,
        disputed=False,
    )


HERS = Appearance("e" * 32, Role.PERFORMER, "a" * 32, LICENCE)


def test_no_rounding_widens_a_term(tmp_path: Path) -> None:
    start = NOON + timedelta(microseconds=400)
    standing = her_standing(tmp_path, term=Term(start, start + timedelta(days=1), "UTC"))

    def rules(at: datetime) -> set[str]:
        standings = {standing.authorization: standing}
        now = circumstances(at, Stage.DECIDE, standings)
        asked = questions(a_case(action=Action.INTAKE, people=(HERS,)), now)
        return {objection.rule for objection in POLICY.evaluate(asked)}

    assert rules(start) == {"G-16"}, "a part of a millisecond too late, never too early"
    assert rules(start + timedelta(milliseconds=1)) == set()
    assert rules(start + timedelta(days=1)) == {"G-16"}


@pytest.mark.parametrize(
    ("left", "some"),
    [
        ({Purpose.USER_SWAP: 1}, True),
        ({Purpose.USER_SWAP: None}, True),
        ({Purpose.USER_SWAP: 0}, False),
        ({Purpose.USER_SWAP: 1, Purpose.MATCHING: 0}, True),
        ({}, False),
    ],
    ids=["the-last", "no-limit", "none", "none-of-what-is-not-needed", "unknown"],
)
def test_a_use_is_left_of_each_purpose_that_is_needed_or_none_is(
    tmp_path: Path, left: dict[Purpose, int | None], *, some: bool
) -> None:
    standing = replace(her_standing(tmp_path), uses_left=left)
    now = circumstances(NOON, Stage.DECIDE, {"a" * 32: standing})

    _, hers = questions(a_case(action=Action.SWAP, people=(HERS,)), now)

    assert hers.attributes["grant"]["has_uses"] is some  # type: ignore[index,call-overload]


@pytest.mark.parametrize(("left", "some"), [(1, True), (0, False)])
def test_one_purpose_of_several_without_a_use_left_is_enough_for_none(
    tmp_path: Path, left: int, *, some: bool
) -> None:
    uses = {Purpose.MAKE_TEMPLATE: 1, Purpose.PUBLISH_TEMPLATE: left, Purpose.USER_SWAP: None}
    standing = replace(her_standing(tmp_path), uses_left=uses)
    now = circumstances(NOON, Stage.DECIDE, {"a" * 32: standing})

    _, hers = questions(a_case(action=Action.PUBLISH, people=(HERS,)), now)

    assert hers.attributes["needed"] == sorted(uses)
    assert hers.attributes["grant"]["has_uses"] is some  # type: ignore[index,call-overload]


def test_of_a_remembered_question_who_asks_is_checked_and_what_has_changed_is_seen(tmp_path: Path) -> None:
    # Given a question that was read before
    standings = {"a" * 32: her_standing(tmp_path)}
    case = a_case(action=Action.INTAKE, people=(HERS,))
    now = circumstances(NOON, Stage.DECIDE, standings)
    asked = questions(case, now)
    assert POLICY.evaluate(asked) == ()

    # When it is asked with an engine that is no text, which no rule of intake looks at, and of a frozen work
    use: Any = asked[0].context["use"]
    context = {**asked[0].context, "use": {**use, "engine": 7}}
    bent = [replace(question, context=context) for question in asked]
    frozen = questions(case, replace(now, template=replace(now.template, frozen=True)))

    # Then neither is a yes.
    assert [(no.rule, no.detail) for no in POLICY.evaluate(bent)] == [("G-00", "POLICY_ERROR")]
    assert "G-37" in {no.rule for no in POLICY.evaluate(frozen)}
    assert POLICY.evaluate(asked) == ()


def test_now_is_rounded_down_and_the_stage_is_said() -> None:
    at = datetime(2026, 11, 22, 12, 0, 0, 999, tzinfo=UTC)
    now = circumstances(at, Stage.RELEASE, {}, frozen=True, output=Output(True, True, True, False))

    work, *_ = questions(a_case(people=(PERFORMER,)), now)

    assert work.context["now"] == {"__extn": {"fn": "datetime", "arg": "2026-11-22T12:00:00.000Z"}}
    assert work.context["stage"] == "release"
    assert work.attributes["frozen"] is True
    assert work.attributes["output"] == {"label": True, "aigc": True, "manifest": True, "logged": False}
