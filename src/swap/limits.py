"""How much an upload may ask of us. Each limit is checked on what the header claims, then on what comes."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on media; the defaults fit short templates on one machine (OWASP ASVS 5.0, 5.2)."""

    max_bytes: int = 512 << 20
    """Of an upload, and of its normalised form."""
    max_pixels: int = 3840 * 2160
    """Of a frame. An 8192 x 8192 file of 200 kB takes 700 MB for four frames."""
    max_side: int = 4096
    max_seconds: int = 600
    max_frames: int = 36_000
    max_fps: int = 120
    max_streams: int = 8
    """In the container. One video and one audio track are used, the others dropped."""
    max_photo_bytes: int = 24 << 20
    max_photo_pixels: int = 50_000_000
    max_faces: int = 100
    """Faces kept of one frame; a frame with more is not scanned but refused."""
    max_tracks: int = 2_000
    memory_bytes: int = 1 << 30
    """Address space a cell may take beyond its own program and the shared frames."""
    cpu_seconds: int = 1_800
    """A cell's whole CPU time: 36,000 frames at 50 ms."""
    patience_seconds: float = 30.0
    """How long a cell may stay silent while we wait for it."""

    def to_json(self) -> dict[str, int | float]:
        """As handed to a cell."""
        return asdict(self)
