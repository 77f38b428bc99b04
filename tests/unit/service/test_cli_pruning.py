"""`consentry log prune` says before it does; what it did, every other command of the log knows."""

from datetime import timedelta
from functools import partial

import pytest

from audit.fact import Fact, Part, Seal, Subject
from service import needed, wiring
from service.database import utc_now
from service.settings import load
from service.wiring import open_record
from shell import Shell


@pytest.fixture
def old(either: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A log of 600 entries that were written four years ago."""
    record = open_record(load(either.data))
    with record.database.write() as session:
        for number in range(600):
            part = Part(Subject("tenant", "default"), Seal.EVID, {"number": number})
            record.ledger.append(session, Fact("Filler", (part,)), record.clock())
    record.log.publish(now=record.clock())
    record.close()
    later = partial(open_record, clock=lambda: utc_now() + timedelta(days=1461))
    monkeypatch.setattr(wiring, "open_record", later)
    return either


def day(ago: int) -> str:
    return f"{utc_now() + timedelta(days=1461 - ago):%Y-%m-%d}"


@pytest.fixture
def unneeded(old: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Nothing rests on any of them."""
    monkeypatch.setattr("service.pruning.needs", lambda *_: ())
    return old


def test_it_says_what_holds_the_log_and_does_nothing(old: Shell) -> None:
    answer = old("log", "prune", "--before", day(1100))

    assert (answer["pruned"], answer["entries"], answer["minimum"]) == (False, 0, 0)
    assert answer["old_enough"] >= 600
    assert {one["why"] for one in answer["held"]} == {"policies", "notices"}
    assert old("log", "prune", "--before", day(1100), "--yes")["pruned"] is False
    said = old.said("log", "prune", "--before", day(1100))
    for en, zh in (needed.WHY["policies"], needed.WHY["notices"]):
        assert en in said
        assert zh in said
    assert old("log", "status")["minimum"] == 0


def test_without_yes_nothing_goes_and_with_it_all_that_may(unneeded: Shell) -> None:
    # Given a dry run
    answer = unneeded("log", "prune", "--before", day(1100))
    assert (answer["pruned"], answer["goal"], answer["entries"]) == (False, 512, 512)
    assert unneeded("log", "status")["minimum"] == 0
    lost = unneeded("log", "list", "--last", "10000")["entries"][7]["entry"]

    # When it is done
    done = unneeded("log", "prune", "--before", day(1100), "--yes")

    # Then the log begins there for every command.
    assert (done["pruned"], done["goal"]) == (True, 512)
    status = unneeded("log", "status")
    assert (status["minimum"], status["unfinished"], status["least_days"]) == (512, None, 1095)
    listed = unneeded("log", "list", "--last", "10000")["entries"]
    assert listed[0]["index"] == 512
    assert unneeded("log", "proof", listed[0]["entry"])["proof"]
    assert unneeded("log", "proof", lost, leaves=3)["error"]["code"] == "ENTRY_PRUNED"
    assert unneeded("log", "audit")["minimum"] == 512
    export = unneeded.folder / "out"
    unneeded("log", "export", export)
    vkey = unneeded.data / "keys" / "log.vkey"
    assert unneeded("log", "fsck", export, "--vkey", vkey)["minimum"] == 512
    assert "pruned below 512" in unneeded.said("log", "fsck", export, "--vkey", vkey)
    assert "pruned below 512" in unneeded.said("log", "audit")
    # A second time there is nothing left to do.
    assert unneeded("log", "prune", "--before", day(1100), "--yes")["pruned"] is False
    # Without the receipt a missing file is missing.
    (export / "pruned").unlink()
    assert unneeded("log", "fsck", export, "--vkey", vkey, leaves=4)["wrong"]


def test_a_date_that_the_law_forbids_or_that_is_none_is_refused(unneeded: Shell) -> None:
    answer = unneeded("log", "prune", "--before", day(1000), "--yes", leaves=3)
    assert answer["error"]["code"] == "LOG_RETENTION_SHORT"
    assert "1095" in answer["error"]["message"]
    assert "--before" in unneeded.said("log", "prune", "--before", "soon", leaves=2)
    assert unneeded("log", "status")["minimum"] == 0
