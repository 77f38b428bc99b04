"""What is known of a model file: what it is for, where it comes from, what its licence covers.

Cards are data. The ones shipped with us stand in `models.toml`; an operator writes the same tables
into `models.toml` of a folder of his own. Nothing here opens a model.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from consent.eye_errors import CardWrong

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9.+:-]*"
_LICENCE = re.compile(rf"{_IDENTIFIER}(?: (?:AND|OR|WITH) {_IDENTIFIER})*")
_NON_COMMERCIAL = re.compile(r"(?:^|[-. ])(?:NC|non-?commercial)(?:$|[-. ])", re.IGNORECASE)


class ModelRole(StrEnum):
    """What a model does for us."""

    DETECTOR = "detector"
    EMBEDDER = "embedder"
    LANDMARKS = "landmarks"
    ENGINE = "engine"


class Deployment(StrEnum):
    """What the service is run for. A licence has to cover it."""

    COMMERCIAL = "commercial"
    RESEARCH = "research"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a 0..255 RGB pixel becomes an input: `(pixel - mean) / std`. Never guessed from the graph."""

    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model file, pinned."""

    KEYS: ClassVar[frozenset[str]] = frozenset(
        {
            "name",
            "role",
            "file",
            "sha256",
            "licence",
            "commercial",
            "package",
            "folded_sha256",
            "preprocessing",
        }
    )

    name: str
    role: ModelRole
    file: str
    """File name; for a packaged model the path inside the package, with slashes."""
    sha256: str
    licence: str
    """SPDX expression, or a `LicenseRef-` of the operator's."""
    commercial: bool
    """Whether that licence allows commercial use."""
    package: str | None = None
    """The installed package that ships the file; None: it lies in the operator's folder."""
    folded_sha256: str | None = None
    """Digest of the file after folding (`consent.folding`); None: used as it is."""
    preprocessing: Preprocessing | None = None

    def covers(self, deployment: Deployment) -> bool:
        """Whether the licence covers `deployment`.

        Non-commercial weights are licensed for research; showing a product is no research, so a
        demo is not covered either.
        """
        return self.commercial or deployment is Deployment.RESEARCH


def parse(text: str, *, packaged: bool) -> tuple[ModelCard, ...]:
    """The cards of one manifest. `packaged` cards name a package; an operator's may not.

    Raises `CardWrong`. Unknown keys are refused: a misspelt `commercial` must not pass as a default.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CardWrong(f"the model manifest is no TOML: {error}") from None
    tables = document.get("model")
    if set(document) != {"model"} or not isinstance(tables, list) or not tables:
        raise CardWrong("a model manifest holds [[model]] tables, at least one, and nothing else")
    cards = tuple(_card(table, number, packaged=packaged) for number, table in enumerate(tables, 1))
    if len({card.name for card in cards}) != len(cards):
        raise CardWrong("two models of one manifest have the same name")
    return cards


def _card(table: Mapping[str, Any], number: int, *, packaged: bool) -> ModelCard:
    unknown = sorted(set(table) - ModelCard.KEYS)
    if unknown:
        raise CardWrong(f"model {number} has unknown keys: {', '.join(unknown)}")
    if packaged != ("package" in table):
        raise CardWrong(f"model {number}: a model of a folder names no package")
    file = _text(table, "file", number)
    if not all(_FILE.fullmatch(part) for part in (file.split("/") if packaged else [file])):
        # A manifest is data from outside: it must not reach out of its own folder.
        raise CardWrong(f"model {number}: file must be a plain file name inside the folder")
    commercial = table.get("commercial")
    if not isinstance(commercial, bool):
        raise CardWrong(f"model {number}: commercial must be true or false")
    licence = _matching(table, "licence", _LICENCE, number)
    if commercial and _NON_COMMERCIAL.search(licence):
        raise CardWrong(f"model {number}: licence {licence} does not allow commercial use")
    try:
        role = ModelRole(_text(table, "role", number))
    except ValueError:
        raise CardWrong(f"model {number}: role must be one of {', '.join(ModelRole)}") from None
    if role is ModelRole.EMBEDDER and "preprocessing" not in table:
        # Guessed preprocessing once made every stranger match every other one.
        raise CardWrong(f"model {number}: an embedder states its preprocessing")
    return ModelCard(
        name=_matching(table, "name", _NAME, number),
        role=role,
        file=file,
        sha256=_matching(table, "sha256", _DIGEST, number),
        licence=licence,
        commercial=commercial,
        package=_matching(table, "package", _NAME, number) if packaged else None,
        folded_sha256=_matching(table, "folded_sha256", _DIGEST, number)
        if "folded_sha256" in table
        else None,
        preprocessing=_preprocessing(table["preprocessing"], number) if "preprocessing" in table else None,
    )


def _preprocessing(table: object, number: int) -> Preprocessing:
    numbers = dict(table) if isinstance(table, Mapping) else {}
    if set(numbers) != {"mean", "std"} or any(type(value) not in {int, float} for value in numbers.values()):
        raise CardWrong(f"model {number}: preprocessing is {{ mean = number, std = number }}")
    mean, std = float(numbers["mean"]), float(numbers["std"])
    if not (0 <= mean <= 255 and 0 < std <= 255):
        raise CardWrong(f"model {number}: mean must be in 0..255 and std above 0, up to 255")
    return Preprocessing(mean, std)


def _text(table: Mapping[str, Any], key: str, number: int) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise CardWrong(f"model {number}: {key} is missing or no text")
    return value


def _matching(table: Mapping[str, Any], key: str, pattern: re.Pattern[str], number: int) -> str:
    value = _text(table, key, number)
    if not pattern.fullmatch(value):
        raise CardWrong(f"model {number}: {key} is not well-formed")
    return value
