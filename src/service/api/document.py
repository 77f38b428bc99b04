"""What `GET /openapi.json` says beyond what FastAPI sees by itself: in plain words what each operation does, who
may call it, what it answers instead, and that a POST is done once.
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from audit.errors import ConsentryError
from service.api import problem
from service.api.access import OPEN
from service.api.limits import RateLimited
from service.api.problem import NotAllowed, RequestInvalid
from service.api.route import (
    HEADER,
    LONGEST_KEY,
    BodyStalled,
    BodyTooLarge,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    RequestAtWork,
    RequestUnfinished,
    Route,
)
from service.api.walk import Noes, noes, roles, routes
from service.apikeys import KeyExpired, KeyInvalid, KeyMissing, KeyRevoked, KeyRole
from service.shapes.problem import Problem, Refused

ABOUT = """
The gate in front of a face-swap engine. Ask before a video is taken in, before it is offered, before a face
is swapped; each answer is signed, narrow and logged.

**A no is 403.** Whatever is not a permit answers 403 with `code` `REFUSAL` or `HOLD`, its rules, their
ground and what would cure them. A dry run (`.../checks`) answers 200, whatever it says: nothing may rest
on it.

**Every POST needs an `Idempotency-Key`.** Repeat a request with the same key: it is done once, and answered
again (`Idempotent-Replay: true`) for 24 hours.

Errors are RFC 9457 problems with the stable codes of the error catalogue, in English and Chinese. Any route may
answer 503 with `Retry-After` while something it needs is not ready.
"""

TAGS = {
    "people": "Who somebody is here: a random id, how well she is known, her keys, and what was decided about her.",
    "notices": "What people are shown before they sign.",
    "authorizations": "What somebody agreed to: drawn up, signed on her side, registered, withdrawn.",
    "templates": "Videos: announced with source and cast, looked through, published.",
    "uploads": "The bytes of announced videos, whole or in parts.",
    "swaps": "A donor's face on a template: asked for, followed, called off.",
    "outputs": "Released files and their receipts, served while every consent stands.",
    "decisions": "What the gate answered and why, holds, and the policy in force.",
    "log": "The log that anybody can check, with proofs and public keys.",
    "verify": "Files held against their receipts.",
    "keys": "Who may call.",
    "health": "For supervisors and Prometheus.",
}
"""In the order in which a platform meets them."""

_UNREADY = "Something this needs is not ready: see `code`, and wait for `Retry-After`."
_SENTENCE = re.compile(r"(?<=[\w)`])\.(?:\s+|$)")


def operation_id(route: APIRoute) -> str:
    """`templates_announce`: the resource's module, and what is done."""
    return f"{route.endpoint.__module__.rpartition('.')[2]}_{route.name}"


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    said = get_openapi(
        title=app.title,
        version=app.version,
        description=ABOUT,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    schemas = said["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for shape in (Problem, Refused):
        schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[shape.__name__] = schema
    for route in routes(app):
        for method in route.methods or ():
            _describe(said["paths"][route.path_format][method.lower()], route, schemas)
    return _renamed(said)


def errors(route: APIRoute) -> Iterator[type[ConsentryError]]:
    """What a route may answer with instead: what any like it may, and what is said of its endpoint."""
    once = "POST" in (route.methods or set()) and route.path not in OPEN
    if allowed := roles(route):
        yield from (KeyMissing, KeyInvalid, KeyExpired, KeyRevoked, RateLimited)
        if allowed != frozenset(KeyRole):
            yield NotAllowed
    if once:
        yield from (IdempotencyKeyMissing, IdempotencyKeyReused, RequestAtWork, RequestUnfinished)
    if once or (route.body_field is not None and isinstance(route, Route) and route.buffered):
        yield from (BodyStalled, BodyTooLarge)
    taken = route.dependant
    if route.body_field is not None or taken.path_params or taken.query_params or taken.header_params:
        yield RequestInvalid
    yield from noes(route).errors


def _describe(operation: dict[str, Any], route: APIRoute, schemas: Mapping[str, Any]) -> None:
    text = inspect.cleandoc(route.endpoint.__doc__ or "")
    first, *rest = _SENTENCE.split(text, maxsplit=1)
    operation["summary"] = " ".join(first.split())
    who = "Open: needs no key."
    if allowed := roles(route):
        names = [f"`{role}`" for role in KeyRole if role in allowed]
        who = f"For keys of {'any role' if len(names) == len(KeyRole) else ', '.join(names)}."
    operation["description"] = "\n\n".join(part for part in (*rest, who) if part)
    operation["x-roles"] = sorted(allowed)
    if "POST" in (route.methods or set()) and route.path not in OPEN:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY)
    answers = operation["responses"]
    if answers.get("422", {}).get("description") == "Validation Error":
        del answers["422"]
    for answer in answers.values():
        if answer["description"] == "Successful Response":
            answer["description"] = _told(answer, schemas)
    for status, answer in _instead(errors(route), noes(route)):
        answers[status] = answer
    answers.setdefault("503", _problem(_UNREADY))


def _instead(found: Iterator[type[ConsentryError]], said: Noes) -> Iterator[tuple[str, dict[str, Any]]]:
    by_status = dict[int, list[str]]()
    if said.gate:
        by_status[HTTPStatus.FORBIDDEN] = ["`REFUSAL`, `HOLD`: the gate says no, or not yet."]
    for error in dict.fromkeys(found):
        line = f"`{error.code}`: {problem.title(error)}"
        by_status.setdefault(problem.status_of(error), []).append(line)
    for status, lines in sorted(by_status.items()):
        refused = said.gate and status == HTTPStatus.FORBIDDEN
        yield str(int(status)), _problem("\n\n".join(lines), refused=refused)


def _problem(description: str, *, refused: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": "#/components/schemas/Problem"}
    if refused:
        schema = {"anyOf": [{"$ref": "#/components/schemas/Refused"}, schema]}
    return {"description": description, "content": {problem.MEDIA_TYPE: {"schema": schema}}}


def _told(answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """What is answered, in the words of its shape."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    text = str(schemas.get(name, {}).get("description", ""))
    return " ".join(text.split()) or "Done."


def _renamed(said: dict[str, Any]) -> dict[str, Any]:
    """Pages under the name of what they hold, not of the class that Python made."""
    text = re.sub(r"\bPage_(\w+?)_(?=[\"\s])", r"\1Page", json.dumps(said))
    renamed: dict[str, Any] = json.loads(text)
    return renamed


_IDEMPOTENCY = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "description": "Fresh for each request, the same when it is repeated: it is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "example": "swap-9001",
}
