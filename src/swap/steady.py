"""Landmarks over time, steadied without lag: each frame is taken together with its neighbours.

Shape and place are steadied separately. A shape is averaged with its neighbours' shapes wherever
the head has moved; the place follows a straight line through its neighbours', unless the camera
visibly left that line. So a shaken camera or a fast pan can't pull the face off its head.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from swap.landmarks import Points

REACH = 3
"""Frames looked at before and after each frame."""
# Weight of a neighbour falls off like this (standard deviation, in frames). Wider windows smear a
# blink (3 to 5 frames at 25 fps) and gain little.
_FALLOFF = 1.25
# A face is found anew within 0.1 % to 0.2 % of its size (measured on panned portraits, with noise).
# Off the line by more, it is the head that moved and the line that is wrong: with a tolerance of
# 0.8 % a curved pan was cut short by four times the tremble it was meant to hide.
_TREMBLE = 0.002


def steadied(seen: Mapping[int, Points], index: int) -> Points | None:
    """The points at frame `index`, steadied by those of the frames around it.

    A frame that was not seen itself is filled in if it was seen both before and after; otherwise None.
    """
    near = [each for each in range(index - REACH, index + REACH + 1) if each in seen]
    if not near or (index not in seen and not near[0] < index < near[-1]):
        return None
    if len(near) == 1:
        return seen[near[0]]
    away = np.array(near, np.float64) - index
    weight = np.exp(-0.5 * (away / _FALLOFF) ** 2)
    around = np.stack([seen[each] for each in near])
    line = _at_zero(away, weight, around)
    here = seen.get(index, line)
    laid = np.stack([_laid_onto(here, each) for each in around])
    shape = np.tensordot(weight / weight.sum(), laid, axes=1)
    step = _laid_onto(line, shape) - shape
    size = float(np.ptp(here[:, :2], axis=0).max())
    off = float(np.hypot(step[:, 0], step[:, 1]).mean()) / size
    return np.asarray(shape + np.exp(-0.5 * (off / _TREMBLE) ** 2) * step)


def _at_zero(away: NDArray[np.float64], weight: NDArray[np.float64], around: Points) -> Points:
    """Where the weighted least-squares line through `around`, taken at times `away`, is at time 0.

    A line, not a mean: at the end of a track, in a steady pan, a mean would lag behind.
    """
    total, first, second = weight.sum(), (weight * away).sum(), (weight * away**2).sum()
    share = weight * (second - first * away) / (total * second - first**2)
    return np.asarray(np.tensordot(share, around, axes=1))


def _laid_onto(here: Points, points: Points) -> Points:
    """`points` moved, turned and scaled (least squares over x, y) onto `here`."""
    centre, own = here.mean(axis=0), points.mean(axis=0)
    to, start = here - centre, points - own
    # In complex numbers a similarity is one multiplication, and its best fit one division.
    plane = start[:, 0] + 1j * start[:, 1]
    factor = np.vdot(plane, to[:, 0] + 1j * to[:, 1]) / np.vdot(plane, plane).real
    turned = plane * factor
    return np.asarray(np.column_stack([turned.real, turned.imag, start[:, 2] * abs(factor)]) + centre)
