"""A real browser for tests of pages."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright


def chromium() -> str:
    """Where Chromium is. In CI it has to be there; elsewhere its absence is said, not passed over."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI") or os.environ.get("BROWSER_TESTS"):
            pytest.fail("no Chromium here: CI has to install it (.ci/run)")
        pytest.skip("no Chromium here: nothing was looked at in a browser (apt-get install chromium)")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    where = chromium()
    with sync_playwright() as playwright:
        # As root Chromium has no sandbox to give; what it loads is our own page.
        launched = playwright.chromium.launch(
            executable_path=where, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()
