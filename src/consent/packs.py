"""Reading a policy pack: one TOML file that states the law of some places, each row with its article."""

import re
import tomllib
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any

from consent.errors import DocumentMalformed, PolicyRefused
from consent.law import PARAMETERS, Pack, Stated, Status
from consent.strict import Fields
from consent.territories import TERRITORIES

HOUSE = "house"
"""The pack that applies everywhere and states every parameter."""

MOST = 1_000_000_000

_PLACE = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_ID = re.compile(r"house|[A-Z]{2}(-[A-Z0-9]{1,3})?")


def read_pack(name: str, data: bytes) -> Pack:
    """The pack of a file called `name`.toml. Raises `PolicyRefused` naming what is wrong and where."""
    try:
        f = Fields(tomllib.loads(data.decode()), name)
        pack = _pack(f)
        f.end()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyRefused(f"{name}: not TOML: {str(error)[:120]}") from None
    except DocumentMalformed as error:
        raise PolicyRefused(str(error)) from None
    if pack.id != name:
        raise PolicyRefused(f"{name}: expected the id of its file, found {pack.id!r:.40}")
    lacking = sorted(PARAMETERS.keys() - pack.parameters.keys())
    if pack.id == HOUSE and (lacking or pack.places):
        raise PolicyRefused(f"{name}: expected no places and every parameter; lacks {', '.join(lacking)}")
    if pack.id != HOUSE and not pack.places:
        # Without places it would apply to everybody, or to nobody: neither can be meant.
        raise PolicyRefused(f"{name}: expected places")
    return pack


def check_together(packs: Sequence[Pack]) -> None:
    """Whether somebody at home in each place can be told at all. Raises `PolicyRefused`.

    The law of a country holds in its parts, so her notice is in a language that each of its packs accepts.
    """
    telling = [pack for pack in packs if pack.languages]
    for place in sorted({place for pack in telling for place in pack.places}):
        here = [pack for pack in telling if pack.covers(place)]
        # What is in force together changes for the stricter on a first day alone.
        for day in sorted({pack.valid_from for pack in here}):
            live = [pack for pack in here if pack.in_force(day)]
            if live and not frozenset.intersection(*(pack.languages for pack in live)):
                ids = ", ".join(pack.id for pack in live)
                raise PolicyRefused(f"{ids}: expected a language in common, as all hold in {place}")


def _pack(f: Fields) -> Pack:
    if not _ID.fullmatch(identity := f.text("id")):
        raise DocumentMalformed(f"{f.at('id')}: expected house, or a code like CN or US-IL")
    since, until = _day(f, "valid_from"), _day(f, "valid_until") if f.has("valid_until") else None
    if until is not None and until <= since:
        raise DocumentMalformed(f"{f.at('valid_until')}: expected a day after valid_from")
    named = [name for name in ("free", "languages") if f.has(name)]
    rows = f.take("parameter") if f.has("parameter") else []
    if not isinstance(rows, list):
        raise DocumentMalformed(f"{f.at('parameter')}: expected [[parameter]] rows")
    stated = [_stated(Fields(row, f.at(f"parameter[{i}]"))) for i, row in enumerate(rows)]
    parameters = {one.name: one for one in stated}
    if len(parameters) != len(stated):
        raise DocumentMalformed(f"{f.at('parameter')}: expected each name once")
    pack = Pack(
        id=identity,
        version=f.text("version"),
        title=f.text("title"),
        title_zh=f.text("title_zh"),
        places=_places(f, "places"),
        free=_places(f, "free"),
        languages=f.labels("languages"),
        valid_from=since,
        valid_until=until,
        parameters=parameters,
    )
    for name in named:
        if not getattr(pack, name):
            # It reads as if nothing were allowed, and would bind nobody.
            raise DocumentMalformed(f"{f.at(name)}: expected items, or leave it out")
    return pack


def _stated(f: Fields) -> Stated:
    name = f.text("name")
    if name not in PARAMETERS:
        raise DocumentMalformed(f"{f.at('name')}: expected one of {', '.join(PARAMETERS)}")
    stated = Stated(name, _value(f, name), f.text("citation", at_most=300), f.word("status", Status))
    f.end()
    return stated


def _value(f: Fields, name: str) -> Any:
    kind, value = PARAMETERS[name].kind, f.take("value")
    if issubclass(kind, StrEnum):
        return Fields({"value": value}, f.where).word("value", kind)
    # A bool is an int to Python: "true days" must not become one.
    if type(value) is not kind or (isinstance(value, int) and kind is int and not 0 < value <= MOST):
        raise DocumentMalformed(
            f"{f.at('value')}: expected {'true or false' if kind is bool else 'a number from 1 on'}"
        )
    return value


def _day(f: Fields, name: str) -> date:
    value = f.take(name)
    if type(value) is not date:
        raise DocumentMalformed(f"{f.at(name)}: expected a day like 2025-09-01")
    return value


def _places(f: Fields, name: str) -> frozenset[str]:
    places = f.labels(name)
    for place in places:
        matched = _PLACE.fullmatch(place)
        if matched is None or matched[1] not in TERRITORIES:
            raise DocumentMalformed(f"{f.at(name)}: expected codes like CN or US-IL, found {place!r:.20}")
    return places
