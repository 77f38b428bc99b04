"""Photos are read behind walls, upright, and refused by name."""

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image as Photo

import clips
from audit.errors import ConsentryError
from direct import Direct
from portraits import portrait
from swap.limits import Limits
from swap.photos import SandboxedPhotos
from swap.sandbox import Sandbox


@pytest.fixture(scope="module", params=["behind walls", "here"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The same answers, whether a cell gives them or the functions it calls."""
    if request.param == "here":
        yield cast(Sandbox, Direct())
    else:
        with Sandbox(Limits()) as walled:
            yield walled


def saved(kind: str, picture: Any = None, **options: Any) -> bytes:
    rgb = portrait("astronaut")[:64, :96, ::-1] if picture is None else picture
    data = io.BytesIO()
    Photo.fromarray(np.ascontiguousarray(rgb)).save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 98}), ("PNG", {}), ("WEBP", {"lossless": True})]
)
def test_a_photo_comes_out_as_bgr_pixels(kind: str, options: dict[str, Any], sandbox: Sandbox) -> None:
    image = SandboxedPhotos(sandbox).read(saved(kind, **options))

    expected = portrait("astronaut")[:64, :96]
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_made_upright(orientation: int, sandbox: Sandbox) -> None:
    upright = portrait("astronaut")[:64, :96]
    # What a camera held that way would have stored (CIPA DC-008, 4.6.4 A, tag 0x0112).
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 3),
    }[orientation](upright)
    exif = Photo.Exif()
    exif[0x0112] = orientation

    image = sandbox.photo(saved("PNG", stored[:, :, ::-1], exif=exif))

    assert (image == upright).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16"])
def test_other_colours_become_bgr(mode: str, sandbox: Sandbox) -> None:
    data = io.BytesIO()
    grey = Photo.new("L", (20, 10), 128)
    photo = Photo.new("I;16", (20, 10), 30_000) if mode == "I;16" else grey.convert(mode)
    photo.save(data, "JPEG" if mode == "CMYK" else "PNG")

    assert sandbox.photo(data.getvalue()).shape == (10, 20, 3)


def _png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    pixels = zlib.compress(bytes(1 << 20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _gif() -> bytes:
    return saved("GIF")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "PHOTO_UNREADABLE"),
        (b"no photo", "PHOTO_UNREADABLE"),
        (saved("JPEG")[:400], "PHOTO_UNREADABLE"),
        (saved("PNG")[:-60], "PHOTO_UNREADABLE"),
        (_gif(), "PHOTO_UNREADABLE"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
            "PHOTO_UNREADABLE",
        ),
        (_png_that_claims(30_000, 30_000), "PHOTO_TOO_LARGE"),
        (_png_that_claims(8_000, 6_000), "PHOTO_UNREADABLE"),
        (bytes(Limits().max_photo_bytes + 1), "PHOTO_TOO_LARGE"),
    ],
    ids=["empty", "text", "cut jpeg", "cut png", "gif", "svg", "bomb", "hollow", "heavy"],
)
def test_what_is_no_photo_is_refused(data: bytes, code: str, sandbox: Sandbox) -> None:
    with pytest.raises(ConsentryError) as caught:
        sandbox.photo(data)
    assert caught.value.code == code


def test_a_photo_with_a_depth_map_behind_it_is_its_first_picture(sandbox: Sandbox) -> None:
    data = io.BytesIO()
    first, depth = Photo.new("RGB", (32, 16), (200, 0, 0)), Photo.new("RGB", (32, 16), (0, 0, 200))
    first.save(data, "MPO", save_all=True, append_images=[depth])

    assert sandbox.photo(data.getvalue())[8, 16].tolist() == pytest.approx([0, 0, 200], abs=6)


def test_a_video_is_no_photo(tmp_path: Path, sandbox: Sandbox) -> None:
    video = clips.write(tmp_path / "a.mp4", clips.gradients(3)).read_bytes()

    with pytest.raises(ConsentryError) as caught:
        sandbox.photo(video)
    assert caught.value.code == "PHOTO_UNREADABLE"
