"""What is remembered, what is asked again, and that it stays small."""

from audit.remembered import Remembered


def test_what_is_known_is_not_asked_for_again() -> None:
    asked: list[str] = []
    memory: Remembered[str] = Remembered(2)

    def find() -> str:
        asked.append("")
        return "found"

    assert [memory.of("a", find), memory.of("a", find)] == ["found", "found"]
    assert len(asked) == 1


def test_nothing_is_asked_for_each_time_for_it_may_come_yet() -> None:
    said = iter([None, None, "there"])
    memory: Remembered[str] = Remembered(2)

    assert [memory.of("a", lambda: next(said)) for _ in range(4)] == [None, None, "there", "there"]


def test_it_never_holds_more_than_it_may() -> None:
    memory: Remembered[int] = Remembered(2)

    for number in range(5):
        memory.of(number, lambda number=number: number)

    # The last is the first after it forgot; the two before it are asked for again.
    assert memory.of(4, lambda: None) == 4
    assert memory.of(3, lambda: None) is None
