"""Photos behind walls: `consent.photo.PhotoReader`, kept by the sandbox."""

from consent.faces import Image
from swap.sandbox import Sandbox


class SandboxedPhotos:
    """Reads one photo in a fresh cell. Raises `PhotoUnreadable`, `PhotoTooLarge` or a decoder's fault."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def read(self, photo: bytes) -> Image:
        """Upright BGR pixels of JPEG, PNG or WebP bytes."""
        return self._sandbox.photo(photo)
