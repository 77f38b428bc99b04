"""Withdrawing, whoever asks and however: in force when it returns, published, small duties done."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlmodel import Session

from audit.keyhistory import DutyKeyEnded
from audit.witnessed import WitnessAhead
from consent.errors import AuthorizationUnknown
from consent.withdrawal import By, Withdrawn
from consent.words import Purpose
from service.logs import LOG
from service.wiring import Record
from swap.claim import Claim
from swap.sweeper import Sweeper
from swap.withdrawal import Impact
from swap.withdrawal import impact as impact_of


@dataclass(frozen=True, slots=True)
class Word:
    """On whose word: a recovery code, or somebody the edge has authorised."""

    code: str | None = None
    by: By | None = None


def withdraw(
    record: Record, authorization: str, word: Word, purposes: Collection[Purpose] | None
) -> Withdrawn:
    """End it, publish the entry, and do the duties that no worker is needed for.

    Raises `AuthorizationUnknown`, `PurposeNotGiven`, `RecoveryCodeWrong`.
    """
    registry, now = record.registry, record.clock()
    with record.database.write() as session:
        if word.by is not None:
            done = registry.withdraw(
                session, record.effect, authorization, by=word.by, now=now, purposes=purposes
            )
        else:
            done = registry.withdraw_by_code(
                session, record.effect, authorization, word.code or "", now=now, purposes=purposes
            )
    publish(record, done.entry)
    # Runs are a worker's to hand over; files that nobody may serve any more can go now.
    Sweeper(record.database, record.ledger, record.delivery.media, record.clock).sweep()
    publish(record)
    return done


def publish(record: Record, entry: str | None = None) -> None:
    """Publish what ends something. A log that stands still for its witnesses' sake does so later, one
    whose own key was in other hands never.

    What she ended is in force with its commit: to answer her with somebody else's fault would say it is not.
    """
    try:
        record.log.publish(entry, now=record.clock())
    except (WitnessAhead, DutyKeyEnded) as error:
        LOG.critical("the log stands still", extra={"code": error.code})


def impact(record: Record, authorization: str) -> Impact:
    """Everything that rests on an authorization. Raises `AuthorizationUnknown`."""
    tenant = record.settings.tenant
    with record.database.read() as session:
        if not record.registry.standings(session, tenant, [authorization], now=record.clock(), lock=None):
            raise AuthorizationUnknown(f"no authorization {authorization!r:.40} in this tenant")
        return impact_of(session, tenant, authorization)


def answered(record: Record, act: Callable[[Session], Claim]) -> Claim:
    """Answer a claim or receive an order in one transaction, publish it, and take away what may go now."""
    with record.database.write() as session:
        done = act(session)
    publish(record, done.entry)
    Sweeper(record.database, record.ledger, record.delivery.media, record.clock).sweep()
    publish(record)
    return done


def change(record: Record, act: Callable[[Session], str]) -> str:
    """Do what is one transaction and returns its entry, and publish that."""
    with record.database.write() as session:
        entry = act(session)
    record.log.publish(entry, now=record.clock())
    return entry
