"""The reference of the HTTP interface: every operation, its own errors, every shape."""

import re
from pathlib import Path

from service import catalogue
from service.api import reference
from service.api.app import surface
from service.api.document import HELD, KEY, NO
from service.api.instead import instead
from service.api.walk import routes

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_reference_page_is_the_one_of_the_code() -> None:
    written = PAGE.read_text()

    # If this fails after a change that was meant: python -m service.api.reference > docs/api.md
    assert reference.markdown() == written


def test_every_operation_stands_in_it_once_with_the_errors_that_are_its_own() -> None:
    page = reference.markdown()
    blocks = dict(block.split("\n", 1) for block in page.partition("## Shapes")[0].split("\n### ")[1:])

    for route in routes(surface()):
        for method in route.methods or ():
            block = blocks.pop(f"{method} {route.path_format}")
            for error in instead(route).errors:
                assert f"`{error.code}`" in block or issubclass(error, KEY), (route.path, error)
    assert blocks == {}


def test_every_code_of_the_document_is_one_of_the_catalogue() -> None:
    known = {error.code for error in catalogue.errors()} | {NO, HELD}

    document = surface().openapi()
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                assert set(answer.get("x-codes", ())) <= known


def test_every_link_of_the_page_leads_somewhere() -> None:
    page = reference.markdown()

    titles = {title.lower() for title in re.findall(r"^### (\w+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#(\w+)\)", page)) == titles
