"""What one rendered frame may differ in from its original: pixels of a fair mask over permitted faces."""

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from consent.faces import Face, Image
from swap.engine import Mask, Rendered
from swap.frames import Frame
from swap.misconduct import EngineStrayed
from swap.warp import Area

# A detector's box ends at brows and chin; a soft edge, ears and hair need room around it.
_MARGIN = 0.35
# The enlarged box has 2.9 times the area of the box, a face is an oval inside the box. A mask over
# more than half of the enlarged box is a picture laid over the performer and whoever is beside her.
_MOST = 0.5
_ENLARGED = (1 + 2 * _MARGIN) ** 2
_LOOKED_AT = np.uint8(255)


def reach(face: Face, shape: tuple[int, ...]) -> Area:
    """Where the swap of this face may change a picture of `shape`: its box, enlarged, cut at the edge."""
    across, down = _MARGIN * face.width, _MARGIN * face.height
    left, right = _cut(face.x - across, face.x + face.width + across, shape[1])
    top, bottom = _cut(face.y - down, face.y + face.height + down, shape[0])
    return Area(left, top, right - left, bottom - top)


def check(original: Frame, rendered: Rendered, faces: Sequence[Face]) -> Rendered:
    """A copy of `rendered`, once it is known to differ from `original` only in a fair mask over `faces`.

    A copy made before looking, because the engine may have kept the arrays it gave. Raises
    `EngineStrayed`.
    """
    index, before = original.index, original.image
    if (rendered.index, rendered.pts) != (index, original.pts):
        raise EngineStrayed(f"frame {index} came back as frame {rendered.index} or at another time")
    if not _fits(rendered.image, before.shape):
        raise EngineStrayed(f"frame {index} came back in another size or type")
    after = rendered.image.copy()
    if rendered.mask is None:
        if _differ(before, after):
            raise EngineStrayed(f"frame {index} was changed without a mask")
        return replace(rendered, image=after)
    if not _fits(rendered.mask, before.shape[:2]):
        raise EngineStrayed(f"frame {index} has a mask of another size or type")
    mask = rendered.mask.copy()
    _check_pixels(index, before, after, mask, [reach(face, before.shape) for face in faces])
    masked = int(np.count_nonzero(mask))
    if masked > _MOST * _ENLARGED * sum(face.width * face.height for face in faces) or masked == mask.size:
        raise EngineStrayed(f"frame {index} has a mask over more than faces")
    return replace(rendered, image=after, mask=mask)


def _check_pixels(index: int, before: Image, after: Image, mask: Mask, areas: Sequence[Area]) -> None:
    beyond, outside = mask.copy(), np.full(mask.shape, _LOOKED_AT, dtype=np.uint8)
    for area in areas:
        here = area.slices
        beyond[here] = 0
        # Areas may overlap, and each writes the same there: what stands in the mask.
        outside[here] = np.where(mask[here], 0, _LOOKED_AT)
    if beyond.any():
        raise EngineStrayed(f"frame {index} has a mask where no permitted face is")
    if _differ(before, after, outside):
        raise EngineStrayed(f"frame {index} was changed outside its mask")


def _differ(before: Image, after: Image, looked_at: Mask | None = None) -> bool:
    # The largest difference in any channel, an integer, exact; a tenth of a millisecond on 1280x720
    # where comparing and copying blocks in numpy takes two.
    return cv2.norm(before, after, cv2.NORM_INF, looked_at) > 0


def _fits(given: object, shape: tuple[int, ...]) -> bool:
    return isinstance(given, np.ndarray) and given.shape == shape and given.dtype == np.uint8


def _cut(low: float, high: float, most: int) -> tuple[int, int]:
    start = min(max(math.floor(low), 0), most)
    return start, min(max(math.ceil(high), start), most)
