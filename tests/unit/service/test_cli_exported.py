"""`consentry verify` of reports, samples and COSE receipts: by a stranger, and of exporters who lie."""

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from audit.canonical import canonical
from audit.offline import Trust
from liars import Lie, of_lines, of_sample, signed_again
from service.console import Exit
from service.reports.checking import Report
from shell import Shell, enrolled, founded


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A log with everything that an auditor may have of it."""
    shell = Shell(tmp_path_factory.mktemp("house"))
    shell("init", "--mode", "demo", "--origin", "log.example/exports")
    person, _ = enrolled(shell, "her")
    enrolled(shell, "him")
    there = shell.folder
    shell("evidence", "trust", "--to", there / "trust.txt")
    shell("report", "processing", "--to", there / "whole")
    shell("report", "processing", "--to", there / "hers", "--person", person)
    shell("report", "processing", "--to", there / "period", "--from", "2026-01-01", "--until", "2999-01-01")
    shell("report", "sample", "--to", there / "sample", "--seed", "a seed", "--count", 5)
    shell(
        "report", "sample", "--to", there / "kind", "--seed", "a seed", "--count", 1, "--kind", "KeyEnrolled"
    )
    entry = shell("log", "list")["entries"][0]["entry"]
    (there / "entry").write_text(entry)
    shell("log", "cose", entry, "--out", there / "entry.cose")
    shell("log", "export", there / "copy")
    return shell


@pytest.fixture
def stranger(house: Shell, tmp_path: Path) -> Shell:
    """Somebody with what was handed out, and no data folder."""
    for name in ("whole", "hers", "period", "sample", "kind", "copy"):
        shutil.copytree(house.folder / name, tmp_path / name)
    for name in ("trust.txt", "entry", "entry.cose"):
        shutil.copy(house.folder / name, tmp_path / name)
    return Shell(tmp_path)


def verdicts(shell: Shell, name: str, *words: object, leaves: int = 0, copy: bool = False) -> dict[str, str]:
    there = shell.folder
    more = ("--log", there / "copy") if copy else ()
    answer = shell("verify", there / name, "--keys", there / "trust.txt", *more, *words, leaves=leaves)
    assert answer["verdict"] == ("verified" if leaves == 0 else "refused")
    assert "It cannot prove" in answer["limits"]
    return {one["claim"]: one["verdict"] for one in answer["claims"]}


def key_of(house: Shell) -> Path:
    return house.data / "private" / "export.key"


# Records of processing


def test_a_record_of_everything_proves_itself(stranger: Shell) -> None:
    assert verdicts(stranger, "whole") == dict.fromkeys(("files", "log", "keys", "lines"), "proven")
    assert set(verdicts(stranger, "whole", copy=True).values()) == {"proven"}


@pytest.mark.parametrize("name", ["hers", "period"])
def test_of_a_part_of_the_log_a_copy_shows_what_the_lines_stand_for(stranger: Shell, name: str) -> None:
    without = verdicts(stranger, name)
    assert without.pop("lines") == "not looked at"
    assert set(without.values()) == {"proven"}

    assert set(verdicts(stranger, name, copy=True).values()) == {"proven"}
    said = stranger.said("verify", stranger.folder / name, "--keys", stranger.folder / "trust.txt")
    assert "not looked at 未查验" in said
    assert "--log DIR" in said


def test_on_both_engines_a_record_is_one(either: Shell) -> None:
    enrolled(either, "her")
    there = either.folder
    either("report", "processing", "--to", there / "whole")
    either("log", "export", there / "copy")
    either("evidence", "trust", "--to", there / "trust.txt")

    assert set(verdicts(either, "whole", copy=True).values()) == {"proven"}


@pytest.mark.parametrize(
    "change",
    [
        lambda there: (there / "totals.json").write_bytes(b"{}"),
        lambda there: (there / "processing.csv").unlink(),
        lambda there: (there / "more.txt").write_text("more"),
        lambda there: (there / "manifest.sig").write_text("0" * 16 + " " + "00" * 64 + "\n"),
        lambda there: (there / "manifest.sig").unlink(),
        lambda there: (there / "manifest.json").write_text("[]"),
        lambda there: (there / "link").symlink_to(there / "totals.json"),
    ],
)
def test_a_folder_that_was_changed_is_refused_and_says_where(stranger: Shell, change: Lie) -> None:
    change(stranger.folder / "whole")

    assert verdicts(stranger, "whole", leaves=1) == {"files": "not proven"}


@pytest.mark.parametrize(
    "lie",
    [
        of_lines(lambda lines: lines.pop(3)),
        of_lines(lambda lines: lines.pop()),
        of_lines(lambda lines: lines.append(lines[0])),
        of_lines(lambda lines: lines[2].update(entry="0" * 64)),
        of_lines(lambda lines: lines[2].update(index=1 << 40)),
        of_lines(lambda lines: lines.reverse()),
    ],
)
@pytest.mark.parametrize("copy", [False, True])
def test_lines_that_are_not_the_logs_are_found_whoever_signed_them(
    house: Shell, stranger: Shell, lie: Lie, copy: bool
) -> None:
    signed_again(key_of(house), stranger.folder / "whole", lie)

    found = verdicts(stranger, "whole", copy=copy, leaves=1)

    assert found.pop("lines") == "not proven"
    assert set(found.values()) == {"proven"}


@pytest.mark.parametrize(
    "lie",
    [
        of_lines(lambda lines: lines[0].update(kind="Decided")),
        of_lines(lambda lines: lines[0].update(minute="2020-01-01T00:00Z")),
        of_lines(lambda lines: lines[0].update(entry="0" * 64)),
        of_lines(lambda lines: lines.reverse()),
    ],
)
def test_a_copy_shows_a_line_that_says_something_else_than_its_entry(
    house: Shell, stranger: Shell, lie: Lie
) -> None:
    signed_again(key_of(house), stranger.folder / "hers", lie)

    assert verdicts(stranger, "hers", copy=True, leaves=1)["lines"] == "not proven"


def test_a_copy_shows_an_entry_of_the_period_that_was_left_out(house: Shell, stranger: Shell) -> None:
    signed_again(key_of(house), stranger.folder / "period", of_lines(lambda lines: lines.pop(3)))

    assert verdicts(stranger, "period", copy=True, leaves=1)["lines"] == "not proven"


def test_a_checkpoint_of_another_log_is_not_the_reports(
    house: Shell, stranger: Shell, tmp_path: Path
) -> None:
    other = founded(tmp_path / "other", "log.example/other", None)
    other("log", "export", tmp_path / "theirs")
    note = (tmp_path / "theirs" / "checkpoint").read_bytes()
    signed_again(
        key_of(house), stranger.folder / "whole", lambda there: (there / "log/checkpoint").write_bytes(note)
    )

    assert verdicts(stranger, "whole", leaves=1) == {"files": "proven", "log": "not proven"}
    assert refused(stranger, "hers", tmp_path / "theirs", Exit.BAD_INPUT) == "LOG_COPY_UNTRUSTED"


def test_an_earlier_checkpoint_than_the_manifests_is_not_its_own(house: Shell, stranger: Shell) -> None:
    note = (stranger.folder / "copy" / "checkpoint").read_bytes()
    signed_again(
        key_of(house), stranger.folder / "whole", lambda there: (there / "log/checkpoint").write_bytes(note)
    )

    assert verdicts(stranger, "whole", leaves=1)["log"] == "not proven"


def test_a_key_that_had_ended_vouches_for_nothing(stranger: Shell) -> None:
    ended(stranger)

    assert verdicts(stranger, "whole", leaves=1)["keys"] == "not proven"


def ended(stranger: Shell) -> None:
    trust = stranger.folder / "trust.txt"
    kid = (stranger.folder / "whole" / "manifest.sig").read_text().split(" ")[0]
    trust.write_text(trust.read_text() + f"compromised {kid} from 1\n")


def refused(stranger: Shell, name: str, copy: Path, leaves: int) -> str:
    there = stranger.folder
    words = ("verify", there / name, "--keys", there / "trust.txt", "--log", copy)
    return str(stranger(*words, leaves=leaves)["error"]["code"])


def test_a_copy_that_is_wrong_shows_nothing(stranger: Shell) -> None:
    copy = stranger.folder / "copy"
    bundle = next(path for path in (copy / "tile" / "entries").rglob("*") if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[40] ^= 1
    bundle.write_bytes(data)
    assert refused(stranger, "hers", copy, Exit.DIVERGED) == "LOG_COPY_UNSOUND"

    (copy / "checkpoint").unlink()
    assert refused(stranger, "hers", copy, Exit.BAD_INPUT) == "LOG_COPY_UNTRUSTED"


# Samples


def test_a_sample_is_drawn_again_and_opens(stranger: Shell) -> None:
    claims = ("files", "log", "keys", "proofs", "openings", "drawn", "lines")
    assert verdicts(stranger, "sample") == dict.fromkeys(claims, "proven")
    assert set(verdicts(stranger, "sample", copy=True).values()) == {"proven"}

    kind = verdicts(stranger, "kind")
    assert kind.pop("drawn") == "not looked at"
    assert set(kind.values()) == {"proven"}
    assert set(verdicts(stranger, "kind", copy=True).values()) == {"proven"}


def _another_opening(there: Path) -> None:
    path = next((there / "open").iterdir())
    said = json.loads(path.read_bytes())
    said["payload"]["more"] = "said"
    path.write_bytes(canonical(said))


def _no_opening(there: Path) -> None:
    shutil.rmtree(there / "open")


def _another_entry(there: Path) -> None:
    lines = (there / "entries.jsonl").read_bytes().splitlines()
    first = json.loads(lines[0])
    first["entry"] = json.loads(lines[1])["entry"]
    (there / "entries.jsonl").write_bytes(b"".join(one + b"\n" for one in (canonical(first), *lines[1:])))


@pytest.mark.parametrize(
    ("lie", "claim"),
    [
        (_another_opening, "openings"),
        (_no_opening, "openings"),
        (_another_entry, "proofs"),
        (of_sample(seed="another seed"), "drawn"),
        (of_sample(minimum=2), "drawn"),
        (of_sample(eligible=3), "drawn"),
        (of_sample(seed=""), "drawn"),
        (of_sample(algorithm="another"), "drawn"),
        (of_lines(lambda lines: lines.pop()), "lines"),
        (of_lines(lambda lines: lines[0].update(kind="Decided!")), "lines"),
    ],
)
def test_a_sample_that_suits_its_exporter_is_found(
    house: Shell, stranger: Shell, lie: Lie, claim: str
) -> None:
    signed_again(key_of(house), stranger.folder / "sample", lie)

    assert verdicts(stranger, "sample", copy=True, leaves=1)[claim] == "not proven"


@pytest.mark.parametrize("name", ["whole", "sample"])
def test_whatever_bit_is_another_is_found_and_whoever_signs_it_again_makes_nothing_fall_over(
    house: Shell, stranger: Shell, name: str
) -> None:
    there, dice = stranger.folder / name, random.Random(20261129)
    trust = Trust.parse((stranger.folder / "trust.txt").read_text())
    paths = sorted(path for path in there.rglob("*") if path.is_file() and path.stat().st_size)
    known = {path: path.read_bytes() for path in paths}

    for path in (*paths, *dice.choices(paths, k=60)):
        flipped = bytearray(known[path])
        at = dice.randrange(len(flipped))
        flipped[at] ^= 1 << dice.randrange(8)
        path.write_bytes(flipped)
        assert [one.verdict for one in Report(there, trust).claims()] == ["not proven"], (path, at)
        with suppress(ValueError):  # what is no JSON can't be listed and signed
            signed_again(key_of(house), there, lambda _: None)
            assert next(Report(there, trust).claims()).verdict == "proven"
            assert list(Report(there, trust).claims())
        for each, data in known.items():
            each.write_bytes(data)


# COSE receipts


def test_a_cose_receipt_is_checked_and_its_size_by_a_copy(stranger: Shell) -> None:
    entry = ("--entry", (stranger.folder / "entry").read_text())

    assert verdicts(stranger, "entry.cose", *entry) == {"receipt": "proven", "size": "not looked at"}
    assert verdicts(stranger, "entry.cose", *entry, copy=True) == {"receipt": "proven", "size": "proven"}


@pytest.mark.parametrize("entry", ["0" * 64, "not hex", ""])
def test_a_cose_receipt_of_another_entry_proves_nothing(stranger: Shell, entry: str) -> None:
    found = verdicts(stranger, "entry.cose", "--entry", entry, leaves=1)

    assert found == {"receipt": "not proven"}


def test_of_a_key_that_ended_a_cose_receipt_is_taken_only_by_the_logs_word(stranger: Shell) -> None:
    entry = ("--entry", (stranger.folder / "entry").read_text())
    ended(stranger)

    for copy in (False, True):
        assert verdicts(stranger, "entry.cose", *entry, copy=copy, leaves=1)["size"] == "not proven"


def test_a_cose_receipt_by_nobody_who_is_trusted_is_refused(stranger: Shell) -> None:
    trust = stranger.folder / "trust.txt"
    lines = trust.read_text().splitlines(keepends=True)
    trust.write_text("".join(line for line in lines if not line.startswith("consentry/export")))
    entry = ("--entry", (stranger.folder / "entry").read_text())

    assert verdicts(stranger, "entry.cose", *entry, leaves=1) == {"receipt": "not proven"}


# What is given and would be ignored


@pytest.mark.parametrize(
    "words",
    [
        ("whole", "--entry", "0" * 64),
        ("whole", "--video", "video.mp4"),
        ("entry.cose",),
        ("entry.cose", "--entry", "0" * 64, "--trust", "root.pem"),
        ("trust.txt", "--log", "copy"),
    ],
)
def test_what_would_be_ignored_is_refused(stranger: Shell, words: tuple[str, ...]) -> None:
    name, *more = words

    stranger.run("verify", stranger.folder / name, "--keys", stranger.folder / "trust.txt", *more, leaves=2)
