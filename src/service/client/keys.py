"""Calls about API keys."""

from service.client.call import Call, delete, get, post
from service.shapes import keys as shapes


def issue(asked: shapes.IssueKey) -> Call[shapes.NewKey]:
    """A key for one role. Its token is shown once."""
    return post("/v1/keys", shapes.NewKey, asked)


def every() -> Call[list[shapes.Key]]:
    """All keys ever issued."""
    return get("/v1/keys", list[shapes.Key])


def rotate(key: str) -> Call[shapes.NewKey]:
    """A successor of the same scope."""
    return post(f"/v1/keys/{key}/rotations", shapes.NewKey)


def revoke(key: str) -> Call[shapes.Key]:
    """End a key, now."""
    return delete(f"/v1/keys/{key}", shapes.Key)
