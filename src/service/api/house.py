"""What routes work with: opened once, when the API starts, and handed to each of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request

from consent.links import Links
from consent.passkeys import Passkeys
from service.apikeys import ApiKeys
from service.database import Database
from service.facts import Lookout
from service.metrics import Metrics
from service.once import Once
from service.receiving import Receiving
from service.settings import Settings
from service.studio import Studio
from service.wiring import Record
from swap.errors import NoSuchThing


@dataclass(frozen=True, slots=True)
class House:
    """One tenant's service behind its API."""

    record: Record
    studio: Studio
    keys: ApiKeys = field(init=False)
    once: Once = field(init=False)
    lookout: Lookout = field(init=False)
    metrics: Metrics = field(init=False)
    receiving: Receiving = field(init=False)
    links: Links = field(init=False)
    passkeys: Passkeys = field(init=False)

    def __post_init__(self) -> None:
        record = self.record
        lookout = Lookout.of(record.settings, record.database, record.journal, record.clock, record.keystore)
        object.__setattr__(self, "keys", ApiKeys(record.ledger, record.entropy))
        object.__setattr__(self, "once", Once(record.settings.tenant, record.entropy))
        object.__setattr__(self, "lookout", lookout)
        object.__setattr__(self, "metrics", Metrics.of(lookout))
        object.__setattr__(self, "receiving", Receiving.of(record, self.studio.admission))
        object.__setattr__(self, "links", Links(record.ledger, record.entropy))
        object.__setattr__(self, "passkeys", Passkeys(record.registry.people))
        record.database.beside = self.once.beside

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.record.settings

    @property
    def tenant(self) -> str:
        """Whose data these are."""
        return self.record.settings.tenant

    @property
    def database(self) -> Database:
        """Its sessions."""
        return self.record.database

    @property
    def clock(self) -> Callable[[], datetime]:
        """Its clock."""
        return self.record.clock


def not_found(what: str) -> NoSuchThing:
    """What is answered for an id of nobody and for one of somebody else, alike."""
    return NoSuchThing(f"no such {what} here")


async def _house(request: Request) -> House:
    # Not `def`: that would be a trip to another thread and back, for each request.
    return cast(House, request.app.state.house)


TheHouse = Annotated[House, Depends(_house)]
