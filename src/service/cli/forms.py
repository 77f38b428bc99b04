"""What people fill in for a command: the source of a video, its cast, and the use that is asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from audit.canonical import Json
from consent.case import Use
from consent.shape import from_json
from consent.strict import Fields
from consent.words import Role
from service.cli import files
from service.cli.files import JsonMalformed
from swap.library import CastMember
from swap.source import Source

_OPTIONAL: Mapping[str, Json] = {
    "copyright_licence": None,
    "portrait_licences": {},
    "derived_from": None,
    "work": None,
}


def source(path: Path) -> Source:
    """A source record. Licences, work and derivation may be left out: then there are none.

    Raises `FileUnreadable`, `JsonMalformed`, `BadSource`. `original` has to be said: absent is no.
    """
    value = files.read_json(path)
    if not isinstance(value, Mapping):
        raise JsonMalformed(f"{path.name}: expected an object")
    read = Source.from_json({"v": 1, "original": False, **_OPTIONAL, **value})
    for name, digest in (("copyright_licence", read.copyright_licence), *read.portrait_licences.items()):
        if digest is not None:
            Fields({"digest": digest}, f"source.{name}").digest("digest")
    return read


def cast(given: Sequence[str]) -> tuple[CastMember, ...]:
    """The cast of `PERSON:ROLE[:AUTHORIZATION]` words and JSON files. Raises `JsonMalformed` too."""
    members = [member for one in given for member in _cast(one)]
    if len({(member.person, member.role) for member in members}) != len(members):
        raise typer.BadParameter("somebody is named twice in one role", param_hint="--cast")
    return tuple(members)


def use(path: Path) -> Use:
    """A use, every field of it said. Raises `FileUnreadable`, `JsonMalformed`, `DocumentMalformed`."""
    return from_json(Use, files.read_json(path), "use")


def _cast(given: str) -> list[CastMember]:
    person, _, rest = given.partition(":")
    role, _, authorization = rest.partition(":")
    if rest:
        return [_member({"person": person, "role": role, "authorization": authorization or None}, "--cast")]
    value = files.read_json(Path(given))
    if not isinstance(value, list):
        raise JsonMalformed(f"{given}: expected a list of cast members")
    return [_member(one, Path(given).name) for one in value]


def _member(value: object, where: str) -> CastMember:
    f = Fields(value, where)
    cited = f.take("authorization") if f.has("authorization") else None
    member = CastMember(
        f.identifier("person"),
        f.word("role", Role),
        None if cited is None else Fields({"authorization": cited}, where).identifier("authorization"),
    )
    f.end()
    return member
