"""Registering and ending hooks, whoever asks: one transaction with its entry, published."""

from collections.abc import Collection
from dataclasses import dataclass

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Part
from audit.ids import fresh
from service import webhooks
from service.outbound import allowed
from service.settings import Mode
from service.wiring import Record
from swap import hooks
from swap.hooks import Event, Hook

MOST = 50
"""Live hooks of a tenant: each fact is written once for each of them."""


class TooManyHooks(BadInput):
    """As many hooks as a tenant may have."""

    code = "HOOKS_MANY"
    zh = "回调地址数量已达上限。"
    hint = "End one that is not needed any more, then register again."
    hint_zh = "请先停用不再需要的回调地址，再行登记。"


@dataclass(frozen=True, slots=True)
class Made:
    """A hook that was registered, with its secret."""

    hook: Hook
    secret: str
    entry: str


def register(record: Record, url: str, types: Collection[Event], *, by: str) -> Made:
    """Register an address. Raises `AddressRefused`, `TooManyHooks`."""
    allowed(url, demo=record.settings.mode is Mode.DEMO)
    tenant, now = record.settings.tenant, record.clock()
    hook = Hook(fresh(record.entropy), url, frozenset(types), by, now)
    with record.database.write() as session:
        if sum(one.ended_at is None for one in hooks.every(session, tenant)) >= MOST:
            raise TooManyHooks(f"expected at most {MOST} live hooks")
        hooks.add(session, tenant, hook)
        # The address may hold a token of the receiver's: it stays out of the log.
        said: dict[str, Json] = {
            "hook": hook.id,
            "types": sorted(map(str, hook.types)),
            "by": by,
            "at": instant.exact(now),
        }
        entry = record.ledger.append(session, _fact(tenant, "HookRegistered", said), now)
    record.log.publish(entry.leaf_hash, now=record.clock())
    return Made(hook, webhooks.secret(record.webhook, hook.id), entry.leaf_hash)


def end(record: Record, hook: str, *, by: str) -> None:
    """Tell it nothing more; again changes nothing. Raises `NoSuchThing`."""
    tenant, now = record.settings.tenant, record.clock()
    with record.database.write() as session:
        if hooks.end(session, tenant, hook, now=now):
            said: dict[str, Json] = {"hook": hook, "by": by, "at": instant.exact(now)}
            record.ledger.append(session, _fact(tenant, "HookEnded", said), now)
    record.log.publish(now=record.clock())


def _fact(tenant: str, kind: str, said: dict[str, Json]) -> Fact:
    return Fact(kind, (Part.of_tenant(tenant, said),))
