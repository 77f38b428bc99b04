"""What follows from a chain of consent events, as the verifier in a bundle adds them up."""

import pytest

from audit.bundled import Entry, Gone
from audit.offline import Fault, Trust
from audit.standalone import ERASED, NOT_PROVEN, PROVEN, Claim, Verifier, _claim, main

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
    return _claim("standing", verifier._standing, verifier.entries["d"], [(IT, f"h{head}")], purposes.split())


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
    closed.entries["h0"].erased = True
    assert standing(closed, "B").verdict == ERASED


def test_that_another_was_erased_excuses_nothing() -> None:
    verifier = chained(GRANT, ("ConsentPaused", "A"))
    verifier.entries["of another"] = Entry(7, "of another", {"t": "ConsentGranted"}, erased=True)
    verifier._cited = {IT: "h1"}
    verifier.size = 9

    verifier.entries["h0"].parts.clear()
    with pytest.raises(Fault):
        verifier._consent(IT)
    verifier.entries["h0"].erased = True
    with pytest.raises(Gone):
        verifier._consent(IT)


def test_run_as_a_program_it_says_what_it_can_t_read(tmp_path, capsys) -> None:
    (tmp_path / "trust.txt").write_text("nonsense")

    assert main(str(tmp_path / "no.zip"), str(tmp_path / "trust.txt")) == 3
    assert main(str(tmp_path), str(tmp_path / "trust.txt")) == 3
    assert "不是证据包" in capsys.readouterr().out
    (tmp_path / "trust.txt").write_text("# nobody")
    assert main(str(tmp_path), str(tmp_path / "trust.txt")) == 1
    assert "不能证明" in capsys.readouterr().out
