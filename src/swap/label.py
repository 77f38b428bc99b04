"""The visible label, burnt into every frame (GB 45438-2025, 5.4; Labelling Measures art. 4(4)).

The rule is 5 % of the shorter side. Whether it means the em box or the ink is not settled, so ours
holds for the stricter reading: the ink of the lowest CJK ideograph, drawn at 6 %. White on a dark
plate, so that it can be read over anything. Drawn for the whole clip: it survives trimming.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from audit.errors import BadInput
from consent.faces import Image
from swap.font import Line, Typeface
from swap.wording import check_wording

LEAST = 0.05
"""Ink height over the shorter side: the law's bound."""
DRAWN = 0.06
"""What we draw, so that the encoder may soften an edge."""
LEGIBLE = 12
"""Pixels of ink below which an ideograph of nine strokes turns into a smudge (looked at after H.264)."""
_SMALLEST = 10
CONTRAST = 4.5
"""Luminance ratio of ink to plate (WCAG 2.2, 1.4.3)."""
CORRELATION = 0.9
"""Of a frame with the drawn text: decoded ones stay above 0.94, AI生成 for AI合成 below 0.82 (measured)."""

_PLATE = 0.78  # how much of the picture the plate covers: over pure white it leaves 56 of 255
_BRIGHT = 160  # half-way between plate and ink


class LabelDoesNotFit(BadInput):
    """The picture is too small or too narrow for a label that could be read."""

    code = "LABEL_DOES_NOT_FIT"
    zh = "画面过小，无法放置符合规定的显式标识。"
    hint = "Use a picture of at least 64 by 64 pixels."
    hint_zh = "请使用至少 64×64 像素的画面。"


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be seen of a label in one frame."""

    ink: float
    """Height of the lowest ideograph over the shorter side of the picture, from bright pixels."""
    contrast: float
    """Luminance of the ink over that of the plate where it is brightest."""
    correlation: float
    """With the text that was drawn, -1 to 1."""

    @property
    def present(self) -> bool:
        """Whether the label is there, legible and large enough."""
        return self.ink >= LEAST and self.contrast >= CONTRAST and self.correlation >= CORRELATION


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A label made for one picture size; `make_label` makes it once a clip."""

    text: str
    width: int
    height: int
    box: tuple[int, int, int, int]
    """Left, top, width, height of the plate in pixels."""
    ideographs: tuple[tuple[int, int, int, int], ...]
    """Left, top, right, bottom of each ideograph's cell inside the plate."""
    coverage: NDArray[np.uint8]
    """The text inside the plate; 255 is ink."""
    _keep: NDArray[np.uint16]
    _add: NDArray[np.uint16]

    def draw(self, image: Image) -> None:
        """Burn the label into a BGR picture of `height` x `width`, in place."""
        region = self._region(image)
        region[...] = ((region * self._keep) >> 8) + self._add

    def present(self, image: Image) -> bool:
        """Whether a picture of the right size carries this label."""
        return image.shape == (self.height, self.width, 3) and self.read(image).present

    def read(self, image: Image) -> Reading:
        """Measure the label in a (decoded) picture. Looks at pixels only, not at what was drawn when."""
        region = self._region(image)
        luma = np.asarray(cv2.cvtColor(np.ascontiguousarray(region), cv2.COLOR_BGR2GRAY), np.uint8)
        return Reading(
            ink=min(_ink_height(luma[top:bottom, left:right]) for left, top, right, bottom in self.ideographs)
            / min(self.width, self.height),
            contrast=self._contrast(region),
            correlation=_correlation(luma, self.coverage),
        )

    def _region(self, image: Image) -> Image:
        if image.shape != (self.height, self.width, 3) or image.dtype != np.uint8:
            raise LabelDoesNotFit(f"a label for {self.width}x{self.height}, a picture of another shape")
        left, top, width, height = self.box
        return image[top : top + height, left : left + width]

    def _contrast(self, region: Image) -> float:
        luminance = _luminance(region)
        away = cv2.dilate(self.coverage, np.ones((5, 5), np.uint8)) == 0
        ink, plate = luminance[self.coverage >= 230], luminance[away]
        return float((ink.mean() + 0.05) / (np.percentile(plate, 95) + 0.05))


