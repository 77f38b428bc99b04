"""`consentry engine`: the engine is tried, and served to others by its own process."""

import os
import socket
import time
from pathlib import Path

import trustme

import swappers
from enginehosts import papers, with_papers
from meshes import mesh_engine
from service.remote_engine import EngineAway, RemoteEngine
from shell import Shell


def folder(shell: Shell, **settings: str) -> None:
    """A data folder with settings alone: an engine's machine has no database and no keys."""
    shell.data.mkdir(parents=True, exist_ok=True)
    lines = [f'{key} = "{value}"\n' for key, value in settings.items()]
    (shell.data / "consentry.toml").write_text("".join(lines))


def test_the_default_engine_conforms(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    folder(shell, mode="demo")

    said = shell("engine", "conform")

    assert said["engine"] == "mesh"
    assert len(said["checks"]) == 11
    assert all(check["kept"] for check in said["checks"])


def test_inswapper_from_the_operators_folder_conforms(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    models = swappers.folder(tmp_path / "models")
    folder(shell, mode="demo", engine="inswapper", models=str(models), deployment="research")

    said = shell("engine", "conform")

    assert (said["engine"], said["version"]) == ("inswapper", "1-cpu")


def test_models_shows_the_engines_files_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    models = swappers.folder(tmp_path / "models")
    folder(shell, mode="demo", engine="inswapper", models=str(models), deployment="research")

    said = shell("models")

    assert said["engine"] == "inswapper 1-cpu"
    assert {"inswapper", "inswapper-recogniser"} < {model["name"] for model in said["models"]}

    folder(shell, mode="demo", engine="inswapper", models=str(models), deployment="commercial")
    said = shell("models", leaves=5)
    assert said["engine"] == "inswapper, failed: MODEL_LICENCE_REFUSED"


def test_a_device_that_is_not_there_is_said(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"CONSENTRY_PROVIDERS": '["CUDAExecutionProvider", "CPUExecutionProvider"]'})
    folder(shell, mode="demo")

    said = shell("models")

    assert said["providers_missing"] == ["CUDAExecutionProvider"]


def test_an_engine_is_not_served_to_the_world_without_certificates(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    folder(shell, mode="demo")

    said = shell("engine", "serve", "--host", "192.0.2.1", leaves=5)

    assert said["error"]["code"] == "ENGINE_SERVED_OPENLY"


def test_an_engine_that_is_somewhere_else_is_not_passed_on(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    folder(shell, mode="demo", engine="remote", engine_url="http://127.0.0.1:1")

    assert shell("engine", "serve", leaves=5)["error"]["code"] == "SETTINGS_INVALID"


def test_a_process_of_its_own_serves_the_engine_to_whoever_shows_a_certificate(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    folder(shell, mode="production")
    authority = trustme.CA()
    theirs, ours = papers(tmp_path, authority, "127.0.0.1"), papers(tmp_path, authority, "gate")
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    words = ["engine", "serve", "--port", port, "--cert", theirs.cert, "--key", theirs.key]

    process = shell.spawn(*words, "--client-ca", theirs.ca, "--data", shell.data)
    try:
        engine = _reached(f"https://127.0.0.1:{port}", ours)
    finally:
        process.terminate()
        process.communicate(timeout=30)

    assert (engine.name, engine.digests) == ("remote-mesh", mesh_engine().digests)


def _reached(url: str, ours: object) -> RemoteEngine:
    until = time.monotonic() + 60
    while True:
        try:
            return RemoteEngine.reach(with_papers(url, ours), os.urandom)
        except EngineAway:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
