"""Three real faces that packages ship: public-domain portraits, so that nobody's consent is missing.

Astronaut: NASA, public domain (scikit-image). Camera: CC0 by its photographer (scikit-image).
Hopper: US Navy, public domain (matplotlib).
"""

from importlib.util import find_spec
from pathlib import Path

import cv2

from audit.errors import Unready
from consent.faces import Image

_FILES = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "camera": ("skimage", "data/camera.png"),
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}


class PortraitsMissing(Unready):
    """The packages that ship the demo's portraits are not installed."""

    code = "DEMO_PORTRAITS_MISSING"
    zh = "未安装演示所需的肖像数据包。"
    hint = "Install the extra: pip install 'consentry[demo]'."
    hint_zh = "请安装附加组件：pip install 'consentry[demo]'。"


def path(name: str) -> Path:
    """Where a portrait lies on disk. Raises `PortraitsMissing`."""
    package, inside = _FILES[name]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise PortraitsMissing(f"package {package} is not installed")
    file = Path(spec.origin).parent / inside
    if not file.is_file():
        raise PortraitsMissing(f"package {package} does not carry {inside}")
    return file


def portrait(name: str) -> Image:
    """A portrait's pixels, BGR."""
    image = cv2.imread(str(path(name)), cv2.IMREAD_COLOR)
    if image is None:
        raise PortraitsMissing(f"the portrait {name} can't be read")
    return image.astype("uint8", copy=False)
