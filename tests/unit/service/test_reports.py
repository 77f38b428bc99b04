"""Parts of reports that need no log: periods, samples, cells, and permits that are told of wrongly."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import digest
from audit.leaf import Leaf, LeafPart
from audit.ledger import Entry
from audit.sealing import Opening
from service.reports import alarms, words
from service.reports.lives import Life, Lives
from service.reports.measures import lowered, measures
from service.reports.rows import operation
from service.reports.sampling import SampleImpossible, draw
from service.reports.seen import Opens, Seen
from service.reports.wanted import Period, ReportPeriodWrong, Wanted
from service.reports.words import Language
from service.reports.writers import cell
from service.settings import load

ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
KNOWN = (24, 105, 611, 314, 739)


def an_entry(kind: str, index: int, said: dict[str, object], *, broken: bool = False) -> Seen:
    eid = digest(f"{index}".encode())[:32]
    leaf = Leaf(kind, "2026-11-22T12:00Z", eid, (LeafPart("0" * 32, "0" * 64, "0" * 64),))
    entry = Entry(index, eid, leaf.data, digest(leaf.data), datetime(2026, 11, 22, 12, tzinfo=UTC))
    opened = {} if broken else {0: Opening(bytes(32), said)}  # type: ignore[arg-type]
    return Seen(index, entry, leaf, Opens.BROKEN if broken else Opens.OPEN, 0, opened)


def issued(permit: str, index: int) -> Seen:
    said = {"decision": permit, "answer": "permit", "action": "swap", "stage": "decide"}
    return an_entry("Decided", index, {**said})


def test_a_day_begins_where_the_zone_says() -> None:
    period = Period.of("2026-11-01", "2026-12-01", "Asia/Shanghai")

    assert period.text == "2026-10-31T16:00Z/2026-11-30T16:00Z"
    assert period.has(datetime(2026, 10, 31, 16, 0, tzinfo=UTC))
    assert not period.has(datetime(2026, 10, 31, 15, 59, tzinfo=UTC))
    assert not period.has(datetime(2026, 11, 30, 16, 0, tzinfo=UTC))
    assert Period.of("2026-11-01T08:00+08:00", None).text == "2026-11-01T00:00Z/.."
    assert Period().text == "../.."


@pytest.mark.parametrize(
    ("since", "until", "zone"),
    [
        ("yesterday", None, "UTC"),
        ("2026-11-01T08:00", None, "UTC"),
        ("2026-11-01T08:00:30Z", None, "UTC"),
        ("2026-12-01", "2026-12-01", "UTC"),
        ("2026-12-02", "2026-12-01", "UTC"),
        ("2026-12-01", None, "Asia/Atlantis"),
        ("2026-12-01", None, "../../etc/passwd"),
        (None, "9999-12-31T23:59-01:00", "UTC"),
        (None, "0001-01-01", "Asia/Shanghai"),
        ("2026-13-01", None, "UTC"),
    ],
)
def test_what_is_no_period_is_refused(since: str | None, until: str | None, zone: str) -> None:
    with pytest.raises(ReportPeriodWrong):
        Period.of(since, until, zone)


def test_filters_are_told_by_kind() -> None:
    wanted = Wanted(person="a" * 32, rule="G-08")

    assert wanted.json() == {"period": "../..", "filters": {"person": "a" * 32, "rule": "G-08"}}


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200), st.data())
def test_a_sample_is_distinct_places_and_the_same_for_everybody(seed: str, data: st.DataObject) -> None:
    eligible = data.draw(st.integers(1, 300))
    wanted = data.draw(st.integers(1, eligible))

    drawn = draw(seed, ROOT, eligible, wanted)

    assert len(set(drawn)) == wanted
    assert all(0 <= place < eligible for place in drawn)
    # More of the same sample begins with what was drawn before.
    assert draw(seed, ROOT, eligible, eligible)[:wanted] == drawn


def test_a_sample_never_changes() -> None:
    """Known answers: whoever drew one before must find it again with any later version."""
    assert draw("seed", ROOT, 1000, 5) == KNOWN


def test_another_root_is_another_sample_and_places_are_about_even() -> None:
    other = digest(b"another tree")
    counts = [0] * 10
    for number in range(400):
        for place in draw(f"seed {number}", ROOT, 10, 2):
            counts[place] += 1

    assert draw("seed", other, 1000, 5) != KNOWN
    # 80 expected of each; five standard deviations to either side.
    assert all(40 < count < 120 for count in counts)


@pytest.mark.parametrize(
    ("seed", "eligible", "wanted"),
    [("", 9, 1), ("s" * 201, 9, 1), ("种子", 9, 1), ("a\nb", 9, 1), ("s", 9, 10), ("s", 0, 1), ("s", 9, 0)],
)
def test_what_can_not_be_drawn_is_said(seed: str, eligible: int, wanted: int) -> None:
    with pytest.raises(SampleImpossible):
        draw(seed, ROOT, eligible, wanted)


@pytest.mark.parametrize(
    "begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0", "＝1", "\u3000＋1"]
)
def test_no_cell_is_a_formula(begins: str) -> None:
    assert cell(begins) == f"'{begins}"
    assert cell([begins, "b"]) == f"'{begins}; b"


def test_a_cell_is_what_it_says() -> None:
    assert (cell(None), cell(True), cell(False), cell(-3)) == ("", "yes", "no", "-3")
    assert cell(["G-08", "G-19"]) == "G-08; G-19"


def test_a_permit_ended_twice_or_never_issued_is_found() -> None:
    lives = Lives()
    lives.see(issued("a", 0))
    lives.see(issued("a", 1))

    ended = lives.see(an_entry("PermitVoided", 2, {"permit": "a"}))
    again = lives.see(an_entry("PermitExpired", 3, {"permit": "a"}))
    stray = lives.see(an_entry("OutputReleased", 4, {"permit": "b"}))

    assert ended == Life("a", 0, 2, "void")
    assert again is stray is None
    assert lives.json() == {"issued": 1, "finished": 0, "expired": 0, "void": 1, "live": 0}
    assert (len(lives.twice), len(lives.orphans)) == (1, 2)


def test_a_yes_to_a_release_or_a_scan_issues_no_permit() -> None:
    lives = Lives()
    for changed in ({"stage": "release"}, {"action": "scan"}, {"answer": "refusal"}, {"answer": "hold"}):
        said = {"decision": "a", "answer": "permit", "action": "swap", "stage": "decide", **changed}
        lives.see(an_entry("Decided", 0, {**said}))

    assert lives.issued == 0


@pytest.mark.parametrize(
    ("kind", "said", "rings"),
    [
        ("RedemptionRefused", {"rules": ["PERMIT_FORGED"]}, ["PERMIT_MISUSED"]),
        ("RedemptionRefused", {"rules": ["PERMIT_EXPIRED"]}, []),
        ("RedemptionRefused", {"rules": ["G-00"], "faults": ["CASE_DIVERGED"]}, ["QUESTION_EDITED"]),
        ("JobEnded", {"error": "ENGINE_STRAYED"}, ["ENGINE_STRAYED"]),
        ("JobEnded", {"error": "CANCELLED"}, []),
        ("TemplateAdmitted", {"sandbox": "rlimits"}, ["SANDBOX_LOWERED"]),
        ("TemplateAdmitted", {"sandbox": "seccomp"}, []),
        ("PolicyAdopted", {"signers": []}, ["POLICY_UNSIGNED"]),
        ("PolicyAdopted", {"signers": ["counsel"]}, []),
        ("CastTurnedAway", {}, ["CAST_SEARCHED"]),
        ("ProofServiceCompromised", {}, ["PROOF_COMPROMISED"]),
        ("Recovered", {}, ["RECOVERED"]),
    ],
)
def test_what_goes_round_the_gate_rings(kind: str, said: dict[str, object], rings: list[str]) -> None:
    assert list(alarms.ringing(an_entry(kind, 0, said))) == rings


def test_an_entry_that_was_changed_rings_whatever_it_is() -> None:
    assert list(alarms.ringing(an_entry("PolicyAdopted", 0, {}, broken=True))) == ["ENTRY_BROKEN"]


def test_every_kind_is_some_sort_of_act() -> None:
    assert operation("OutputReleased") == "PUBLISH"
    assert operation("ConsentWithdrawn") == "CONSENT_EVENT"
    assert operation("SomethingNew") == "RECORD"


@pytest.mark.parametrize(
    ("changed", "none"),
    [
        ({}, {"manifests", "log"}),
        ({"tsa_url": "https://tsa.example/"}, {"log"}),
        ({"log_tsa_urls": ("https://tsa.example/",), "log_tsa_trust": "roots.pem"}, {"manifests"}),
    ],
)
def test_time_stamps_of_manifests_and_of_the_log_are_two_things(
    tmp_path: Path, changed: dict[str, Any], none: set[str]
) -> None:
    settings = load(tmp_path, **changed)

    said = {one.en: one.zh for one in measures(settings)}
    low = {name for name, _, _ in lowered(settings)}

    for what, of in (("manifests", "manifests"), ("log", "the log")):
        assert f"time stamps of {of}: {'none' if what in none else 'asked for'}" in said
    assert ("tsa_url" in low, "log_tsa_urls" in low) == ("manifests" in none, "log" in none)


def test_every_word_of_the_report_is_there_in_both_languages() -> None:
    for name, (en, zh) in words._WORDS.items():
        assert en, name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh) or not any(map(str.isalpha, zh)), name
    assert words.term(Language.ZH, "swap") == "换脸 swap"
    assert words.term(Language.EN, "swap") == "swap"
    assert words.term(Language.ZH, "G-08") == "G-08"
