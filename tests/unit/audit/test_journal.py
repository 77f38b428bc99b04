import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit import journal as module
from audit.durable import DiskFailed, DiskFull
from audit.journal import DenyJournal, JournalDamaged, JournalMissing, NothingDenied
from logbook import a_full_disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "guard" / "deny"


@pytest.fixture
def journal(path: Path) -> DenyJournal:
    return DenyJournal.create(path)


def test_what_was_withdrawn_is_denied_and_nothing_else(journal: DenyJournal) -> None:
    journal.append("A", ["USER_SWAP", "ADVERTISING"])

    assert journal.denies("A", "USER_SWAP")
    assert journal.denies("A", "ADVERTISING")
    assert not journal.denies("A", "MATCHING")
    assert not journal.denies("B", "USER_SWAP")


def test_of_many_asked_at_once_those_that_were_withdrawn_are_named(journal: DenyJournal) -> None:
    journal.append("A", ["USER_SWAP", "ADVERTISING"])
    asked = [("A", "USER_SWAP"), ("A", "MATCHING"), ("B", "ADVERTISING"), ("A", "ADVERTISING")]

    assert journal.denied(asked) == {("A", "USER_SWAP"), ("A", "ADVERTISING")}
    assert journal.denied([]) == frozenset()


def test_a_withdrawal_is_seen_by_every_process_at_once(journal: DenyJournal, path: Path) -> None:
    other = DenyJournal(path)
    assert not other.denies("A", "USER_SWAP")

    journal.append("A", ["USER_SWAP"])

    assert other.denies("A", "USER_SWAP")
    assert DenyJournal(path).denies("A", "USER_SWAP")


def test_a_withdrawal_of_nothing_is_a_mistake(journal: DenyJournal) -> None:
    with pytest.raises(NothingDenied):
        journal.append("A", [])


def test_the_journal_names_nobody(journal: DenyJournal, path: Path) -> None:
    journal.append("0123456789abcdef", ["USER_SWAP"])

    assert "0123456789abcdef" not in path.read_text()
    assert "SWAP" not in path.read_text()
    assert len(path.read_text()) == 65


def test_a_torn_last_line_was_never_promised_and_the_next_append_removes_it(
    journal: DenyJournal, path: Path
) -> None:
    journal.append("A", ["USER_SWAP"])
    whole = path.read_bytes()
    path.write_bytes(whole + b"0123456789ab")

    reopened = DenyJournal(path)
    assert reopened.denies("A", "USER_SWAP")
    reopened.append("B", ["USER_SWAP"])

    assert journal.denies("B", "USER_SWAP")
    assert path.read_bytes().startswith(whole)
    assert len(path.read_bytes()) == 2 * len(whole)


@pytest.mark.parametrize("damage", [b"not a digest\n", b"x" * 64 + b"\n", b"A" * 64 + b"\n", b"0" * 65])
def test_a_damaged_line_denies_the_whole_journal(journal: DenyJournal, path: Path, damage: bytes) -> None:
    journal.append("A", ["USER_SWAP"])
    path.write_bytes(damage + path.read_bytes())

    with pytest.raises(JournalDamaged):
        DenyJournal(path)
    with pytest.raises(JournalDamaged):
        journal.denies("B", "USER_SWAP")


def test_a_journal_that_lost_lines_answers_nothing(journal: DenyJournal, path: Path) -> None:
    journal.append("A", ["USER_SWAP"])
    assert journal.denies("A", "USER_SWAP")

    path.write_bytes(b"")

    with pytest.raises(JournalDamaged):
        journal.denies("A", "USER_SWAP")


def test_a_journal_replaced_by_an_older_copy_answers_nothing(journal: DenyJournal, path: Path) -> None:
    journal.append("A", ["USER_SWAP"])
    older = path.read_bytes()
    journal.append("B", ["USER_SWAP"])
    assert journal.denies("B", "USER_SWAP")

    copy = path.with_name("copy")
    copy.write_bytes(older)
    copy.replace(path)

    with pytest.raises(JournalDamaged):
        journal.denies("B", "USER_SWAP")


def test_a_journal_moved_to_another_file_with_all_its_lines_is_believed(
    journal: DenyJournal, path: Path
) -> None:
    journal.append("A", ["USER_SWAP"])
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)

    assert journal.denies("A", "USER_SWAP")


def test_without_a_journal_there_is_no_answer(journal: DenyJournal, path: Path) -> None:
    path.unlink()

    with pytest.raises(JournalMissing):
        DenyJournal(path)
    with pytest.raises(JournalMissing):
        journal.denies("A", "USER_SWAP")
    with pytest.raises(JournalMissing):
        journal.append("A", ["USER_SWAP"])


def test_making_a_journal_again_keeps_what_it_says(journal: DenyJournal, path: Path) -> None:
    journal.append("A", ["USER_SWAP"])

    assert DenyJournal.create(path).denies("A", "USER_SWAP")


def test_a_directory_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises((JournalDamaged, DiskFailed)):
        DenyJournal(tmp_path)


def test_a_full_disk_acknowledges_nothing(journal: DenyJournal) -> None:
    journal.append("A", ["USER_SWAP"])

    with a_full_disk(), pytest.raises(DiskFull):
        journal.append("B", ["USER_SWAP"])

    assert journal.denies("A", "USER_SWAP")
    assert not journal.denies("B", "USER_SWAP")
    journal.append("B", ["USER_SWAP"])
    assert journal.denies("B", "USER_SWAP")


def test_a_line_cut_short_by_a_full_disk_is_not_acknowledged(
    journal: DenyJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a kernel that writes what fits and says how much,
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: write(fd, data[:70], at))

    with pytest.raises(DiskFull):
        journal.append("A", ["USER_SWAP", "ADVERTISING"])

    # then the purpose that fitted is denied, which harms nobody, and the next append is whole.
    monkeypatch.undo()
    journal.append("B", ["MATCHING"])
    assert journal.denies("A", "USER_SWAP")
    assert not journal.denies("A", "ADVERTISING")
    assert journal.denies("B", "MATCHING")


def test_many_threads_and_processes_append_without_losing_a_line(journal: DenyJournal, path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from audit.journal import DenyJournal;"
        "journal = DenyJournal(Path(sys.argv[1]));"
        "[journal.append(f'process {sys.argv[2]} {n}', ['USER_SWAP']) for n in range(20)]"
    )
    source = Path(module.__file__).parents[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), str(number)], env={"PYTHONPATH": str(source)}
        )
        for number in range(2)
    ]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: journal.append(f"thread {number}", ["USER_SWAP"]), range(64)))
    assert [process.wait() for process in processes] == [0, 0]

    assert all(journal.denies(f"thread {number}", "USER_SWAP") for number in range(64))
    assert all(journal.denies(f"process {p} {n}", "USER_SWAP") for p in range(2) for n in range(20))
    assert len(path.read_bytes()) == 65 * 104
