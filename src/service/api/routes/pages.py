"""The signing page: static files, and headers that let nothing else in.

What she reads is written by the page out of the bytes whose digest she signs, on her own device. So the
page is one thing with its scripts: no library, no other origin, no inline code, no eval.
"""

from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.problem import RouteUnknown
from service.api.route import Route
from service.inviting import PAGE

FILES = {
    "sign.css": "text/css; charset=utf-8",
    "sign.js": "text/javascript; charset=utf-8",
    "passkey.js": "text/javascript; charset=utf-8",
    "words.js": "text/javascript; charset=utf-8",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=()"
    ),
}

router = APIRouter(tags=["signing"], route_class=Route)


class Page(Response):
    """HTML of ours."""

    media_type = "text/html"


@router.get(PAGE, response_class=Page)
def page(house: TheHouse) -> Page:
    """The page that a link leads to, in Chinese and English. The link's token fetches what it shows."""
    _ = house.settings.site
    return Page(_file("sign.html"), headers=HEADERS)


@router.get(PAGE + "/{name}", response_class=Response)
@may_answer(RouteUnknown)
def part(name: str) -> Response:
    """A script or style of the page."""
    if name not in FILES:
        raise RouteUnknown("no such part of the page")
    return Response(_file(name), headers=HEADERS, media_type=FILES[name])


@cache
def _file(name: str) -> bytes:
    return (Path(__file__).parents[2] / "pages" / name).read_bytes()
