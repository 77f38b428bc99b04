"""The reference for scans: PyAV decodes every frame and makes it bgr24, one thread, nothing else.

Run as a program so that it has what a cell has: a fresh process, and an allocator that keeps its
buffers (`swap.warden`). It times itself, so that its start is not counted.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

from bench.clips import ROOT
from bench.meter import cpu_seconds
from swap.warden import _ENVIRONMENT


@dataclass(frozen=True, slots=True)
class Decoded:
    """One pass over a clip."""

    seconds: float
    frames: int
    size: str


def decoded(path: Path) -> Decoded:
    """Decode `path` in a process of its own."""
    environment = {**os.environ, **_ENVIRONMENT}
    words = [sys.executable, "-m", "bench.decoding", str(path)]
    said = subprocess.run(words, env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
    return Decoded(**json.loads(said.stdout))


def main(path: str) -> None:
    frames, size = 0, ""

    def decode() -> None:
        nonlocal frames, size
        reformat = VideoReformatter().reformat
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type, stream.codec_context.thread_count = "NONE", 1
            for frame in container.decode(stream):
                picture = reformat(frame, format="bgr24", threads=1)
                frames += 1
            size = f"{picture.width}x{picture.height}"

    seconds = cpu_seconds(decode)
    print(json.dumps({"seconds": seconds, "frames": frames, "size": size}))


if __name__ == "__main__":
    main(sys.argv[1])
