"""Calls about templates: announced, sent, scanned, published, looked at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from service.client.call import Call, Follow, Part, follow, get, post, raw, send, shaped
from service.shapes import decisions, scans
from service.shapes import templates as shapes
from service.shapes.page import Page
from service.shapes.use import Use


def announce(
    source: shapes.Source,
    cast: Sequence[shapes.CastMember],
    received: str,
    matching: Literal["CLOSED_SET", "ASSIGNED"] = "CLOSED_SET",
) -> Call[shapes.Announced]:
    """Ask whether a video may come in: where it comes from, who is in it, and its SHA-256."""
    asked = shapes.Announce(source=source, cast=tuple(cast), received=received, matching=matching)
    return post("/v1/templates", shapes.Announced, asked)


def content(template: str, file: Path) -> Call[shapes.Admitted]:
    """Send the announced file in one request. `uploads.send` goes on after breaks."""
    body = Part(file, 0, file.stat().st_size)
    return send("PUT", f"/v1/templates/{template}/content", shaped(shapes.Admitted), body)


def page(after: str | None = None, limit: int | None = None) -> Call[Page[shapes.Listed]]:
    """Templates in the order in which they were announced. Go on with `next`."""
    return get("/v1/templates", Page[shapes.Listed], after=after, limit=limit)


def naming_me(after: str | None = None, limit: int | None = None) -> Call[Page[shapes.Named]]:
    """For a creator: templates whose cast names her."""
    return get("/v1/templates", Page[shapes.Named], after=after, limit=limit)


def show(template: str) -> Call[shapes.Template]:
    """A template: source, cast, what was seen."""
    return get(f"/v1/templates/{template}", shapes.Template)


def show_me(template: str) -> Call[shapes.Named]:
    """For a creator whom its cast names: what concerns her."""
    return get(f"/v1/templates/{template}", shapes.Named)


def preview(template: str) -> Call[bytes]:
    """For a creator whom its cast names: the clip, to look at before she answers."""
    return raw(f"/v1/templates/{template}/preview")


def amend(template: str, cast: Sequence[shapes.CastMember]) -> Call[decisions.Permitted]:
    """Declare the cast anew, all of it."""
    return post(f"/v1/templates/{template}/cast", decisions.Permitted, shapes.Amend(cast=tuple(cast)))


def scan(template: str) -> Call[scans.Scan]:
    """Order a scan. A worker does it: `client.wait_for(templates.scanned(scan))`."""
    return post(f"/v1/templates/{template}/scans", scans.Scan)


def show_scan(scan: str) -> Call[scans.Scan]:
    """How far a scan is, or what was answered."""
    return get(f"/v1/scans/{scan}", scans.Scan)


def scanned(scan: str) -> Follow[scans.Scan]:
    """A scan to be waited for. Done may have been answered with a no: look at `answer`."""
    return follow(f"/v1/scans/{scan}/events", scans.Scan)


def check(template: str, use: Use) -> Call[decisions.Forecast]:
    """What publishing would be answered with now. A dry run."""
    return post(f"/v1/templates/{template}/checks", decisions.Forecast, shapes.Publish(use=use))


def publish(template: str, use: Use) -> Call[decisions.Permitted]:
    """Ask whether the template may be offered for this use."""
    return post(f"/v1/templates/{template}/publications", decisions.Permitted, shapes.Publish(use=use))
