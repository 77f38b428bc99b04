"""What a column must equal, as rules: a row's value and what its entry says go in, yes or no comes out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, cast

from audit import instant
from audit.canonical import Json, canonical
from audit.fact import Subject
from audit.sealing import SealBroken
from service.rowcheck.reading import Read
from service.rowcheck.said import Gone, Said, Told


class Broken(LookupError):
    """A rule needs a column that is damaged, which is a finding already."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row with what it is held against."""

    read: Read
    said: Said
    told: Told | None

    def __getitem__(self, column: str) -> Any:
        if column in self.read.damaged:
            raise Broken(column)
        try:
            return self.said.value(self.read, column)
        except SealBroken:
            raise Broken(column) from None

    def of(self, named: Read, column: str) -> Any:
        """A value of another row. Raises `Broken` where that is damaged, which is a finding of its own."""
        return Row(named, self.said, None)[column]

    @property
    def entry(self) -> Told:
        """The entry that the row names, or that was found for it. Raises `LookupError`."""
        if self.told is None:
            raise LookupError("no entry")
        return self.told

    @property
    def payload(self) -> Mapping[str, Json]:
        """What that says."""
        return self.entry.payload

    def first(self, whose: Subject, *kinds: str) -> Told:
        """The last entry of one of these kinds that the row's own goes back to. Raises `LookupError`."""
        for told in self.said.back(self.entry, whose):
            if told.kind in kinds:
                return told
        raise LookupError(kinds)


Rule = Callable[[Row, Any], bool]
Find = Callable[[Row], Told | Gone | None]
Whose = Callable[[Row], Subject]


@dataclass(frozen=True, slots=True)
class Owed:
    """So many rows of a table that have these values must be there."""

    table: str
    values: Mapping[str, Any]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Covered:
    """A table, its rules by column, and why the other columns have none."""

    table: str
    rules: Mapping[str, Rule]
    entry: str = "entry"
    """The column that leads to the entry: to blame when there is none."""
    leads: str | None = None
    """The column by which `find` or `whose` look elsewhere: to blame when that raises. None: `entry`."""
    kinds: frozenset[str] = frozenset()
    """What the entry may be. Empty: the rules see to it."""
    find: Find | None = None
    """How the entry is found; None: the column `entry` is its leaf hash."""
    person: str | None = None
    """The column that names whose part of the entry it is. None: the tenant's."""
    whose: Whose | None = None
    """The same, where it is not in the row itself."""
    unsealable: bool = False
    """Or the tenant's part: what could not wait until her keys open."""
    plain: Mapping[str, str] = field(default_factory=dict)
    """By column, why nothing holds it: what it is for, and what a change of it can do."""
    alone: bool = False
    """No entry is looked for: the rules know where to look."""
    makes: frozenset[str] = frozenset()
    """Kinds of entries with a row here each, that nothing deletes."""
    made: Callable[[Row], Iterable[str]] | None = None
    """Leaf hashes of the entries that a row is there for. None: the one in the column `entry`."""
    owes: Callable[[Row], Iterable[Owed]] | None = None
    """Which rows of other tables must be there because this one is."""


def says(key: str) -> Rule:
    """The entry's value of this name."""
    return lambda row, value: plain(value) == row.payload[key]


def may_say(key: str) -> Rule:
    """The same, where nothing is written as the empty text, null, or not at all."""
    return lambda row, value: (plain(value) or None) == (row.payload.get(key) or None)


def hashed(key: str) -> Rule:
    """The entry has the SHA-256 of it; of nothing, the empty text."""
    return lambda row, value: digest_or_empty(value) == (row.payload.get(key) or "")


def as_json(key: str) -> Rule:
    """The entry's value as canonical JSON."""
    return lambda row, value: value == canonical(row.payload[key]).decode()


def joined(key: str) -> Rule:
    """The entry's words in order, with commas."""
    return lambda row, value: value == ",".join(sorted(cast("list[str]", row.payload.get(key) or [])))


def written(row: Row, value: Any) -> bool:
    """When the entry was written."""
    return bool(value == row.entry.at)


def led(_row: Row, _value: Any) -> bool:
    """The entry was found by it, or a finding says that there is none."""
    return True


def back(column: str = "entry") -> Callable[[Row], Iterable[str]]:
    """For `made`: the entry in a column that moves on, and all that it follows from."""
    return lambda row: row.said.followed(row[column])


def ended(*kinds: str, whose: Whose | None = None, entry: str = "entry") -> Rule:
    """The instant of the entry of one of these kinds that followed; null while there is none."""

    def rule(row: Row, value: datetime | None) -> bool:
        subject = whose(row) if whose else row.said.tenant
        found = [one for kind in kinds for one in row.said.following(kind, row[entry], subject)]
        return bool(plain(value) == (found[-1].payload["at"] if found else None))

    return rule


def known(table: str, column: str = "id") -> Rule:
    """Another table has the row that it names."""
    return lambda row, value: bool(row.said.where(table, **{column: value}))


def of_person(column: str = "person_id") -> Whose:
    """The person that a column names; the tenant where it names none."""
    return lambda row: row.said.tenant if row[column] is None else Subject("person", row[column])


def decided(column: str) -> Find:
    """The entry of the decision that a column names."""
    return lambda row: row.said.told(
        row.said.one("decision", id=row[column]).values["entry"], row.said.tenant
    )


def plain(value: Any) -> Any:
    """A value as payloads write it."""
    return instant.exact(value) if isinstance(value, datetime) else value


def digest_or_empty(value: bytes | str | None) -> str:
    """SHA-256 of bytes or text; of nothing, the empty text."""
    if value is None:
        return ""
    return sha256(value.encode() if isinstance(value, str) else value).hexdigest()
