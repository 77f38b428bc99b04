"""Processes: a worker that others leave the work to, one a slot, and Ctrl-C that ends things cleanly."""

import json
import signal
import sqlite3
from pathlib import Path

import pytest

from clips import walk, write
from portraits import PEOPLE, packaged
from shell import Shell, Signer, a_source, a_use, agreed, digest, on_file
from waiting import LONG, until


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str, Signer]:
    """A published template of one performer, and a donor."""
    shell = Shell(tmp_path_factory.mktemp("worker"))
    shell("init", "--mode", "demo", "--origin", "log.example/worker")
    clip = write(shell.folder / "clip.mp4", walk("astronaut", 90, size=(480, 272), zoom=1.3))
    performer = agreed(shell, "astronaut", "PERFORMER", digest(clip))
    donor = agreed(shell, "hopper", "DONOR", digest(clip))
    on_file(shell, digest(clip), performer)
    source, cast = shell.file("source.json", a_source()), performer.cast("PERFORMER")
    template = shell("template", "announce", clip, "--source", source, "--cast", cast)["template"]
    shell("template", "add", template, clip)
    shell("template", "scan", template)
    shell("template", "publish", template, "--use", shell.file("use.json", a_use()))
    return shell, template, donor


def received(shell: Shell, template: str, donor: Signer) -> str:
    words = ("--person", donor.id, "--authorization", donor.authorization)
    answer: str = shell("swap", "donor", template, packaged(*PEOPLE["hopper"]), *words)["donor"]
    return answer


def test_a_job_is_left_to_a_live_worker_and_a_second_worker_is_refused(
    studio: tuple[Shell, str, Signer],
) -> None:
    shell, template, donor = studio
    queued = shell(
        "swap",
        "request",
        template,
        received(shell, template, donor),
        "--use",
        shell.folder / "use.json",
        "--no-wait",
    )
    assert queued["state"] == "queued"
    job = queued["job"]

    with shell.spawn("worker", "--data", shell.data) as worker:
        until(lambda: shell("swap", "show", job)["state"] == "released")
        # One live process an executor id: two would run a step twice.
        stdout, _ = shell.apart("worker", "--data", shell.data, "--json", leaves=5)
        assert json.loads(stdout)["error"]["code"] == "SLOT_TAKEN"

        worker.send_signal(signal.SIGTERM)
        stdout, stderr = worker.communicate(timeout=LONG)

    assert worker.returncode == 0, stderr
    assert "Traceback" not in stderr
    # The slot was given back: this command can take it.
    found = {one["what"]: one["detail"] for one in shell("doctor")["findings"]}
    assert "none alive" in found["worker"]


def test_a_worker_told_to_stop_leaves_its_job_to_the_next(studio: tuple[Shell, str, Signer]) -> None:
    shell, template, donor = studio
    who, use = received(shell, template, donor), shell.folder / "use.json"
    job = shell("swap", "request", template, who, "--use", use, "--no-wait")["job"]

    with shell.spawn("worker", "--data", shell.data) as worker:
        until(lambda: any((shell.data / "work" / job).glob("*")))
        worker.send_signal(signal.SIGTERM)
        _, stderr = worker.communicate(timeout=LONG)
    assert worker.returncode == 0, stderr
    assert "Traceback" not in stderr

    with shell.spawn("worker", "--data", shell.data) as worker:
        until(lambda: shell("swap", "show", job)["state"] == "released")
        # The first may have finished it, and this one be starting yet: told once, it might not hear.
        until(lambda: worker.poll() is not None or worker.send_signal(signal.SIGINT))
        worker.communicate(timeout=LONG)
    kinds = [entry["kind"] for entry in shell("log", "list", "--last", "1000")["entries"]]
    assert kinds.count("OutputReleased") == kinds.count("RunFinished")


def test_an_interrupted_swap_stops_and_leaves_nothing_half_made(
    studio: tuple[Shell, str, Signer],
) -> None:
    shell, template, donor = studio
    who = received(shell, template, donor)
    use = shell.folder / "use.json"
    before = _outputs(shell.data)

    with shell.spawn(
        "swap", "request", template, who, "--use", use, "--data", shell.data, "--json"
    ) as process:
        # Begun when the run has its folder.
        until(lambda: any((shell.data / "work").glob("*/*")))
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=LONG)

    assert process.returncode == 130, stderr
    assert json.loads(stdout)["error"]["code"] == "CANCELLED"
    assert "Traceback" not in stderr
    assert not any((shell.data / "work").glob("*/*"))
    assert _outputs(shell.data) == before
    assert shell("log", "audit")["findings"] == []


def test_an_interrupted_scan_can_be_repeated(studio: tuple[Shell, str, Signer]) -> None:
    # When it has been permitted, and frames are being read
    shell, template, _ = studio
    before = asked_to_scan(shell)
    with shell.spawn("template", "scan", template, "--data", shell.data) as process:
        until(lambda: asked_to_scan(shell) > before)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=LONG)

    # Then
    # -2 is what a shell calls 130: interrupted on its way out, the answer given.
    assert process.returncode in {0, 130, -2}, stderr
    assert "Traceback" not in stderr
    assert shell("template", "scan", template)["verdict"] == "permit"


def asked_to_scan(shell: Shell) -> int:
    """How often the gate was asked whether a scan may begin."""
    file = sqlite3.connect(f"file:{shell.data / 'consentry.db'}?mode=ro", uri=True)
    try:
        count: int = file.execute("SELECT count(*) FROM decision WHERE action = 'scan'").fetchone()[0]
        return count
    finally:
        file.close()


def _outputs(data: Path) -> set[str]:
    return {path.name for path in (data / "media").rglob("*") if path.is_file()}
