"""Reports of a log whose beginning was pruned, before a stranger: what is left is shown, what went is not."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from audit.export import export as copied
from audit.keys import Duty
from audit.offline import Trust
from audit.storage import PosixStorage
from audit.tilefiles import TileFiles
from crowd import pruned
from forgetting import Clock, everybody_erased, filled
from grounds import Ground
from liars import of_lines, of_sample, signed_again
from service import pruning
from service.evidence import texts
from service.reports.checking import Report
from service.reports.processing import export
from service.reports.samples import Asked, sample
from service.reports.wanted import Wanted
from service.reports.words import Language
from worlds import World

KIND = "Filler"


def copy_of(world: World, to: Path) -> TileFiles:
    record = world.record
    record.log.publish(now=record.clock())
    copied(PosixStorage(record.layout.log), PosixStorage(to), record.log.verifier)
    return TileFiles.read(PosixStorage(to), record.log.verifier)


def verdicts(world: World, folder: Path, copy: TileFiles | None) -> dict[str, str]:
    trust = Trust.parse(texts.trusted(world.record).decode())
    return {one.name: one.verdict for one in Report(folder, trust, copy).claims()}


def handed_out(world: World, to: Path) -> Iterator[Path]:
    """A record, and samples of everything and of one kind."""
    export(world.record, Wanted(), to / "record", by="auditor", languages=[Language.EN])
    yield to / "record"
    for kind in (None, KIND):
        sample(world.record, Asked("a seed", 9, kind), to / f"sample {kind}", by="auditor")
        yield to / f"sample {kind}"


def test_what_is_left_of_a_pruned_log_is_shown_by_a_copy_and_by_nothing_less(
    ground: Ground, tmp_path: Path
) -> None:
    with pruned(ground, tmp_path / "data") as world:
        folders = list(handed_out(world, tmp_path))
        copy = copy_of(world, tmp_path / "copy")
        assert copy.minimum() > 0

        for folder in folders:
            claim = "lines" if folder.name == "record" else "drawn"
            without = verdicts(world, folder, None)
            assert without.pop(claim) == "not looked at"
            assert set(without.values()) == {"proven"}
            assert set(verdicts(world, folder, copy).values()) == {"proven"}


def test_what_a_later_pruning_took_from_the_copy_is_said_not_to_be_shown(
    at_stage: Callable[..., World], tmp_path: Path
) -> None:
    # Given reports, and a copy of the log that was made when its beginning was gone
    clock = Clock()
    world = at_stage("consented", clock=clock)
    filled(world)
    everybody_erased(world, clock)
    record, everything, kind = handed_out(world, tmp_path)
    whole = copy_of(world, tmp_path / "whole")
    now = world.record.clock()
    assert pruning.prune(world.record, pruning.plan(world.record, now - timedelta(days=1100))) is not None
    copy = copy_of(world, tmp_path / "copy")

    # Then the earlier copy shows all of it,
    for folder in (record, everything, kind):
        assert set(verdicts(world, folder, whole).values()) == {"proven"}
    # and the later one what it can: a sample has its own proofs, one of a kind needs all of the kind.
    shown = {name: verdicts(world, folder, copy) for name, folder in (("record", record), ("kind", kind))}
    assert shown["record"].pop("lines") == "not looked at"
    assert shown["kind"].pop("drawn") == "not looked at"
    assert set(verdicts(world, everything, copy).values()) == {"proven"}
    for one in shown.values():
        assert set(one.values()) == {"proven"}

    # Nor is it shown to an exporter's liking, who leaves out what the copy no longer has.
    key = world.record.layout.key(Duty.EXPORT)
    signed_again(key, record, of_lines(lambda lines: lines.__delitem__(slice(copy.minimum()))))
    assert verdicts(world, record, copy)["lines"] == "not looked at"
    assert verdicts(world, record, whole)["lines"] == "not proven"
    signed_again(key, everything, of_sample(minimum=copy.minimum()))
    assert verdicts(world, everything, copy)["drawn"] == "not looked at"
    assert verdicts(world, everything, whole)["drawn"] == "not proven"


def test_a_trust_file_that_names_another_exporter_takes_none_of_it(
    at_stage: Callable[..., World], tmp_path: Path
) -> None:
    world = at_stage("founded")
    record = next(handed_out(world, tmp_path))
    lines = texts.trusted(world.record).decode().splitlines()
    trust = Trust.parse("\n".join(line for line in lines if not line.startswith("consentry/export")))

    assert [(one.name, one.verdict) for one in Report(record, trust).claims()] == [("files", "not proven")]


@pytest.mark.parametrize("name", ["manifest.json", "log/checkpoint", "processing.jsonl"])
def test_an_empty_file_is_a_claim_that_fails_and_no_crash(
    at_stage: Callable[..., World], tmp_path: Path, name: str
) -> None:
    world = at_stage("founded")
    record = next(handed_out(world, tmp_path))
    (record / name).write_bytes(b"")

    assert "not proven" in verdicts(world, record, None).values()