def make_label(text: str, width: int, height: int) -> Label:
    """Set `text` for pictures of `width` x `height`, at the bottom right.

    Wraps between words before it shrinks, and never shrinks below `LEAST`. Raises `LabelWording`,
    `LabelDoesNotFit`, `FontLacksGlyph`.
    """
    check_wording(text)
    shorter = min(width, height)
    margin = max(2, shorter // 50)
    for ink in range(max(ceil(DRAWN * shorter), LEGIBLE), max(ceil(LEAST * shorter), _SMALLEST) - 1, -1):
        face = _face(text, ink)
        face.check(text)
        for lines in _wrappings(text):
            coverage, cells = _set([face.line(line) for line in lines], padding=max(3, ink // 3))
            plate_height, plate_width = coverage.shape
            if plate_width + 2 * margin <= width and plate_height + 2 * margin <= height:
                # Even places and sizes: a plate edge inside a 4:2:0 chroma sample would bleed.
                left = (width - margin - plate_width) & ~1
                top = (height - margin - plate_height) & ~1
                return _label(text, width, height, (left, top), coverage, cells)
    raise LabelDoesNotFit(f"no room for a legible label in {width}x{height}")


def _label(
    text: str,
    width: int,
    height: int,
    corner: tuple[int, int],
    coverage: NDArray[np.uint8],
    cells: tuple[tuple[int, int, int, int], ...],
) -> Label:
    opacity = coverage.astype(np.float64) / 255
    keep = np.floor(256 * (1 - _PLATE) * (1 - opacity)).astype(np.uint16)
    add = np.rint(255 * opacity).astype(np.uint16)
    box = (*corner, coverage.shape[1], coverage.shape[0])
    return Label(text, width, height, box, cells, coverage, keep[..., None], add[..., None])


def _face(text: str, ink: int) -> Typeface:
    """The smallest size whose lowest ideograph has at least `ink` rows."""
    size = ink
    while (face := Typeface(size)).ink_height(text) < ink:
        size += 1
    return face


def _wrappings(text: str) -> Iterator[Sequence[str]]:
    """Every way to break the text between words, fewest lines first, then the most even."""
    words = text.split()
    for breaks in range(len(words)):
        ways = [
            [" ".join(words[a:b]) for a, b in pairwise((0, *cuts, len(words)))]
            for cuts in combinations(range(1, len(words)), breaks)
        ]
        yield from sorted(ways, key=lambda lines: max(map(len, lines)))


def _set(
    lines: Sequence[Line], *, padding: int
) -> tuple[NDArray[np.uint8], tuple[tuple[int, int, int, int], ...]]:
    """Lines below each other on a plate of even size, and the cells of their ideographs."""
    gap = padding // 2
    heights = [line.coverage.shape[0] for line in lines]
    width = max(line.coverage.shape[1] for line in lines) + 2 * padding
    height = sum(heights) + gap * (len(lines) - 1) + 2 * padding
    plate = np.zeros((height + height % 2, width + width % 2), np.uint8)
    cells: list[tuple[int, int, int, int]] = []
    top = padding
    for line, line_height in zip(lines, heights, strict=True):
        bottom = top + line_height
        plate[top:bottom, padding : padding + line.coverage.shape[1]] = line.coverage
        cells += [(padding + left, top, padding + right, bottom) for left, right in line.ideographs]
        top = bottom + gap
    return plate, tuple(cells)


def _ink_height(luma: NDArray[np.uint8]) -> int:
    rows = np.flatnonzero((luma > _BRIGHT).any(axis=1))
    return int(rows[-1] - rows[0] + 1) if rows.size else 0


def _correlation(luma: NDArray[np.uint8], coverage: NDArray[np.uint8]) -> float:
    seen, drawn = luma - luma.mean(), coverage - coverage.mean()
    norm = float(np.sqrt((seen**2).sum() * (drawn**2).sum()))
    return float((seen * drawn).sum() / norm) if norm else 0.0


def _luminance(region: Image) -> NDArray[np.float64]:
    """Relative luminance as WCAG 2.2 defines it, 0 to 1."""
    value = region.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    luminance: NDArray[np.float64] = linear @ np.array([0.0722, 0.7152, 0.2126])
    return luminance
