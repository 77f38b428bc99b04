"""How a command is declared, run and left: every one takes `--data` and `--json`, and answers once."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from audit.canonical import Json
from audit.errors import ConsentryError
from service.cli.desk import Desk
from service.console import Exit, Voice

Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="CONSENTRY_DATA", metavar="DIR", help="The data folder."),
]
Machine = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has to say to a machine; people were told on the way."""

    value: Mapping[str, Json]
    exit: Exit = Exit.OK


Work = Callable[..., Answer]


def group(name: str, about: str) -> typer.Typer:
    """An empty group of commands."""
    return typer.Typer(
        name=name,
        help=about,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def command(app: typer.Typer, name: str) -> Callable[[Work], Work]:
    """Register a function of a `Desk` and its own options; `--data` and `--json` are added here."""

    def register(work: Work) -> Work:
        signature = inspect.signature(work, eval_str=True)
        own = list(signature.parameters.values())[1:]
        keyword = inspect.Parameter.KEYWORD_ONLY
        added = [
            inspect.Parameter("data", keyword, default=None, annotation=Data),
            inspect.Parameter("machine", keyword, default=False, annotation=Machine),
        ]

        def run(**values: Any) -> None:
            desk = Desk(Voice.open(machine=values.pop("machine")), values.pop("data"))
            raise typer.Exit(perform(desk, partial(work, desk, **values)))

        run.__doc__ = work.__doc__
        run.__signature__ = signature.replace(parameters=[*own, *added], return_annotation=None)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in (*own, *added)}
        app.command(name)(run)
        return work

    return register


def perform(desk: Desk, work: Callable[[], Answer]) -> Exit:
    """Do the work; say what went wrong in our own words. Bugs are left to be seen."""
    try:
        with closing(desk):
            answer = work()
    except ConsentryError as error:
        return desk.voice.fail(error)
    except KeyboardInterrupt:
        desk.voice.err.print("cancelled 已取消")
        desk.voice.answer({"ok": False, "error": {"code": "CANCELLED", "message": "cancelled"}})
        return Exit.CANCELLED
    desk.voice.answer({"ok": answer.exit is Exit.OK, **answer.value})
    return answer.exit
