"""What an operator states about a video: its source, its cast. The same from a file and from a request."""

from collections.abc import Mapping, Sequence

from audit.canonical import Json
from consent.strict import Fields
from consent.words import Role
from swap.casting import CastMember
from swap.source import Source

_OPTIONAL: Mapping[str, Json] = {
    "copyright_licence": None,
    "portrait_licences": {},
    "derived_from": None,
    "work": None,
}


def source(value: Mapping[str, Json]) -> Source:
    """A source record. Licences, work and derivation may be left out: then there are none.

    Raises `BadSource`, `DocumentMalformed`. `original` has to be said: absent is no.
    """
    read = Source.from_json({"v": 1, "original": False, **_OPTIONAL, **value})
    licences = {"copyright_licence": read.copyright_licence, "upstream": read.upstream}
    for name, digest in (*licences.items(), *read.portrait_licences.items()):
        if digest is not None:
            Fields({"digest": digest}, f"source.{name}").digest("digest")
    return read


def cast(values: Sequence[object], where: str) -> tuple[CastMember, ...]:
    """A cast, of objects with `person`, `role` and perhaps `authorization`. Raises `DocumentMalformed`."""
    return tuple(_member(one, where) for one in values)


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
