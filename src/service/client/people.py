"""Calls about people: enrolment, keys, the inbox."""

from service.client.call import Call, delete, get, post
from service.shapes import people as shapes


def enrol(asked: shapes.Enrol) -> Call[shapes.Person]:
    """Enrol a person."""
    return post("/v1/people", shapes.Person, asked)


def show(person: str) -> Call[shapes.Person]:
    """A person."""
    return get(f"/v1/people/{person}", shapes.Person)


def enrol_key(person: str, key: str) -> Call[shapes.PersonKey]:
    """Enrol a public key of hers."""
    return post(f"/v1/people/{person}/keys", shapes.PersonKey, shapes.EnrolKey(key=key))


def keys(person: str) -> Call[list[shapes.PersonKey]]:
    """All keys she ever had."""
    return get(f"/v1/people/{person}/keys", list[shapes.PersonKey])


def retire_key(person: str, key: str) -> Call[shapes.PersonKey]:
    """End a key's time."""
    return delete(f"/v1/people/{person}/keys/{key}", shapes.PersonKey)


def inbox(person: str) -> Call[shapes.Inbox]:
    """Every decision that named her, and how all that she signed stands."""
    return get(f"/v1/people/{person}/inbox", shapes.Inbox)
