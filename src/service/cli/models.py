"""`consentry models`: which weights there are, what they are for, and whether they may be used here."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from audit.canonical import Json
from audit.errors import ConsentryError
from consent.eyes import eyes
from consent.inventory import ModelState, inventory
from consent.modelcard import Deployment
from consent.runtime import missing
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit, describe
from service.engines import open_engine
from service.layout import Layout

app = group("models", "The model inventory.")


@command(app, "models")
def models(
    desk: Desk,
    *,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Models of your own, without a data folder.")
    ] = None,
    deployment: Annotated[
        Deployment, typer.Option(help="What licences must cover, without a data folder.")
    ] = Deployment.COMMERCIAL,
) -> Answer:
    """Every model: role, licence, digest, where it is, whether it may be used. Then the self-test."""
    if desk.has_data:
        folder, deployment = desk.settings.models, Deployment(desk.settings.deployment)
    states = inventory(folder=folder, deployment=deployment)
    table = Table("model", "role", "licence", "SHA-256", "from", "state", title=f"For {deployment} use")
    for state in states:
        card = state.card
        table.add_row(card.name, card.role, card.licence, f"{card.sha256[:12]}…", _where(state), _word(state))
    desk.voice.show(table)
    for state in states:
        if state.problem is not None:
            desk.voice.say(f"  {state.card.name}: {escape(str(state.problem))}")
            desk.voice.say(f"    hint: {escape(state.problem.hint)}  {escape(state.problem.hint_zh)}")
    tested, fault = _self_test(desk, folder, deployment)
    desk.voice.say(f"self-test: {tested}")
    engine, engine_fault = _engine(desk)
    desk.voice.say(f"engine: {escape(engine)}")
    passed_over = missing(desk.settings.providers) if desk.has_data else []
    if passed_over:
        desk.voice.say(f"providers: this onnxruntime has no {', '.join(passed_over)}; the next one is used")
    fault = fault or engine_fault
    usable = all(state.problem is None for state in states) and fault is None
    value: dict[str, Json] = {
        "deployment": str(deployment),
        "models": [_json(state) for state in states],
        "self_test": tested,
        "engine": engine,
        "providers_missing": list(passed_over),
        "error": None if fault is None else describe(fault),
    }
    return Answer(value, Exit.OK if usable else Exit.UNREADY)


def _self_test(desk: Desk, folder: Path | None, deployment: Deployment) -> tuple[str, ConsentryError | None]:
    """Fold, load and try the eyes: two different faces must not look alike."""
    if not desk.has_data:
        return "not run: without --data there is nowhere to fold models into", None
    settings = desk.settings
    try:
        eyes(
            Layout.of(settings).models,
            folder=folder,
            deployment=deployment,
            providers=settings.providers,
            threads=settings.threads,
        )
    except ConsentryError as fault:
        return f"failed: {fault.code}", fault
    return "passed", None


def _engine(desk: Desk) -> tuple[str, ConsentryError | None]:
    """Open the engine that the settings name: its files, their licence, the device it came to run on."""
    if not desk.has_data:
        return "not opened: without --data no settings name one", None
    try:
        engine = open_engine(desk.settings, now=desk.now(), entropy=desk.entropy)
    except ConsentryError as fault:
        return f"{desk.settings.engine}, failed: {fault.code}", fault
    return f"{engine.name} {engine.version}", None


def _where(state: ModelState) -> str:
    return "folder" if state.card.package is None else f"package {state.card.package}"


def _word(state: ModelState) -> str:
    if state.problem is None:
        return "[green]ready[/]"
    if not state.licensed:
        return "[red]not licensed for this[/]"
    return "[red]other bytes[/]" if state.found else "[red]missing[/]"


def _json(state: ModelState) -> Json:
    card, steps = state.card, state.card.preprocessing
    return {
        "name": card.name,
        "role": str(card.role),
        "licence": card.licence,
        "commercial": card.commercial,
        "sha256": card.sha256,
        "folded_sha256": card.folded_sha256,
        "file": card.file,
        "from": _where(state),
        # As text: what is canonicalised here knows no floats.
        "preprocessing": None if steps is None else f"(pixel - {steps.mean:g}) / {steps.std:g}",
        "found": state.found,
        "intact": state.intact,
        "licensed": state.licensed,
        "problem": None if state.problem is None else state.problem.code,
    }
