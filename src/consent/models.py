"""The model registry: which files we may use, where they lie, and that they are the ones we mean."""

import hashlib
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from audit.errors import BadInput, Diverged, Unready
from consent.modelcard import CardWrong, Deployment, ModelCard, parse

MANIFEST = "models.toml"


class ModelUnknown(BadInput):
    """No card has that name."""

    code = "MODEL_UNKNOWN"
    zh = "没有这个名称的模型。"
    hint = "`consentry models` lists the names; a folder's models stand in its models.toml."
    hint_zh = "运行 `consentry models` 查看可用名称；自备模型写在其目录的 models.toml 中。"


class WeightsMissing(Unready):
    """A model file isn't where its card says."""

    code = "WEIGHTS_MISSING"
    zh = "缺少模型文件。"
    hint = (
        "Reinstall from requirements/run.lock, or put the file into the model folder. Nothing is downloaded."
    )
    hint_zh = "请按 requirements/run.lock 重新安装，或将文件放入模型目录。系统不会自动下载。"


class WeightsWrong(Diverged):
    """A model file isn't the one its card pins, or isn't the network it should be."""

    code = "WEIGHTS_WRONG"
    zh = "模型文件与登记的 SHA-256 或网络结构不符。"
    hint = "Restore the file. If you mean to change models, write a new card and evaluate the model first."
    hint_zh = "请恢复原文件；如要更换模型，请先登记新的模型信息并完成评估。"


class LicenceRefused(Unready):
    """A model's licence doesn't cover what the service is run for."""

    code = "MODEL_LICENCE_REFUSED"
    zh = "模型许可不覆盖当前部署方式。"
    hint = (
        "Use a model licensed for this deployment, or record the grant you hold in the folder's models.toml."
    )
    hint_zh = "请使用许可覆盖当前部署的模型，或在模型目录的 models.toml 中登记已获得的授权。"


def cards(folder: Path | None) -> tuple[ModelCard, ...]:
    """Every card: ours, then the operator's. Raises `CardWrong`, `WeightsMissing` (no manifest)."""
    ours = parse((files("consent") / MANIFEST).read_text("utf-8"), packaged=True)
    if folder is None:
        return ours
    try:
        text = (folder / MANIFEST).read_text("utf-8")
    except OSError as error:
        raise WeightsMissing(f"the model folder has no readable {MANIFEST} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise CardWrong(f"{MANIFEST} of the model folder is not UTF-8") from None
    theirs = parse(text, packaged=False)
    if {card.name for card in ours} & {card.name for card in theirs}:
        # Otherwise a folder could quietly take the place of a model that policy and log name.
        raise CardWrong("a model of the folder has the name of a built-in model")
    return ours + theirs


def card(name: str, *, folder: Path | None) -> ModelCard:
    """The card called `name`. Raises `ModelUnknown` besides what `cards` raises."""
    for each in cards(folder):
        if each.name == name:
            return each
    raise ModelUnknown(f"no model is called {name!r:.70}")


def locate(name: str, *, folder: Path | None, deployment: Deployment) -> Path:
    """The file of model `name`, after its licence and its SHA-256 were checked.

    Raises `ModelUnknown`, `LicenceRefused`, `WeightsMissing`, `WeightsWrong`, `CardWrong`.
    """
    wanted = card(name, folder=folder)
    read(wanted, folder=folder, deployment=deployment)
    return whereabouts(wanted, folder=folder)


def read(card: ModelCard, *, folder: Path | None, deployment: Deployment) -> bytes:
    """The verified bytes of a model: what was hashed is what is returned. Raises as `locate`."""
    if not card.covers(deployment):
        raise LicenceRefused(f"model {card.name}: {card.licence} does not cover a {deployment} deployment")
    path = whereabouts(card, folder=folder)
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"model {card.name}: {path.name} can't be read ({error.strerror})") from None
    if hashlib.sha256(weights).hexdigest() != card.sha256:
        raise WeightsWrong(f"model {card.name}: {path.name} does not have SHA-256 {card.sha256[:16]}...")
    return weights


def whereabouts(card: ModelCard, *, folder: Path | None) -> Path:
    """Where the file of `card` should lie; nothing is opened. Raises `WeightsMissing` without a home."""
    if card.package is None:
        if folder is None:
            raise WeightsMissing(f"model {card.name} comes from a folder, and no folder is set")
        return folder / card.file
    # find_spec doesn't import a top-level package: we want its file, not its code.
    spec = find_spec(card.package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing(f"model {card.name}: package {card.package} is not installed")
    return Path(spec.submodule_search_locations[0], card.file)
