import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from consent import eyes as eyesight
from consent import models
from consent.eye_errors import CardWrong, LicenceRefused, ModelUnknown, SelfTestFailed
from consent.eyes import detecting_eye, eyes
from consent.modelcard import Deployment
from portraits import cache_folder, working_eyes


def test_the_default_eyes_are_the_pinned_models() -> None:
    detector, embedder = working_eyes()

    assert detector.digest == models.card("yunet", folder=None).sha256
    assert embedder.digest == models.card("sface", folder=None).sha256


def test_a_detector_comes_alone_where_recognition_is_forbidden(tmp_path: Path) -> None:
    detector = detecting_eye(tmp_path, folder=None, deployment=Deployment.COMMERCIAL)

    assert detector.digest == working_eyes()[0].digest
    assert [file.name.partition("-")[0] for file in tmp_path.iterdir()] == ["yunet"]


def test_a_model_is_not_used_in_another_role(tmp_path: Path) -> None:
    with pytest.raises(CardWrong, match="wanted detector"):
        eyes(tmp_path, folder=None, deployment=Deployment.DEMO, detector="sface")
    with pytest.raises(CardWrong, match="wanted embedder"):
        eyes(tmp_path, folder=None, deployment=Deployment.DEMO, embedder="yunet")
    with pytest.raises(ModelUnknown):
        eyes(tmp_path, folder=None, deployment=Deployment.DEMO, embedder="buffalo_l")


def test_an_embedder_without_preprocessing_is_not_guessed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = replace(models.card("sface", folder=None), preprocessing=None)
    real = models.card
    monkeypatch.setattr(
        eyesight, "card", lambda name, folder: silent if name == "sface" else real(name, folder=folder)
    )

    with pytest.raises(CardWrong, match="no preprocessing"):
        eyes(tmp_path, folder=None, deployment=Deployment.DEMO)


def folder_with_sface(folder: Path, *, mean: float, std: float, commercial: bool) -> Path:
    """An operator's own copy of a float32 recogniser, with the preprocessing he believes in."""
    (folded,) = cache_folder().glob("sface-*.onnx")
    shutil.copy(folded, folder / "own.onnx")
    digest = hashlib.sha256(folded.read_bytes()).hexdigest()
    (folder / "models.toml").write_text(
        f"""
        [[model]]
        name = "own"
        role = "embedder"
        file = "own.onnx"
        sha256 = "{digest}"
        licence = "LicenseRef-Own"
        commercial = {str(commercial).lower()}
        preprocessing = {{ mean = {mean}, std = {std} }}
        """,
        "utf-8",
    )
    return folder


def test_an_operators_recogniser_is_used_by_name(tmp_path: Path) -> None:
    working_eyes()
    folder = folder_with_sface(tmp_path, mean=0, std=1, commercial=True)

    _, own = eyes(cache_folder(), folder=folder, deployment=Deployment.COMMERCIAL, embedder="own")

    assert own.digest == models.card("own", folder=folder).sha256


def test_an_operators_wrong_preprocessing_does_not_start(tmp_path: Path) -> None:
    working_eyes()
    folder = folder_with_sface(tmp_path, mean=127.5, std=127.5, commercial=True)

    with pytest.raises(SelfTestFailed):
        eyes(cache_folder(), folder=folder, deployment=Deployment.COMMERCIAL, embedder="own")


def test_an_operators_model_without_the_licence_is_not_even_loaded(tmp_path: Path) -> None:
    working_eyes()
    folder = folder_with_sface(tmp_path, mean=0, std=1, commercial=False)

    with pytest.raises(LicenceRefused):
        eyes(cache_folder(), folder=folder, deployment=Deployment.DEMO, embedder="own")
