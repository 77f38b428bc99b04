"""What `recover` and `mend` tell of what had ended, to people and to machines."""

import io

import pytest
from rich.console import Console

from service.cli.ended import say_again, say_erased
from service.console import Voice
from service.endings import Again
from service.erasing import Anew


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def voice(said: io.StringIO) -> Voice:
    return Voice(machine=False, out=Console(file=said, width=200), err=Console(file=said))


def test_where_nothing_had_ended_nothing_is_said(voice: Voice, said: io.StringIO) -> None:
    assert say_again(voice, Again(0, 0, 0, 0)) == {
        "keys_retired": 0,
        "keys_left": 0,
        "api_keys_revoked": 0,
        "holds_placed": 0,
    }
    assert say_erased(voice, Anew((), ())) == {"erased": [], "erasures_left": []}
    assert said.getvalue() == ""


def test_each_thing_is_said_by_its_number_with_what_to_do_next(voice: Voice, said: io.StringIO) -> None:
    answer = say_again(voice, Again(keys_retired=2, api_keys_revoked=3, holds_placed=4, keys_left=5))

    assert (answer["keys_retired"], answer["api_keys_revoked"]) == (2, 3)
    assert (answer["holds_placed"], answer["keys_left"]) == (4, 5)
    ended, placed, look, left, mend = said.getvalue().splitlines()
    assert "2 keys of people and 3 API keys" in ended
    assert "4 legal holds" in placed
    assert "consentry subject holds" in look
    assert "5 keys" in left
    assert "consentry mend --from" in mend


def test_who_is_erased_and_who_waits_for_her_keys_are_told_apart(voice: Voice, said: io.StringIO) -> None:
    answer = say_erased(voice, Anew(done=("a" * 32,), left=("b" * 32, "c" * 32)))

    assert answer == {"erased": ["a" * 32], "erasures_left": ["b" * 32, "c" * 32]}
    erased, left, mend = said.getvalue().splitlines()
    assert "erased after the backup" in erased
    assert left.startswith("2 ")
    assert "consentry mend --from" in mend
    assert "a" * 32 not in said.getvalue(), "ids are for machines"


def test_a_machine_gets_one_value_and_no_words(said: io.StringIO) -> None:
    voice = Voice(machine=True, out=Console(file=said), err=Console(file=said))

    say_again(voice, Again(1, 1, 1, 1))
    say_erased(voice, Anew(("a" * 32,), ("b" * 32,)))

    assert said.getvalue() == ""
