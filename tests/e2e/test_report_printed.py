"""The printed report in a real browser: it prints on A4, and fetches nothing."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from shell import Shell, enrolled


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shell = Shell(tmp_path_factory.mktemp("report"))
    shell("init", "--mode", "demo", "--origin", "log.example/report")
    for name in ("one", "two"):
        enrolled(shell, name)
    shell("report", "processing", "--to", shell.folder / "report", "--by", "<b>auditor</b>")
    return shell.folder / "report"


@pytest.mark.parametrize(
    ("language", "title"),
    [("en", "Record of processing of personal information"), ("zh-CN", "个人信息处理情况记录")],
)
def test_a_report_is_printed_as_it_lies_there(
    language: str, title: str, browser: Browser, reported: Path, tmp_path: Path
) -> None:
    page, asked, faults = browser.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: faults.append(message.text))

    page.goto((reported / f"report.{language}.html").as_uri())
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)

    # Nothing but itself is fetched, and its own policy has nothing against its style.
    assert asked == [(reported / f"report.{language}.html").as_uri()]
    assert faults == []
    assert page.locator("h1").inner_text() == title
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h2").count() == 7
    assert "<b>auditor</b>" in page.locator("table").first.inner_text()
    assert page.evaluate("getComputedStyle(document.querySelector('.none')).color") == "rgb(138, 82, 0)"
    # It is not wider than its page.
    page.set_viewport_size({"width": 794, "height": 1123})
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    page.close()
