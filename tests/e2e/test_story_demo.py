"""The demo, told once as a newcomer tells it, and looked at from every side."""

import json
import re
import stat
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import encypher_c2pa
import pytest

from audit.errors import BadInput
from audit.verify import verify
from service.console import Voice
from service.database import utc_now
from service.demo import story
from service.evidence import texts
from service.evidence.about import About, Kind
from service.evidence.making import make
from service.settings import load
from service.wiring import open_record
from stranger import empty_python, unpacked, verified
from swap.label import make_label
from swap.limits import Limits
from swap.media import read_back
from swap.serving import Gone
from swap.wording import wording

VERDICTS = {"permit", "hold", "refusal", "done", "released", "verified", "withdrawn"}
WAY = [
    "done",
    "done",
    "permit",
    "done",
    "refusal",
    "done",
    "permit",
    "permit",
    "permit",
    "done",
    "permit",
    "permit",
    "released",
    "verified",
    "permit",
    "withdrawn",
    "withdrawn",
    "refusal",
    "verified",
]


@dataclass(frozen=True)
class Told:
    folder: Path
    ok: bool
    report: Mapping[str, Any]
    said: str

    def released(self) -> Mapping[str, Any]:
        return next(step for step in self.report["steps"] if step["verdict"] == "released")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("demo")
    report = folder / "report.json"
    said = StringIO()
    with redirect_stdout(said):
        ok = story.run(folder / "run", Voice.open(machine=False), report)
    return Told(folder / "run", ok, json.loads(report.read_text()), said.getvalue())


def test_the_story_comes_out_as_it_should(told: Told) -> None:
    assert told.ok
    assert told.report["ok"] is True
    assert [step["verdict"] for step in told.report["steps"]] == WAY


def test_each_step_says_what_was_expected_and_where_it_is_in_the_log(told: Told) -> None:
    for step in told.report["steps"]:
        assert {"step", "expected", "verdict", "reasons", "entry"} <= set(step)
        assert step["verdict"] in VERDICTS
        assert step["expected"] == step["verdict"]
        assert isinstance(step["reasons"], list)
        if step["verdict"] in {"permit", "refusal"}:
            assert re.fullmatch(r"[0-9a-f]{64}", step["entry"])
        if step["verdict"] == "refusal":
            assert step["reasons"]
    assert re.fullmatch(r"[0-9a-f]{32}", told.released()["output"])


def test_the_first_refusal_is_for_the_stranger_and_the_last_for_the_withdrawal(told: Told) -> None:
    refused = [step["reasons"] for step in told.report["steps"] if step["verdict"] == "refusal"]

    assert refused[0] == ["G-08"]
    assert {"G-10", "G-37"} <= set(refused[-1])


def test_it_names_articles_and_cures_for_a_first_time_reader(told: Told) -> None:
    said = " ".join(told.said.split())

    assert "Deep Synthesis Provisions art. 14" in said
    assert "cure:" in said
    assert "视频中存在未申报的人物" in said
    assert "consentry verify" in said


def test_it_leaves_what_it_promises_and_no_private_key_among_the_public(told: Told) -> None:
    for name in ("output.mp4", "output.receipt", "sheet.png", "keys/log.vkey", "keys/manifest-root.pem"):
        assert (told.folder / name).is_file(), name
    assert stat.S_IMODE((told.folder / "private").stat().st_mode) == 0o700
    for key in (told.folder / "keys").iterdir():
        assert b"PRIVATE" not in key.read_bytes()
    assert cv2.imread(str(told.folder / "sheet.png")).shape[0] > 500


def test_the_copy_plays_to_its_end_with_the_label_in_every_frame(told: Told) -> None:
    with read_back(told.folder / "template.mp4", Limits()) as before:
        expected = sum(1 for _ in before.frames)
    label = make_label(wording(demo=True), 1280, 720)

    with read_back(told.folder / "output.mp4", Limits()) as after:
        seen = [label.present(frame.image) for frame in after.frames]

    assert len(seen) == expected
    assert all(seen)


def test_file_receipt_and_public_keys_are_enough_to_verify(told: Told) -> None:
    keys = told.folder / "keys"

    verdict = verify(
        told.folder / "output.mp4",
        (told.folder / "output.receipt").read_bytes(),
        (keys / "log.vkey").read_text().strip(),
        (keys / "manifest-root.pem").read_text(),
        utc_now(),
    )
    other = encypher_c2pa.verify(
        (told.folder / "output.mp4").read_bytes(),
        "video/mp4",
        trust_pem=(keys / "manifest-root.pem").read_text(),
        no_default_trust=True,
    )

    assert verdict.ok
    assert other["integrity"] == "valid"
    assert other["trust"]["status"] == "valid_for_supplied_material"


def test_its_evidence_is_proven_to_a_stranger_after_the_withdrawal_too(told: Told, tmp_path: Path) -> None:
    record = open_record(load(told.folder))
    try:
        made = make(record, About(Kind.OUTPUT, told.released()["output"]), by="auditor")
        (tmp_path / "trust.txt").write_bytes(texts.trusted(record))
    finally:
        record.close()
    (tmp_path / "bundle.zip").write_bytes(made.data)
    python, folder = empty_python(tmp_path / "venv"), unpacked(tmp_path / "bundle.zip")

    words = (tmp_path / "bundle.zip", tmp_path / "trust.txt", told.folder / "output.mp4")
    done = verified(python, folder, *words)

    assert (done.returncode, done.stderr) == (0, "")
    assert "not proven" not in done.stdout
    for claim in ("run", "release", "standing", "decision", "consent", "video"):
        assert re.search(rf"^proven 已证明  {claim}\b", done.stdout, re.M), claim
    history = [one["kind"] for one in json.loads((folder / "history.json").read_bytes())]
    assert {"ConsentWithdrawn", "OutputWithdrawn"} <= set(history)


def test_the_service_it_leaves_serves_the_output_no_more(told: Told) -> None:
    record = open_record(load(told.folder))
    try:
        gone = record.delivery.deliver(told.released()["output"])
    finally:
        record.close()

    assert gone is Gone.WITHDRAWN


def test_a_folder_that_is_not_ours_is_not_replaced(told: Told, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(BadInput) as raised:
        story.run(tmp_path, Voice.open(machine=True), None)

    assert raised.value.code == "DEMO_FOLDER_TAKEN"
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_in_its_place_is_not_replaced_either(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("years of work")

    with pytest.raises(BadInput) as raised:
        story.run(place, Voice.open(machine=True), None)

    assert raised.value.code == "DEMO_FOLDER_TAKEN"
