"""docs/integrating.md is run as it stands there: real processes, real faces, every block and every answer."""

import os
import re
import socket
from pathlib import Path

import pytest

from pages import blocks, differences, run, tools

PAGE = Path(__file__).parents[2] / "docs" / "integrating.md"


@pytest.mark.timeout(600)
def test_an_integrator_who_follows_the_page_gets_what_it_shows(tmp_path: Path) -> None:
    # Given the page, on two ports that are free here
    page = PAGE.read_text()
    for name in ("CONSENT", "ENGINE"):
        page, changed = re.subn(rf"(?m)^(export {name}=http://127\.0\.0\.1:)\d+$", rf"\g<1>{_free()}", page)
        assert changed == 1
    found = blocks(page)
    log, place = tmp_path / "requests", tmp_path / "place"
    place.mkdir()
    environment = {name: value for name, value in os.environ.items() if name.startswith("CONSENTRY")}
    assert not environment, "the page sets what it needs"

    # When its blocks are run, one after the other
    paths = f"{tools(tmp_path / 'tools')}{os.pathsep}{os.environ['PATH']}"
    said = run(found, place, {"PATH": paths, "PAGE_REQUESTS": str(log)}, seconds=500)

    # Then each printed what the page shows, and nothing was refused but what the page says is
    assert [one for block, came in zip(found, said, strict=True) for one in differences(block, came)] == []
    asked = [line.split() for line in log.read_text().splitlines()]
    unhappy = [(method, status) for method, path, status in asked if status >= "400" and path != "/readyz"]
    assert unhappy == [("POST", "403"), ("GET", "410")]
    assert sum(block.kind is not None for block in found) > 15


def _free() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
