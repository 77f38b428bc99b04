"""What follows from a chain of consent events, as the verifier in a bundle adds them up."""

import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest

import audit
from audit import bundle, offline
from audit.bundled import Entry, lost_as_told
from audit.consented import consent, stood
from audit.offline import Fault, Gone, Lost, Trust
from audit.standalone import Claim, Verifier, _claim, main
from audit.verdicts import ERASED, LOST, NOT_PROVEN, PROVEN

IT = "consent-1"


def chained(*events: tuple[str, str] | tuple[str, str, str]) -> Verifier:
    """Events (kind, purposes, and perhaps another consent), one entry each; and a decision after them."""
    verifier, ref = Verifier({}, Trust()), list[str]()
    for index, (kind, purposes, *of) in enumerate(events):
        leaf = {"t": kind, "ref": ref} if ref else {"t": kind}
        said = {"authorization": (of or [IT])[0], "purposes": purposes.split()}
        verifier.entries[f"h{index}"] = Entry(index, f"h{index}", leaf, {0: said})
        ref = [f"h{index}"]
    verifier.entries["d"] = Entry(len(events), "d", {"t": "Decided"})
    return verifier


def standing(verifier: Verifier, purposes: str, cited: int | None = None) -> Claim:
    head = len(verifier.entries) - 2 if cited is None else cited

    def step() -> str:
        if not set(purposes.split()) <= stood(verifier, IT, f"h{head}", verifier.entries["d"].index):
            raise Fault("not in force")
        return "in force"

    return _claim("standing", step)


GRANT = ("ConsentGranted", "A B")


@pytest.mark.parametrize(
    ("events", "live", "dead"),
    [
        ([], "A B", "C"),
        ([("ConsentWithdrawn", "A")], "B", "A"),
        ([("ConsentExpired", "A B")], "", "B"),
        ([("ConsentDisputed", "A B")], "", "A"),
        ([("ConsentDisputed", "A B"), ("ConsentDisputeSettled", "A B")], "A B", "C"),
        ([("ConsentPaused", "B")], "A", "B"),
        ([("ConsentPaused", "B"), ("ConsentResumed", "B")], "A B", "C"),
        ([("ConsentSuspended", "A B"), ("ConsentReconfirmed", "A")], "A", "B"),
        ([("ConsentPaused", "A"), ("ConsentDisputed", "A"), ("ConsentResumed", "A")], "B", "A"),
        ([("ConsentWithdrawn", "A"), ("ConsentReconfirmed", "A")], "B", "A"),
    ],
)
def test_events_add_up(events: list[tuple[str, str]], live: str, dead: str) -> None:
    verifier = chained(GRANT, *events)

    assert standing(verifier, live).verdict == PROVEN
    assert standing(verifier, f"{live} {dead}").verdict == NOT_PROVEN


def test_a_chain_is_whole_and_of_one_consent_and_its_end_is_cited() -> None:
    withdrawn = chained(GRANT, ("ConsentWithdrawn", "A"))
    assert "was before" in standing(withdrawn, "A", cited=0).detail
    # What came after the decision does not undo it.
    withdrawn.entries["h1"].index, withdrawn.entries["d"].index = 2, 1
    assert standing(withdrawn, "A", cited=0).verdict == PROVEN
    assert "broken" in standing(withdrawn, "A", cited=1).detail

    assert "another consent" in standing(chained(GRANT, ("ConsentPaused", "A", "consent-2")), "B").detail
    assert "broken" in standing(chained(("ConsentPaused", "A")), "").detail
    assert standing(chained(GRANT, ("PermitVoided", "A")), "A").verdict == NOT_PROVEN

    closed = chained(GRANT, ("ConsentPaused", "A"))
    closed.entries["h0"].parts.clear()
    assert standing(closed, "B").verdict == NOT_PROVEN
    closed.entries["h0"].gone = Gone
    assert standing(closed, "B").verdict == ERASED


def test_what_was_lost_is_neither_proven_nor_not() -> None:
    """Of a person or of the operator alike: a database was lost, and the log says so."""
    lost = chained(GRANT, ("ConsentPaused", "A"))
    lost.entries["h0"].parts.clear()
    lost.entries["h0"].gone = Lost
    assert standing(lost, "B").verdict == LOST
    run = Entry(3, "run", {"t": "RunStarted"}, gone=Lost)
    assert _claim("run 3", lost._run, run).verdict == LOST


def recovered(at: int, **said: object) -> Entry:
    return Entry(at, f"r{at}", {"t": "Recovered"}, {0: said})


