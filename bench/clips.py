"""Where the clips are: real footage that is not ours to commit."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def clip(name: str) -> Path | None:
    """A clip of the folder CONSENTRY_BENCH_CLIPS, by default beside the repository; None without it."""
    folder = Path(os.environ.get("CONSENTRY_BENCH_CLIPS") or ROOT.parent / "shared" / "data" / "clips")
    path = folder / f"{name}.mp4"
    return path if path.is_file() else None
