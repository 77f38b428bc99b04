"""Calls about the operator's papers."""

from service.client.call import Call, delete, get, post
from service.shapes import papers as shapes


def add(asked: shapes.AddPaper) -> Call[shapes.RegisteredPaper]:
    """Register a paper."""
    return post("/v1/papers", shapes.RegisteredPaper, asked)


def every() -> Call[list[shapes.RegisteredPaper]]:
    """All papers, newest first."""
    return get("/v1/papers", list[shapes.RegisteredPaper])


def end(paper: str) -> Call[shapes.RegisteredPaper]:
    """It covers nothing from now on."""
    return delete(f"/v1/papers/{paper}", shapes.RegisteredPaper)
