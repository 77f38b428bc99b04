"""The routes of an application, and whom each lets in."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from service.api.access import roles_of
from service.apikeys import KeyRole


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
