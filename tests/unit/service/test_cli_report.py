"""Auditors' exports from a shell, on both engines."""

import sqlite3

import psycopg

from shell import Shell, enrolled


def test_a_record_of_processing_is_written_from_a_shell(either: Shell) -> None:
    # Given somebody who was enrolled
    person, _ = enrolled(either, "her")
    to = either.folder / "report"

    # When
    said = either("report", "processing", "--to", to, "--by", "auditor-1")

    # Then
    assert said["completeness"]["whole"] is True
    assert said["totals"]["kinds"]["PersonEnrolled"] == 1
    assert {"representative", "officer", "assessment"} <= set(said["unstated"])
    files = {path.name for path in to.iterdir()}
    assert {"processing.jsonl", "processing.csv", "report.en.html", "report.zh-CN.html"} <= files
    assert {"manifest.json", "manifest.sig", "permits.jsonl", "completeness.json"} <= files
    last = either("log", "list")["entries"][-1]
    assert (last["kind"], last["entry"]) == ("ProcessingExported", said["entry"])

    # And nothing that lies there is overwritten, or written down for nothing.
    assert either("report", "processing", "--to", to, leaves=3)["error"]["code"] == "FILE_TAKEN"
    assert either("log", "list")["entries"][-1] == last

    # And of her alone, in one language
    hers = either(
        *("report", "processing", "--to", either.folder / "hers", "--person", person),
        *("--from", "2026-01-01", "--zone", "Asia/Shanghai", "--language", "zh-CN"),
    )
    assert hers["asked"] == {"period": "2025-12-31T16:00Z/..", "filters": {"person": person}}
    assert hers["totals"]["kinds"] == {"KeyEnrolled": 1, "PersonEnrolled": 1}
    assert not (either.folder / "hers" / "report.en.html").exists()
    told = either.said("report", "processing", "--to", either.folder / "third")
    assert "not stated 未载明" in told
    assert "adds up 数目相符" in told


def test_what_was_asked_wrongly_is_said_and_nothing_is_made(either: Shell) -> None:
    to = either.folder / "report"
    for words, code in (
        (("--from", "yesterday"), "REPORT_PERIOD_WRONG"),
        (("--from", "2026-12-01", "--until", "2026-11-01"), "REPORT_PERIOD_WRONG"),
        (("--person", "0" * 32), "PERSON_UNKNOWN"),
        (("--template", "0" * 32), "NOT_FOUND"),
    ):
        answer = either("report", "processing", "--to", to, *words, leaves=3)
        assert answer["error"]["code"] == code
    assert not to.exists()
    assert not list(either.folder.glob(".report*"))


def test_a_log_that_does_not_add_up_is_no(either: Shell) -> None:
    enrolled(either, "her")
    assert either("report", "completeness")["whole"] is True
    assert "adds up 数目相符" in either.said("report", "completeness")

    # When somebody takes what an entry sealed out of the database
    _edited(
        either, "DELETE FROM log_sealed WHERE leaf_hash = (SELECT entry FROM notice ORDER BY entry LIMIT 1)"
    )

    # Then it says so, and a report is written all the same, and says it too.
    assert [one["code"] for one in either("report", "completeness", leaves=1)["faults"]] == [
        "PARTS_UNEXPLAINED"
    ]
    assert "PARTS_UNEXPLAINED" in either.said("report", "completeness", leaves=1)
    to = either.folder / "report"
    either("report", "processing", "--to", to, leaves=1)
    assert "PARTS_UNEXPLAINED" in (to / "report.en.html").read_text()


def test_a_log_that_was_edited_is_said_to_be_rather_than_refused(either: Shell) -> None:
    enrolled(either, "her")
    _edited(either, "UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE idx = 1) WHERE idx = 2")

    codes = [one["code"] for one in either("report", "completeness", leaves=1)["faults"]]

    assert "ROOT_DIFFERS" in codes


def test_a_sample_is_drawn_from_a_shell_and_each_entry_is_proven(either: Shell) -> None:
    enrolled(either, "her")
    size = either("log", "publish")["size"]
    words = ("report", "sample", "--seed", "named by the auditor", "--count", "3", "--size", size)

    said = either(*words, "--to", either.folder / "one", "--by", "auditor-1")
    again = either(*words, "--to", either.folder / "two")

    assert said["drawn"] == again["drawn"]
    assert len(set(said["drawn"])) == 3
    proofs = {path.stem for path in (either.folder / "one" / "proofs").iterdir()}
    assert proofs == {str(index) for index in said["drawn"]}
    assert either("log", "list")["entries"][-1]["kind"] == "ProcessingExported"
    shown = either.said(*words[:-2], "--kind", "KeyEnrolled", "--to", either.folder / "x", leaves=3)
    assert "SAMPLE_IMPOSSIBLE" in shown
    told = either.said(*words, "--to", either.folder / "three")
    assert f"3 of {size} drawn" in told


def _edited(shell: Shell, statement: str) -> None:
    settings = (shell.data / "consentry.toml").read_text()
    url = next((line.split('"')[1] for line in settings.splitlines() if line.startswith("database")), None)
    if url is None:
        with sqlite3.connect(shell.data / "consentry.db") as lite:
            assert lite.execute(statement).rowcount > 0
        lite.close()
        return
    with psycopg.connect(url) as server:
        assert server.execute(statement).rowcount > 0  # type: ignore[call-overload]
