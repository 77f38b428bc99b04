"""What stands in `deploy/`: it names commands, settings and files that there are, and times that fit."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from service import worker
from service.cli.program import program
from service.settings import Settings

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
    "User": "consentry",
}


def unit(path: Path) -> dict[str, list[str]]:
    """A unit's settings; one may be there several times."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def compose() -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return value


def options(name: str) -> set[str]:
    """The options of a command of ours."""
    command = typer.main.get_command(program()).get_command(None, name)  # type: ignore[attr-defined,arg-type]
    assert command is not None, name
    return {option for parameter in command.params for option in parameter.opts}


def runs() -> Iterator[tuple[str, list[str]]]:
    """Every command line of ours in the files, with where it stands."""
    for path in UNITS:
        (line,) = unit(path)["ExecStart"]
        program_, *words = shlex.split(line)
        assert program_ == "/opt/consentry/bin/consentry"
        yield path.name, words
    (words,) = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Containerfile").read_text(), re.M)
    yield "Containerfile", yaml.safe_load(words)
    for name, service in compose()["services"].items():
        if "command" in service:
            yield name, service["command"]


@pytest.mark.parametrize(("where", "words"), list(runs()))
def test_each_command_is_one_of_ours_with_options_that_it_has(where: str, words: list[str]) -> None:
    name, *rest = words

    assert {word for word in rest if word.startswith("--")} <= options(name)


def test_each_setting_that_is_named_is_one_of_ours() -> None:
    text = "".join(path.read_text() for path in DEPLOY.rglob("*") if path.is_file())
    text += (ROOT / "docs" / "deploying.md").read_text()

    named = set(re.findall(r"CONSENTRY_([A-Z_]*[A-Z])", text))

    assert {"SLOT", "LOG_FORM", "WORKER_LISTEN", "DATABASE", "GUARD"} <= named
    assert {each.lower() for each in named} <= set(Settings.model_fields)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_units_are_hardened_and_leave_our_cells_their_own_filter(path: Path) -> None:
    found = unit(path)

    for name, value in HARDENED.items():
        assert found[name] == [value], name
    assert found["SystemCallFilter"] == ["@system-service seccomp", "~@privileged"]
    assert found["ReadWritePaths"] == ["/var/lib/consentry"]
    assert "MemoryMax" in found
    assert found["Restart"] == ["on-failure"]
    # 5, not ready, and 70, a bug, are tried again; what no restart mends is not.
    assert found["RestartPreventExitStatus"] == ["2 3 4"]


def test_a_worker_is_started_again_when_it_left_a_run_behind_and_given_time_to_hand_back() -> None:
    found = unit(DEPLOY / "systemd" / "consentry-worker@.service")
    (within,) = [line for line in found["Environment"] if "STOP_WITHIN" in line]
    needed = int(within.partition("_WITHIN=")[2]) + worker.HAND_BACK_SECONDS

    assert found["RestartForceExitStatus"] == [str(worker.ABANDONED_EXIT)]
    assert "CONSENTRY_SLOT=%i" in found["Environment"]
    assert int(found["TimeoutStopSec"][0]) > needed
    grace = compose()["services"]["worker"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > needed


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    # Given units whose program is there, as it is where they are installed.
    for path in UNITS:
        text = path.read_text().replace("/opt/consentry/bin/consentry", sys.executable)
        (tmp_path / path.name.replace("@", "@slot-1")).write_text(text)
    sections = [set(re.findall(r"^\[(\w+)\]$", path.read_text(), re.M)) for path in UNITS]
    assert sections == [{"Unit", "Service", "Install"}] * 2

    # The parse above is all there is on a machine without systemd.
    if analyze := shutil.which("systemd-analyze"):
        for path in tmp_path.glob("*.service"):
            done = subprocess.run(
                [analyze, "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, ""), path.name


def test_compose_says_which_volume_secret_and_service_it_means() -> None:
    value = compose()

    assert {"postgres", "setup", "api", "worker"} == set(value["services"])
    for name, service in value["services"].items():
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in value["volumes"], name
        assert set(service["secrets"]) <= set(value["secrets"]), name
        assert set(service.get("depends_on", {})) <= set(value["services"]), name
        if name != "postgres":
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert not any("unconfined" in each for each in service["security_opt"])
    published = [port for service in value["services"].values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published), "the world comes through a proxy"


def test_the_image_is_built_from_files_there_are_and_by_hash() -> None:
    text = (DEPLOY / "Containerfile").read_text()

    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M):
        assert all((ROOT / part).exists() for part in line.split()), line
    for line in re.findall(r"pip install .*", text):
        assert "--no-deps" in line
        assert "--require-hashes" in line or "--no-index" in line
    assert "USER 10001" in text

    only, lock, *names = re.findall(r"python (requirements/only\.py .*) > build\.lock", text)[0].split()
    printed = subprocess.run(
        [sys.executable, ROOT / only, ROOT / lock, *names], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"^([a-z-]+)==", printed, re.M) == names
    assert printed.count("--hash=sha256:") >= len(names)
    missing = subprocess.run(
        [sys.executable, ROOT / only, ROOT / lock, "no-such-package"], capture_output=True, check=False
    )
    assert missing.returncode == 1
