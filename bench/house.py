"""A demo house of our own to measure in: founded in a temporary folder, gone afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from consent.alignment import align
from consent.faces import Embeddings
from service import founding
from service.demo.portraits import portrait
from service.settings import load
from service.studio import Studio, open_studio
from service.wiring import Record, open_record


@dataclass(frozen=True, slots=True)
class House:
    """Record and studio as the demo has them, on SQLite."""

    folder: Path
    record: Record
    studio: Studio


@contextmanager
def house() -> Iterator[House]:
    """Found it, open it, close it."""
    with temporary() as folder:
        founding.write_settings(
            folder / "data", {"mode": "demo", "deployment": "demo", "origin": "consentry.invalid/bench"}
        )
        settings = load(folder / "data")
        founding.found(settings, now=datetime.now(UTC), entropy=os.urandom)
        record = open_record(settings)
        try:
            studio = open_studio(record)
            try:
                yield House(folder, record, studio)
            finally:
                studio.close()
        finally:
            record.close()


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder on the disk that the bench runs on. CONSENTRY_BENCH_DIR names another place."""
    with TemporaryDirectory(prefix="consentry-bench-", dir=os.environ.get("CONSENTRY_BENCH_DIR")) as name:
        yield Path(name)


def cast_of_two(studio: Studio) -> dict[str, Embeddings]:
    """References of two people, to compare tracks with."""
    embedder = studio.admission.recogniser.embedder
    detect = partial(studio.admission.detector.detect, side=640)
    references = {}
    for name in ("astronaut", "camera"):
        image = portrait(name)
        crop = align(image, detect(image)[0])
        if crop is None:
            raise RuntimeError(f"no face on the portrait {name}")
        references[name] = np.asarray(embedder.embed([crop]))
    return references
