"""From photo bytes to upright BGR pixels. Runs inside a cell."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Photo
from PIL import ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.MpoImagePlugin import MpoImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from swap.faults import PhotoTooLarge, PhotoUnreadable
from swap.limits import Limits
from swap.window import Window

# Pillow would import a plugin when it meets its format; behind walls it could not, so all three stand
# here. MPO, a JPEG with a depth map behind it as phones make them, comes in as JPEG: the first picture.
_PLUGINS = (JpegImageFile, PngImageFile, WebPImageFile, MpoImageFile)
_FORMATS = tuple(plugin.format for plugin in _PLUGINS[:3])


def picture(source: int, limits: Limits) -> NDArray[np.uint8]:
    """Height x width x 3, BGR, upright by its EXIF orientation. Raises `PhotoUnreadable`, `PhotoTooLarge`."""
    file: Any = Window(source)
    try:
        # We count pixels ourselves, from the header, before any is decoded.
        with warnings.catch_warnings(action="ignore"), Photo.open(file, formats=_FORMATS) as photo:
            if photo.width * photo.height > limits.max_photo_pixels:
                raise PhotoTooLarge(
                    f"{photo.width} x {photo.height}; at most {limits.max_photo_pixels} pixels"
                )
            upright = ImageOps.exif_transpose(photo).convert("RGB")
            return np.asarray(upright, np.uint8)[:, :, ::-1]
    except Photo.DecompressionBombError:
        raise PhotoTooLarge(f"more than {limits.max_photo_pixels} pixels") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise PhotoUnreadable(f"no photo in a format we open ({type(error).__name__})") from None
