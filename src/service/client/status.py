"""Calls about how a consent or a file stands, for those who rely on it elsewhere."""

from service.client.call import Call, get, post
from service.shapes import statuses as shapes


def state(subject: str) -> Call[shapes.Statement]:
    """A signed statement about a status handle, or about a file by its SHA-256. Needs no key."""
    return get(f"/v1/status/{subject}", shapes.Statement)


def handle(authorization: str) -> Call[shapes.Handle]:
    """The status handle of an authorization."""
    return post(f"/v1/authorizations/{authorization}/handles", shapes.Handle)
