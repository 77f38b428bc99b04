"""Erase a person, as far as the law lets: withdraw, drop, end, retire; then her keys. Safe to repeat.

Each consent is withdrawn in a transaction of its own: all in one would lock templates after authorizations.
If it dies in between, what is withdrawn stays so and asking again goes on; a committed erasure is brought to
its end by the worker's purge if not here. Each of its steps is a unit of work of its own: to look through the
log for what was hers takes as long as the log is, and nobody else may have to wait for it.
"""

from collections.abc import Sequence
from contextlib import suppress

from audit.canonical import Json
from audit.fact import Subject
from audit.keystore import KeysInUse
from audit.ledger import Place
from audit.rewrapping import KeyDamaged, KeysDamaged
from consent import signed
from consent.erasures import Erasure
from consent.errors import PersonUnknown
from consent.portraits import Portraits
from consent.withdrawal import By
from service import revoking
from service.evidence.recipients import HandedOut, handed_out
from service.subject import SubjectRights
from service.wiring import Record
from swap.hooks import Event
from swap.tidings import Herald


def erase(record: Record, person: str, by: By) -> Erasure:
    """Erase her. Raises `PersonUnknown`."""
    rights, registry, now = SubjectRights(record), record.registry, record.clock()
    with record.database.read() as session:
        registry.people.get(session, person)
    _withdraw_all(record, person, by)
    with record.database.write() as session:
        references = Portraits(registry.tenant, record.keystore, record.entropy).drop_person(session, person)
        for protection in rights.protections.of(session, person):
            if protection.ended_at is None:
                rights.protections.end(session, protection.id, by=by, now=now)
        for key in registry.people.keys(session, person):
            if key.until is None:
                registry.people.retire_key(session, person, key.key, by=by.actor, now=now)
        begun = rights.erasures.begin(session, person, by=by.actor, references=references, now=now)
    # From here on nothing is granted under her id; what was granted while the first were withdrawn goes too.
    _withdraw_all(record, person, by)
    # Swallowed: what is in use now, or waits for a damaged key, the worker's purge destroys, as the row of
    # the erasure says it must.
    with suppress(KeysInUse, KeysDamaged):
        finish(record)
    revoking.publish(record, begun.entry)
    with record.database.read() as session:
        return rights.erasures.find(session, person) or begun


def again(record: Record, by: By) -> tuple[str, ...]:
    """Erase anew whom a restored database has forgotten that she was: the key store knows. Which people.

    Legal holds that came after the backup are forgotten too, and no other store knows of them.
    """
    done = []
    for person in record.keystore.halved():
        with record.database.read() as session:
            forgotten = SubjectRights(record).erasures.find(session, person) is None
        if forgotten:
            # Swallowed: of an id that the database has never had there is nothing to erase.
            with suppress(PersonUnknown):
                erase(record, person, by)
                done.append(person)
    return tuple(done)


def finish(record: Record) -> int:
    """Bring every erasure that is due to its end, or on: keys destroyed, and every copy of them. How many.

    Raises `audit.keystore.KeysInUse` while somebody reads the key store, `audit.rewrapping.KeysDamaged` while
    keys that do not open can be put back, and what keeps the KEK from being used: the next call goes on.
    """
    erasures = SubjectRights(record).erasures
    with record.database.read() as session:
        due = erasures.due(session, now=record.clock())
    for one in due:
        # Before the keys go: without them nobody can tell in which bundles she is.
        _tell(record, one)
        places = _sealed(record, one)
        with record.database.write() as session:
            going = erasures.drop(session, one, places)
        if going:
            with record.database.write() as session:
                erasures.destroy(session, one, now=record.clock())
    with record.database.read() as session:
        waiting = erasures.uncompleted(session)
    if not waiting:
        return 0
    # Once for all of them: it wraps every other key anew.
    epoch = record.keystore.rotate(record.clock())
    damaged = record.keystore.damaged()
    with record.database.write() as session:
        erasures.rotated(session, epoch, damaged=damaged, now=record.clock())
    done = 0
    for one in waiting:
        late = _sealed(record, one)
        with record.database.write() as session:
            done += erasures.complete(session, one, late, epoch, now=record.clock())
    return done


def recipients(record: Record, person: str) -> Sequence[HandedOut]:
    """Which bundles with her in them were made, and for whom: who has one is to be told (GDPR art. 19)."""
    with record.database.read() as session:
        return handed_out(session, record.ledger, person)


def _tell(record: Record, one: Erasure) -> None:
    found, now = recipients(record, one.person), record.clock()
    if not found:
        return
    herald = Herald(record.settings.tenant, record.entropy)
    with record.database.write() as session:
        for each in found:
            # Once in each turn of her keys: at first what proves her consent may still be kept, then nothing.
            turn = f"{one.entry} {'evidence' if len(one.seals) > 1 else 'operational'}"
            data: dict[str, Json] = {"about": each.about, "made_at": each.at, "erasure": one.entry}
            herald.tell(
                session, Event.EVIDENCE_ERASED, each.bundle, data, now=now, entry=each.entry, once=turn
            )


def _sealed(record: Record, one: Erasure) -> tuple[Place, ...]:
    try:
        with record.database.read() as session:
            return record.ledger.sealed(session, Subject("person", one.person), one.seals)
    except KeyDamaged:
        # Without her keys nobody can tell what was hers, or read it. What is left of them goes all the same:
        # she asked for that, and the others who did must not wait for her.
        return ()


def _withdraw_all(record: Record, person: str, by: By) -> None:
    with record.database.read() as session:
        granted = signed.granted(session, record.registry.tenant, person)
    for authorization in granted:
        revoking.withdraw(record, authorization, revoking.Word(by=by), None)


def restrict(record: Record, person: str, by: By) -> tuple[str, ...]:
    """Let nothing rest on anything she signed until it is settled: kept, and not used. Which.

    Raises `PersonUnknown`.
    """
    registry = record.registry
    with record.database.write() as session:
        registry.people.get(session, person)
        granted = signed.granted(session, registry.tenant, person)
        for authorization in granted:
            registry.dispute(session, authorization, by=by, now=record.clock())
    revoking.publish(record)
    return granted
