"""Calls about donors and swaps."""

from base64 import b64encode

from service.client.call import Call, Follow, delete, follow, get, post
from service.shapes import decisions
from service.shapes import swaps as shapes
from service.shapes.page import Page
from service.shapes.use import Use


def donate(
    template: str, person: str, authorization: str, photo: bytes, *, is_self: bool
) -> Call[shapes.Donated]:
    """Hand in a donor's photo for one template. Kept for its job, 24 hours at the longest."""
    asked = shapes.Donate(person=person, authorization=authorization, photo=b64encode(photo), is_self=is_self)
    return post(f"/v1/templates/{template}/donors", shapes.Donated, asked)


def ask(template: str, donor: str, use: Use) -> Call[shapes.Asked]:
    """Ask for one swap. A worker does it: `client.wait_for(swaps.ended(job))`."""
    return post("/v1/swaps", shapes.Asked, shapes.AskSwap(template=template, donor=donor, use=use))


def check(template: str, donor: str, use: Use) -> Call[decisions.Forecast]:
    """What would be answered now. A dry run."""
    asked = shapes.AskSwap(template=template, donor=donor, use=use)
    return post("/v1/swaps/checks", decisions.Forecast, asked)


def page(after: str | None = None, limit: int | None = None) -> Call[Page[shapes.Job]]:
    """Swaps, newest first. Go on with `next`."""
    return get("/v1/swaps", Page[shapes.Job], after=after, limit=limit)


def show(job: str) -> Call[shapes.Job]:
    """How far a swap is, or how it ended."""
    return get(f"/v1/swaps/{job}", shapes.Job)


def ended(job: str) -> Follow[shapes.Job]:
    """A swap to be waited for. Look at its `state`: it may have been refused at the last moment."""
    return follow(f"/v1/swaps/{job}/events", shapes.Job)


def call_off(job: str) -> Call[shapes.Job]:
    """Call a swap off. Nothing of it is released from now on."""
    return delete(f"/v1/swaps/{job}", shapes.Job)
