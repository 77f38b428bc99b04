"""What `GET /openapi.json` says beyond what FastAPI sees by itself: in plain words what each operation does,
who may call it, what it answers instead, and that a POST is done once.
"""

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from audit.errors import ConsentryError
from service.api import problem
from service.api.access import OPEN
from service.api.instead import instead
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
from service.api.walk import roles, routes
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

**An error is an RFC 9457 problem** with a stable `code` of the error catalogue, in English and Chinese. The
codes of an operation stand in `x-codes` of its answers.
"""

TAGS = {
    "people": "Who somebody is here: a random id, how well she is known, her keys, decisions that named her.",
    "notices": "What people are shown before they sign.",
    "authorizations": "What somebody agreed to: drawn up, signed on her side, registered, withdrawn.",
    "signing": "Links for people, and the page where they make a passkey, read, and sign.",
    "requests": "She is asked, sees the notice, and gives all, part, less or nothing.",
    "proofs": "Who vouches for somebody: proofing services, attestations, live capture, guardians and heirs.",
    "rights": "Licences of portraits and of works, beside the consent, each with its own signatory.",
    "subject": "What a person may ask for herself: refusals, protection, her data, correction, erasure.",
    "templates": "Videos: announced with source and cast, looked through, published.",
    "uploads": "The bytes of announced videos, whole or in parts.",
    "swaps": "A donor's face on a template: asked for, followed, called off.",
    "outputs": "Released files and their receipts, served while every consent stands.",
    "decisions": "What the gate answered and why, holds, and the policy in force.",
    "claims": "Takedown requests, court orders and appeals, each with its clock.",
    "hooks": "Addresses that are told of events, signed.",
    "status": "How a consent stands, signed and short-lived, for others.",
    "evidence": "Bundles that a court or an authority checks without us, for auditors.",
    "log": "The log that anybody can check, with proofs and public keys.",
    "verify": "Files held against their receipts.",
    "keys": "Who may call.",
    "papers": "What the operator has on file: assessments, filings, contracts, checked identities.",
    "health": "For supervisors and Prometheus.",
}
"""In the order in which a platform meets them."""

ANY = {
    HTTPStatus.CONFLICT: "Stored data disagrees with itself or with what was signed: see `code`.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Something this needs is not ready: see `code`, wait for `Retry-After`.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The disk is full. Nothing was kept.",
}
"""What any operation may answer, with whichever code of the catalogue names it."""
KEY = (KeyMissing, KeyInvalid, KeyExpired, KeyRevoked, NotAllowed, RateLimited)
"""What an operation that needs a key may answer."""
ONCE = (IdempotencyKeyMissing, IdempotencyKeyReused, RequestAtWork, RequestUnfinished)
"""And one that is done once."""
BODY = (BodyStalled, BodyTooLarge)
"""And one that reads its body before it begins."""
NO, HELD = "REFUSAL", "HOLD"
_SENTENCE = re.compile(r"(?<=[\w)`])\.(?:\s+|$)")


def operation_id(route: APIRoute) -> str:
    """`templates_announce`: the resource's module, and what is done."""
    return f"{route.endpoint.__module__.rpartition('.')[2]}_{route.name}"


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    said = get_openapi(
        title=app.title,
        version=app.version,
        description=ABOUT.strip(),
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
    """What a route may answer instead: what any like it may, and what is said of its endpoint."""
    once = _done_once(route)
    if allowed := roles(route):
        yield from (kind for kind in KEY if kind is not NotAllowed or allowed != frozenset(KeyRole))
    if once:
        yield from ONCE
    if once or (route.body_field is not None and isinstance(route, Route) and route.buffered):
        yield from BODY
    taken = route.dependant
    if route.body_field is not None or taken.path_params or taken.query_params or taken.header_params:
        yield RequestInvalid
    yield from instead(route).errors


def _done_once(route: APIRoute) -> bool:
    return "POST" in (route.methods or set()) and route.path not in OPEN


def _describe(operation: dict[str, Any], route: APIRoute, schemas: Mapping[str, Any]) -> None:
    text = inspect.cleandoc(route.endpoint.__doc__ or "")
    first, *rest = _SENTENCE.split(text, maxsplit=1)
    allowed = [str(role) for role in KeyRole if role in roles(route)]
    operation["summary"] = " ".join(first.split())
    operation["description"] = "\n\n".join(part for part in (*rest, _who(allowed)) if part)
    operation["x-roles"] = allowed
    if _done_once(route):
        operation.setdefault("parameters", []).append(_IDEMPOTENCY)
    answers = operation["responses"]
    if answers.get("422", {}).get("description") == "Validation Error":
        del answers["422"]
    for answer in answers.values():
        if answer["description"] == "Successful Response":
            answer["description"] = _told(answer, schemas)
    for status, answer in _instead(errors(route), gate=instead(route).gate):
        answers.setdefault(status, answer)
    operation["responses"] = dict(sorted(answers.items()))


def _who(allowed: list[str]) -> str:
    if not allowed:
        return "Open: needs no key."
    if len(allowed) == len(KeyRole):
        return "For keys of any role."
    return f"For keys of the role {' or '.join(f'`{role}`' for role in allowed)}."


def _instead(found: Iterable[type[ConsentryError]], *, gate: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    lines = dict[int, dict[str, str]]()
    if gate:
        lines[HTTPStatus.FORBIDDEN] = {NO: "The gate says no.", HELD: "Not yet: two people must look first."}
    for error in found:
        lines.setdefault(problem.status_of(error), {})[error.code] = problem.title(error)
    for status in sorted({*lines, *ANY}):
        codes = lines.get(status, {})
        said = [f"`{code}`: {text}" for code, text in codes.items()]
        said += [ANY[HTTPStatus(status)]] if status in ANY else []
        schema: dict[str, Any] = {"$ref": "#/components/schemas/Problem"}
        if NO in codes:
            schema = {"anyOf": [{"$ref": "#/components/schemas/Refused"}, schema]}
        yield (
            str(int(status)),
            {
                "description": "\n\n".join(said),
                "content": {problem.MEDIA_TYPE: {"schema": schema}},
                "x-codes": list(codes),
            },
        )


def _told(answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """What is answered, in the words of its shape."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    text = str(schemas.get(name, {}).get("description", ""))
    return " ".join(text.split()) or "Done."


def _renamed(said: dict[str, Any]) -> dict[str, Any]:
    """Schemas under the names of what they hold, not those that Python's modules make unique."""
    text = re.sub(r"\bPage_(\w+?)_(?=[\"\s])", r"\1Page", json.dumps(said))
    text = re.sub(r"\bservice__shapes__(\w+?)__(\w+)", lambda found: found[1].capitalize() + found[2], text)
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
