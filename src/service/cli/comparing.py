"""`consentry policy diff`: from one policy to another."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from audit.canonical import Json
from audit.errors import BadInput
from consent import casebook
from consent.adoption import kept
from consent.casebook import Expected
from consent.difference import Difference, Way, difference
from consent.errors import PolicyRefused
from consent.policy import Policy, load
from service.cli.command import Answer
from service.cli.desk import Desk
from service.layout import packaged, policies

Which = Annotated[str, typer.Argument(metavar="POLICY", help="A folder, or a digest of one in use here.")]
_WAYS = {
    Way.STRICTER: "[yellow]stricter 更严[/]",
    Way.LOOSER: "[red]looser 更宽[/]",
    Way.SAME: "same value 取值不变",
}


def diff(
    desk: Desk,
    old: Which,
    new: Which,
    *,
    cases: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Whose cases are asked; those of NEW without.")
    ] = None,
) -> Answer:
    """What NEW changes: rules, parameters, packs, and the cases that are answered otherwise."""
    before, after = policy_of(desk, old), policy_of(desk, new)
    asked, problem = _cases(cases or _book(desk, old, new), before, after)
    found = difference(before, after, asked)
    _say(desk, found)
    if problem:
        desk.voice.say(f"[red]cases could not be asked 无法比较用例[/]: {escape(problem)}")
    if found.schema and found.cases:
        desk.voice.say("  The schema changed: a case that asks of what OLD does not know is a G-00 there.")
    return Answer({**_json(found), "cases_asked": len(asked), "cases_problem": problem})


def policy_of(desk: Desk, said: str) -> Policy:
    """The policy of a folder, or that was in use here. Raises `PolicyRefused`, `PolicyUnknown`."""
    if Path(said).is_dir():
        return load(Path(said))
    with desk.record.database.read() as session:
        return kept(session, desk.tenant, said).policy


def named(rules: Iterable[str]) -> str:
    """Rules in a row; none is a permit."""
    return ", ".join(rules) or "permit 许可"


def _book(desk: Desk, old: str, new: str) -> Path:
    folders = [Path(said) for said in (new, old) if (Path(said) / "cases").is_dir()]
    return folders[0] if folders else policies(desk.settings) if desk.has_data else packaged()


def _cases(folder: Path, old: Policy, new: Policy) -> tuple[list[tuple[Expected, Expected]], str | None]:
    """The same cases under either law. A book the one can't read is told, and is no "nothing changed"."""
    try:
        return list(zip(casebook.read(folder, old), casebook.read(folder, new), strict=True)), None
    except (PolicyRefused, BadInput) as error:
        return [], str(error)


def _say(desk: Desk, found: Difference) -> None:
    say = desk.voice.say
    say(f"{found.old[:16]}… → {found.new[:16]}…{'  nothing changed 无变化' if found.empty else ''}")
    for word, rules in (
        ("[green]rules added 新增规则[/]", found.added),
        ("[red]rules removed 删除规则[/]", found.removed),
        ("[yellow]rules changed 修改规则[/]", found.rewritten),
        ("[green]packs new 新增策略包[/]", found.packs_new),
        ("[red]packs gone 移除策略包[/]", found.packs_gone),
    ):
        if rules:
            say(f"{word}: {escape(', '.join(rules))}")
    if found.schema:
        say("[yellow]the schema changed 模式有变[/]")
    for pack, fields in found.packs_changed.items():
        say(f"pack [bold]{pack}[/]: {', '.join(fields)}")
    for one in found.parameters:
        old, new = (
            escape("unstated 未规定" if value is None else plain(value)) for value in (one.old, one.new)
        )
        say(f"  {one.pack} [bold]{one.name}[/]: {old} → {new}  {_WAYS[one.way]}")
    for case in found.cases:
        say(f"case {escape(case.case)}\n  {named(case.old)} → {named(case.new)}")


def plain(value: Any) -> str:
    """A parameter's value as its pack writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(found: Difference) -> dict[str, Json]:
    parameters: Json = [
        {"pack": one.pack, "parameter": one.name, "old": one.old, "new": one.new, "way": str(one.way)}
        for one in found.parameters
    ]
    cases: Json = [{"case": one.case, "old": list(one.old), "new": list(one.new)} for one in found.cases]
    return {
        "old": found.old,
        "new": found.new,
        "rules": {
            "added": list(found.added),
            "removed": list(found.removed),
            "changed": list(found.rewritten),
        },
        "schema": found.schema,
        "packs": {
            "new": list(found.packs_new),
            "gone": list(found.packs_gone),
            "changed": {name: list(fields) for name, fields in found.packs_changed.items()},
        },
        "parameters": parameters,
        "cases": cases,
    }
