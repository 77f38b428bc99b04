"""The routes of an application, each with whom it lets in and what it may answer instead."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from audit.errors import ConsentryError
from service.api.access import roles_of
from service.apikeys import KeyRole

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Noes:
    """What an endpoint may answer instead of what it was asked for, beside what any route may."""

    errors: tuple[type[ConsentryError], ...] = ()
    gate: bool = False
    """The gate is asked: a refusal or a hold."""


def may_answer(*errors: type[ConsentryError], gate: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Say so of an endpoint, for the document. What is answered and not said fails the API's tests."""

    def said(endpoint: Endpoint) -> Endpoint:
        endpoint.noes = Noes(errors, gate)  # type: ignore[attr-defined]
        return endpoint

    return said


def noes(route: APIRoute) -> Noes:
    """What was said of a route's endpoint."""
    found: Noes = getattr(route.endpoint, "noes", Noes())
    return found


def routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route of ours."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            yield context.original_route


def roles(route: APIRoute) -> frozenset[KeyRole]:
    """Whom a route lets in; nobody where it has no guard, as the open ones."""
    waiting, found = [route.dependant], frozenset[KeyRole]()
    while waiting:
        one = waiting.pop()
        found |= roles_of(one.call) or frozenset()
        waiting += one.dependencies
    return found
