"""Calls about faces that are assigned by hand."""

from collections.abc import Mapping

from service.client.call import Call, get, post
from service.shapes import assignments as shapes


def tracks(template: str) -> Call[list[shapes.Track]]:
    """Every face that the scan found."""
    return get(f"/v1/templates/{template}/tracks", list[shapes.Track])


def assign(template: str, tracks: Mapping[str, str | None]) -> Call[shapes.Assignment]:
    """Say who is on which track."""
    asked = shapes.Assign(tracks=dict(tracks))
    return post(f"/v1/templates/{template}/assignments", shapes.Assignment, asked)


def show(template: str) -> Call[shapes.Assignment]:
    """The assignment in force."""
    return get(f"/v1/templates/{template}/assignments", shapes.Assignment)


def confirm(template: str, assignment: str) -> Call[shapes.Confirmed]:
    """Confirm it."""
    asked = shapes.Confirm(assignment=assignment)
    return post(f"/v1/templates/{template}/confirmations", shapes.Confirmed, asked)


def confirm_donor(donor: str) -> Call[shapes.Confirmed]:
    """Say that a donor's photo is her own."""
    return post(f"/v1/donors/{donor}/confirmations", shapes.Confirmed)