OF_THREE = {"lost": [[4, 6], [9, 10]], "parts_lost": 3, "held": 4, "read_back": 6}


@pytest.mark.parametrize(
    ("lost", "believed"),
    [
        ([], True),
        (["4.0", "5.0", "9.1"], True),
        (["4.0", "4.1", "5.0", "9.0"], False),  # more than were lost
        (["6.0"], False),  # between the places that were
        (["3.0"], False),
        (["10.0"], False),
    ],
)
def test_no_more_is_lost_and_nowhere_else_than_a_recovery_says(lost: list[str], believed: bool) -> None:
    states = {**dict.fromkeys(lost, LOST), "1.0": "open", "2.0": ERASED}
    if believed:
        lost_as_told(states, [recovered(10, **OF_THREE)])
        return
    with pytest.raises(Fault, match="lost"):
        lost_as_told(states, [recovered(10, **OF_THREE), Entry(11, "x", {"t": "Recovered"})])


def test_a_recovery_from_before_places_were_told_lost_what_it_read_back() -> None:
    told = [recovered(9, held=4, read_back=2, parts_lost=2)]

    lost_as_told({"4.0": LOST, "5.0": LOST}, told)
    with pytest.raises(Fault):
        lost_as_told({"6.0": LOST}, told)
    with pytest.raises(Fault):
        lost_as_told({"4.0": LOST}, [])


def test_that_another_was_erased_excuses_nothing() -> None:
    verifier = chained(GRANT, ("ConsentPaused", "A"))
    verifier.entries["of another"] = Entry(7, "of another", {"t": "ConsentGranted"}, gone=Gone)
    verifier.size = 9

    verifier.entries["h0"].parts.clear()
    with pytest.raises(Fault):
        consent(verifier, IT, ["h1"])
    verifier.entries["h0"].gone = Gone
    with pytest.raises(Gone):
        consent(verifier, IT, ["h1"])


def test_run_as_a_program_it_says_what_it_can_t_read(tmp_path, capsys) -> None:
    (tmp_path / "trust.txt").write_text("nonsense")

    assert main(str(tmp_path / "no.zip"), str(tmp_path / "trust.txt")) == 3
    assert main(str(tmp_path), str(tmp_path / "trust.txt")) == 3
    assert "不是证据包" in capsys.readouterr().out
    (tmp_path / "trust.txt").write_text("# nobody")
    assert main(str(tmp_path), str(tmp_path / "trust.txt")) == 1
    assert "不能证明" in capsys.readouterr().out


LIMITED = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
runpy.run_module("audit.standalone", run_name="__main__")
"""
"""The verifier as a program, with a gigabyte of memory."""


@pytest.mark.parametrize("given", ["bundle", "trust", "video", "member"])
def test_ten_gigabytes_are_refused_and_not_read(tmp_path: Path, given: str) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    paths = {name: tmp_path / name for name in ("bundle", "trust", "video")} | {"member": folder / "member"}
    paths["bundle"].write_bytes(bundle.write({"a": b""}))
    paths["trust"].write_text("# nobody")
    paths["video"].write_bytes(b"")
    with paths[given].open("wb") as file:
        file.truncate(10 << 30)
    it = folder if given == "member" else paths["bundle"]

    done = subprocess.run(
        [sys.executable, "-c", LIMITED, it, paths["trust"], paths["video"]],
        env={"PYTHONPATH": str(Path(audit.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("no bundle 不是证据包")
    said = (
        "more than a bundle holds" if given == "member" else f"{given}: larger than {offline.LARGEST} bytes"
    )
    assert said in done.stdout


def test_ranges_of_what_was_lost_cost_no_more_than_they_are() -> None:
    """As many parts as a bundle holds, and as many ranges as somebody may write."""
    lost = dict.fromkeys((f"{at}.0" for at in range(40_000)), LOST)
    ranges = [[at, at + 2] for at in range(0, 40_000, 2)] + [[10**6, 10**6 + 1]] * 20_000
    begun = process_time()

    lost_as_told(lost, [recovered(50_000, lost=ranges, parts_lost=40_000, held=0, read_back=0)])
    with pytest.raises(Fault, match="40000 parts"):
        lost_as_told(lost, [recovered(50_000, lost=ranges, parts_lost=39_999, held=0, read_back=0)])
    # Each with each would be minutes.
    assert process_time() - begun < 10


@pytest.mark.parametrize("ranges", [[[5, 4]], [[-1, 5]]])
def test_what_is_no_range_is_none(ranges: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="no range"):
        lost_as_told({"4.0": LOST}, [recovered(9, lost=ranges, parts_lost=9, held=0, read_back=0)])
