"""What docs/http.md shows is run as it stands there."""

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from api.conftest import Opened
from callers import Outside
from consent.shape import to_json
from incoming import the_cast, the_source
from portraits import PEOPLE, packaged
from service.shapes.templates import CastMember, Source
from service.shapes.use import Use
from service.worker import working
from worlds import USE, small_clip

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
pytestmark = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


def run(there: Outside, number: int, **known: object) -> str:
    """Run one of the page's blocks, against this service: what it prints."""
    block = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)[number]
    assert "http://127.0.0.1:8000" in block
    said = block.replace("http://127.0.0.1:8000", str(there.client.base_url))
    # Not `capsys`: DBOS keeps the stderr of its first start, and the next start would find it closed.
    with redirect_stdout(StringIO()) as printed:
        exec(said, {"token": there.operator.token, **known})  # noqa: S102  (our own page)
    return printed.getvalue()


@contextmanager
def at_work(there: Outside) -> Iterator[None]:
    """A worker, in a thread of its own."""
    stop = threading.Event()

    def work() -> None:
        with working(there.world.record, there.world.studio) as worker:
            worker.run_until(stop.is_set)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_the_first_python_of_the_page_runs(outside: Opened) -> None:
    there = outside("founded")

    assert run(there, 0) == "[]\n"
    assert there.world.rows("person") == 1


@pytest.mark.parametrize("territory", ["CN", "US"])
def test_the_way_of_a_video_that_the_page_shows_ends_in_a_file_or_in_reasons(
    territory: str, outside: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given what the page says is there
    there = outside("consented")
    clip = small_clip()
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip.path, "clip.mp4")
    shutil.copy(packaged(*PEOPLE["hopper"]), "donor.jpg")
    use = Use.model_validate(to_json(USE)).model_copy(update={"territories": (territory,)})

    # When it is run while a worker is there
    with at_work(there):
        told = run(
            there,
            1,
            source=Source.model_validate(the_source()),
            cast=[CastMember.model_validate(one) for one in the_cast(there.world)],
            donor=there.world.people["hopper"],
            sha256=clip.digest,
            use=use,
        )

    # Then what was agreed to is here, and what was not is told
    if territory == "CN":
        assert told.endswith(f"{clip.frames} of {clip.frames}\n")
        assert Path("output.mp4").stat().st_size > 0
        assert Path("output.receipt").read_bytes().startswith(b"{")
    else:
        assert "G-" in told
        assert not Path("output.mp4").exists()
