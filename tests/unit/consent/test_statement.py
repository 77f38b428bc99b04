"""What is owed: exact, by the terms she signed, and open where they give no sum."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consent.authorization import Authorization, Request, draw_up
from consent.capacity import Capacity
from consent.particulars import Particulars
from consent.payment import Basis, Payment
from consent.statement import Open, Used, state
from consent.words import AgeBand, Monetisation, Purpose
from consenting import NOON, a_scope, a_term, notice, shared

MONTH = (NOON, NOON + timedelta(days=30))
SWAP = Purpose.USER_SWAP
PER_USE = Payment(Basis.PER_USE, "CNY", 15, SWAP, amount=50)
FLAT = Payment(Basis.FLAT, "EUR", 14, amount=100_000)
SHARE = Payment(Basis.SHARE, "CNY", 15, SWAP, basis_points=333)


def signed(*rules: Payment, seed: int = 1, **changes: Any) -> Authorization:
    scope = a_scope(
        NOON,
        monetisation=frozenset({Monetisation.REV_SHARE}),
        particulars=Particulars(payment=frozenset(rules)),
        **changes,
    )
    request = Request("default", "1" * 32, scope, Capacity(AgeBand.ADULT))
    return draw_up(request, notice(), now=NOON, entropy=shared(seed))


def reckoned(document: Authorization, uses: int, **changes: Any) -> Any:
    used = [Used(document.id, SWAP, NOON + timedelta(hours=n)) for n in range(uses)]
    since, until = changes.pop("period", MONTH)
    return state("1" * 32, [document], used, since=since, until=until, **changes)


def test_each_use_is_paid_and_what_is_paid_once_is_paid_once() -> None:
    # Given
    document = signed(PER_USE, FLAT)

    # When
    first = reckoned(document, 7)
    second = reckoned(document, 7, period=(MONTH[1], MONTH[1] + timedelta(days=30)))

    # Then currencies are never mixed, and the next month owes neither again
    assert first.totals == {"CNY": 350, "EUR": 100_000}
    assert {line.due for line in first.lines} == {date(2026, 12, 6), date(2027, 1, 6)}
    assert second.lines == ()


def test_a_period_ends_before_its_last_instant() -> None:
    # Given
    document = signed(PER_USE)
    at = [MONTH[0], MONTH[1] - timedelta(microseconds=1), MONTH[1]]

    # When
    made = state("1" * 32, [document], [Used(document.id, SWAP, t) for t in at], since=at[0], until=at[2])

    # Then
    assert made.totals == {"CNY": 100}


def test_a_share_is_open_until_the_takings_are_stated_and_then_whole_units() -> None:
    # Given
    document = signed(SHARE)

    # When
    unstated = reckoned(document, 0)
    stated = reckoned(document, 2, takings={(document.id, SWAP): 1_001})

    # Then 3.33 % of 1001 is 33.3333
    assert [(line.owed, line.open) for line in unstated.lines] == [(None, Open.TAKINGS_NOT_STATED)]
    assert unstated.totals == {}
    assert stated.totals == {"CNY": 33}


def test_a_use_without_terms_is_listed_as_open_and_not_as_free() -> None:
    # Given
    in_words = signed(compensation="Half of what you make, as we agreed on the phone.")
    silent = signed()

    # When / Then
    for document, why in ((in_words, Open.IN_WORDS_ONLY), (silent, Open.NO_TERMS)):
        (line,) = reckoned(document, 3).lines
        assert (line.uses, line.owed, line.open) == (3, None, why)


def test_uses_of_somebody_else_s_consent_are_not_hers() -> None:
    # Given
    document, other = signed(PER_USE), signed(PER_USE, seed=2)

    # When
    made = state("1" * 32, [document], [Used(other.id, SWAP, NOON)], since=MONTH[0], until=MONTH[1])

    # Then
    assert made.lines == ()


def test_a_flat_sum_is_owed_in_the_period_in_which_the_term_begins() -> None:
    # Given
    document = signed(FLAT, term=a_term(NOON + timedelta(days=40)))

    # When / Then
    assert reckoned(document, 0).totals == {}
    assert reckoned(document, 0, period=(MONTH[1], MONTH[1] + timedelta(days=30))).totals == {"EUR": 100_000}


@given(st.lists(st.integers(0, 59), max_size=40), st.integers(1, 59))
def test_two_halves_owe_what_the_whole_owes(days: list[int], cut: int) -> None:
    # Given
    document = signed(PER_USE, FLAT)
    used = [Used(document.id, SWAP, NOON + timedelta(days=day)) for day in days]
    begin, middle, end = (NOON + timedelta(days=n) for n in (0, cut, 60))

    # When
    parts = [
        state("p", [document], used, since=a, until=b).totals for a, b in ((begin, middle), (middle, end))
    ]
    whole = state("p", [document], used, since=begin, until=end).totals

    # Then
    assert {money: sum(part.get(money, 0) for part in parts) for money in whole} == whole


def test_a_period_may_reach_to_the_last_day_there_is() -> None:
    # Given
    document = signed(PER_USE)

    # When / Then
    (line,) = reckoned(document, 1, period=(NOON, datetime.max.replace(tzinfo=UTC))).lines
    assert (line.owed, line.due) == (50, date.max)
