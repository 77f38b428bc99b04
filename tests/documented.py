"""Holds what is answered against the OpenAPI document: a test that meets an undocumented code fails."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from audit.errors import Diverged
from service.api.problem import MEDIA_TYPE


def expecting(document: dict[str, Any]) -> Callable[[httpx.Response], None]:
    """A hook for a client. It fails for a problem whose status and code its operation does not name."""
    paths = [
        (re.compile(re.sub(r"\{\w+\}", "[^/]*", path.replace("{path}", ".*"))), operations)
        for path, operations in document["paths"].items()
    ]

    def check(response: httpx.Response) -> None:
        method, path = response.request.method.lower(), response.request.url.path
        asked = [each[method] for pattern, each in paths if pattern.fullmatch(path) and method in each]
        # A HEAD has no body to say a code in.
        if method == "head" or not asked or response.headers.get("content-type") != MEDIA_TYPE:
            return
        response.read()
        status, code = response.status_code, response.json()["code"]
        named = asked[0]["responses"].get(str(status), {}).get("x-codes", [])
        # Of the deployment and of stored data, not of the operation: any may answer so.
        everywhere = status >= 500 or code in set(_codes(Diverged))
        assert everywhere or code in named, (
            f"{asked[0]['operationId']} answered {status} {code}, and is not said to"
        )

    return check


def _codes(kind: type[Any]) -> Iterator[str]:
    for one in kind.__subclasses__():
        yield one.code
        yield from _codes(one)
