"""`consentry injunction`: court orders. What they name is frozen until they are lifted."""

from pathlib import Path
from typing import Annotated

import typer

from service import revoking
from service.cli import claiming, files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from swap.claim import Target

app = group("injunction", "Court orders: enter, lift.")

By = Annotated[str, typer.Option(metavar="ID", help="Who does so.")]


@command(app, "enter")
def enter(
    desk: Desk,
    kind: Annotated[Target, typer.Argument(metavar="KIND", help="authorization, template, output or file.")],
    target: Annotated[str, typer.Argument(metavar="ID", help="An id; of a file its SHA-256.")],
    *,
    document: Annotated[Path, typer.Option(metavar="FILE", help="The order; its SHA-256 is kept.")],
    by: By = "operator",
) -> Answer:
    """Freeze what a court's order names. The same order again changes nothing."""
    record, digest = desk.record, files.digest_of(document)
    return claiming.said(
        desk,
        revoking.answered(
            record,
            lambda session: record.claims.order(session, kind, target, digest, by=by, now=record.clock()),
        ),
    )


@command(app, "lift")
def lift(
    desk: Desk,
    order: Annotated[str, typer.Argument(metavar="ID", help="The order's claim.")],
    *,
    reason: Annotated[str, typer.Option(help="What ended it.")],
    by: By = "operator",
) -> Answer:
    """End an order: what nothing else holds is thawed."""
    record = desk.record
    return claiming.said(
        desk,
        revoking.answered(
            record,
            lambda session: record.claims.lift(session, order, by=by, reason=reason, now=record.clock()),
        ),
    )
