"""A series as an SVG, made from the results like the table: one line, a logarithmic x, y from zero. Pure."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 40, 36, 44


def svg(result: Mapping[str, Any]) -> str:
    """The series of one row of `results.json`: `[[x, y], ...]`, x positive, ascending, named by `across`."""
    points: Sequence[Sequence[float]] = result["series"]
    begin, end = floor(log10(points[0][0])), ceil(log10(points[-1][0]))
    top = _round_up(max(y for _, y in points))

    def across(x: float) -> float:
        return _LEFT + (log10(x) - begin) / (end - begin) * (_WIDTH - _LEFT - _RIGHT)

    def up(y: float) -> float:
        return _HEIGHT - _BOTTOM - y / top * (_HEIGHT - _TOP - _BOTTOM)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(result['what'])}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="20">{escape(result["what"])}, {escape(result["unit"])}</text>',
    ]
    for step in range(5):
        y = top * step / 4
        lines.append(
            f'<path d="M{_LEFT} {up(y):.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
        )
    lines += [
        f'<text x="{across(10**power):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">'
        f"{10**power:,}</text>"
        for power in range(begin, end + 1)
    ]
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
    lines += [
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">'
        f"{escape(result['across'])}</text>",
        f'<polyline points="{path}" fill="none" stroke="#1a5fb4" stroke-width="2"/>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _round_up(value: float) -> float:
    """To one digit, so that quarters of it are short: 23 becomes 40, 37 too."""
    size = 10 ** int(log10(value))
    return float(next(size * factor for factor in (1, 2, 4, 8, 20) if size * factor >= value))
