"""What people fill in for a command: the source of a video, its cast, and the use that is asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from consent.case import Use
from consent.shape import from_json
from service import stated
from service.cli import files
from service.cli.files import JsonMalformed
from swap.casting import CastMember
from swap.source import Source


def source(path: Path) -> Source:
    """A source record. Licences, work and derivation may be left out: then there are none.

    Raises `FileUnreadable`, `JsonMalformed`, and as `stated.source`. `original` has to be said: absent is no.
    """
    value = files.read_json(path)
    if not isinstance(value, Mapping):
        raise JsonMalformed(f"{path.name}: expected an object")
    return stated.source(value)


def cast(given: Sequence[str]) -> tuple[CastMember, ...]:
    """The cast of `PERSON:ROLE[:AUTHORIZATION]` words and JSON files. Raises `JsonMalformed` too."""
    members = [member for one in given for member in _cast(one)]
    if len({(member.person, member.role) for member in members}) != len(members):
        raise typer.BadParameter("somebody is named twice in one role", param_hint="--cast")
    return tuple(members)


def use(path: Path) -> Use:
    """A use, every field of it said. Raises `FileUnreadable`, `JsonMalformed`, `DocumentMalformed`."""
    return from_json(Use, files.read_json(path), "use")


def _cast(given: str) -> tuple[CastMember, ...]:
    person, _, rest = given.partition(":")
    role, _, authorization = rest.partition(":")
    if rest:
        said = {"person": person, "role": role, "authorization": authorization or None}
        return stated.cast([said], "--cast")
    value = files.read_json(Path(given))
    if not isinstance(value, list):
        raise JsonMalformed(f"{given}: expected a list of cast members")
    return stated.cast(value, Path(given).name)
