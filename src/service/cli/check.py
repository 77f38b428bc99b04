"""`consentry check`: what the gate would answer, now. A dry run; nothing may rest on it."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli import forms
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.saying import exit_of, say_forecast
from service.cli.template import Requester

app = group("check", "Dry runs: what the gate would answer, without a permit.")

Use = Annotated[Path, typer.Option("--use", metavar="FILE.json", help="What is to be made, for whom.")]


@command(app, "template")
def template(
    desk: Desk,
    template: Annotated[str, typer.Argument(metavar="TEMPLATE")],
    *,
    use: Use,
    requester: Requester = "operator",
) -> Answer:
    """Would this template be published?"""
    forecast = desk.studio.admission.check(requester, template, forms.use(use))
    return Answer(say_forecast(desk.voice, "would publish", forecast), exit_of(forecast))


@command(app, "swap")
def swap(
    desk: Desk,
    template: Annotated[str, typer.Argument(metavar="TEMPLATE")],
    donor: Annotated[str, typer.Argument(metavar="DONOR", help="As received by `swap donor`.")],
    *,
    use: Use,
    requester: Requester = "operator",
) -> Answer:
    """Would this swap be permitted?"""
    forecast = desk.studio.pipeline.check(template, donor, requester, forms.use(use))
    return Answer(say_forecast(desk.voice, "would swap", forecast), exit_of(forecast))
