"""A camera moved over a packaged portrait, in numpy alone: pictures with a face whose place is known."""

from collections.abc import Iterator, Sequence

import numpy as np

from consent.faces import Face, Image
from swap.frames import Frame


def shot(picture: Image, *, left: float, top: float, zoom: float, size: tuple[int, int]) -> Image:
    """`size` (width, height) of `picture` from (left, top) on, enlarged by `zoom`, bilinear."""
    width, height = size
    x = np.clip(left + np.arange(width) / zoom, 0, picture.shape[1] - 1.001)
    y = np.clip(top + np.arange(height) / zoom, 0, picture.shape[0] - 1.001)
    column, row = x.astype(int), y.astype(int)
    right, down = (x - column)[None, :, None], (y - row)[:, None, None]
    upper = picture[row[:, None], column] * (1 - right) + picture[row[:, None], column + 1] * right
    lower = picture[row[:, None] + 1, column] * (1 - right) + picture[row[:, None] + 1, column + 1] * right
    return np.rint(upper * (1 - down) + lower * down).astype(np.uint8)


def seen(face: Face, *, left: float, top: float, zoom: float) -> Face:
    """`face` of the picture as it stands in the shot."""
    return Face(
        (face.x - left) * zoom,
        (face.y - top) * zoom,
        face.width * zoom,
        face.height * zoom,
        face.score,
        tuple(((x - left) * zoom, (y - top) * zoom) for x, y in face.landmarks),
    )


def pan(
    picture: Image,
    face: Face,
    *,
    count: int,
    zoom: float = 1.5,
    step: float = 1.0,
    size: tuple[int, int] = (320, 360),
) -> tuple[list[Frame], dict[int, Face]]:
    """`count` frames in which the camera passes the face, `step` pixels a frame, and where the face is."""
    width, height = size
    left = face.x + face.width / 2 - width / zoom / 2 - step * count / 2
    top = face.y + face.height / 2 - height / zoom / 2
    frames, faces = [], {}
    for index in range(count):
        here = left + step * index
        image = shot(picture, left=here, top=top, zoom=zoom, size=size)
        frames.append(Frame(index, index * 512, image))
        faces[index] = seen(face, left=here, top=top, zoom=zoom)
    return frames, faces


def fed(frames: Sequence[Frame]) -> Iterator[Frame]:
    """The frames as a decoder gives them: once."""
    yield from frames
