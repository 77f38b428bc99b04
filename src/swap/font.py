"""The door to the one font we draw with: Noto Sans CJK Bold (OFL 1.1), from an installed package."""

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from audit.errors import Unready

_PACKAGE, _FILE = "noto_cjk_sans_jp_bold", "NotoSansCJKjp-Bold.otf"
# A noncharacter (Unicode 23.7): no font may have it, so it draws as the empty box that means "no glyph".
_NO_GLYPH = "\U0010ffff"


class FontLacksGlyph(Unready):
    """The installed font has no glyph for a character: it would be drawn as an empty box."""

    code = "FONT_LACKS_GLYPH"
    zh = "已安装的字体缺少所需字形。"
    hint = "Reinstall the package noto-cjk-sans-jp-bold as the lock file names it."
    hint_zh = "请按锁定文件重新安装 noto-cjk-sans-jp-bold。"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as it will stand in the picture."""

    coverage: NDArray[np.uint8]
    """Height x width; 255 where ink covers a pixel whole. No empty rows above or below."""
    ideographs: tuple[tuple[int, int], ...]
    """Columns `[from, to)` of each CJK ideograph: what the 5 % rule is measured on."""


class Typeface:
    """The font at one size in pixels to the em."""

    def __init__(self, size: int) -> None:
        self.size = size

    @cached_property
    def _font(self) -> ImageFont.FreeTypeFont:
        with as_file(files(_PACKAGE) / _FILE) as path:
            # The basic layout: the other depends on a library that may or may not be there.
            return ImageFont.truetype(str(path), self.size, layout_engine=ImageFont.Layout.BASIC)

    def check(self, text: str) -> None:
        """Raise `FontLacksGlyph` unless every character is drawn as itself."""
        missing = self._ink(_NO_GLYPH)
        for character in set(text) - {" "}:
            ink = self._ink(character)
            if ink.shape == missing.shape and np.array_equal(ink, missing):
                raise FontLacksGlyph(f"no glyph for U+{ord(character):04X}")

    def line(self, text: str) -> Line:
        """Set a line. Characters are drawn one by one, so that the columns of each are known."""
        edges = [0]
        for character in text:
            edges.append(edges[-1] + round(self._font.getlength(character)))
        ascent, descent = self._font.getmetrics()
        canvas = Image.new("L", (edges[-1], ascent + descent))
        pen = ImageDraw.Draw(canvas)
        for character, left in zip(text, edges, strict=False):
            pen.text((left, 0), character, font=self._font, fill=255)
        coverage = np.asarray(canvas)
        rows = np.flatnonzero(coverage.max(axis=1))
        spans = zip(text, edges, edges[1:], strict=False)
        return Line(
            coverage[rows[0] : rows[-1] + 1],
            tuple((left, right) for character, left, right in spans if is_ideograph(character)),
        )

    def ink_height(self, text: str) -> int:
        """Rows of ink of the lowest ideograph in the text, counting pixels at least half covered."""
        heights = []
        for character in filter(is_ideograph, text):
            rows = np.flatnonzero((self._ink(character) >= 128).any(axis=1))
            heights.append(int(rows[-1] - rows[0] + 1) if rows.size else 0)
        return min(heights)

    def _ink(self, character: str) -> NDArray[np.uint8]:
        mask = self._font.getmask(character)
        width, height = mask.size
        return np.array(mask, dtype=np.uint8).reshape(height, width)


def is_ideograph(character: str) -> bool:
    """Whether a character is a CJK unified ideograph of the basic block."""
    return "\u4e00" <= character <= "\u9fff"
