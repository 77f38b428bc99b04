"""Erase a person, as far as the law lets: withdraw, drop, end, retire; then her keys. Safe to repeat.

Each consent is withdrawn in a transaction of its own: all in one would lock templates after authorizations.
If it dies in between, what is withdrawn stays so and asking again goes on; a committed erasure is brought to
its end by the worker's purge if not here. Each of its steps is a unit of work of its own: to look through the
log for what was hers takes as long as the log is, and nobody else may have to wait for it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from audit.canonical import Json
from audit.errors import BadInput, ConsentryError, Diverged
from audit.fact import Subject
from audit.keystore import KeysInUse
from audit.ledger import Place
from audit.rewrapping import KeyDamaged, KeysDamaged
from consent import by_system, signed
from consent.erasures import Erasure, Left
from consent.errors import PersonUnknown
from consent.portraits import Portraits
from consent.withdrawal import By
from service import revoking
from service.endings import Endings
from service.evidence.recipients import HandedOut, handed_out, readable
from service.subject import SubjectRights
from service.wiring import Record
from swap.hooks import Event
from swap.tidings import Herald


def erase(record: Record, person: str, by: By) -> Erasure:
    """Erase her. Raises `PersonUnknown`, and `audit.rewrapping.KeyDamaged`: then all she signed is denied."""
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
    # Swallowed: what is in use now, waits for a damaged key, or stopped at somebody else's rows, the worker's
    # purge destroys, as the row of the erasure says it must.
    with suppress(KeysInUse, KeysDamaged, BadInput, Diverged):
        finish(record)
    revoking.publish(record, begun.entry)
    with record.database.read() as session:
        return rights.erasures.find(session, person) or begun


@dataclass(frozen=True, slots=True)
class Anew:
    """Who was erased again, and who could not be, for her keys do not open or her rows contradict them."""

    done: tuple[str, ...]
    left: tuple[str, ...]
    """All they signed is denied."""


def again(record: Record, by: By) -> Anew:
    """Erase anew whom a restored database has forgotten that she was.

    The key store knows whose keys went, the deny journal also whose are held still.

    Without any key of hers nothing can be sealed, or found in the log: what ends hers is sealed for the
    tenant, and no part is counted. What the database has back of hers in the log opens for nobody.
    """
    done, left = [], []
    with record.database.read() as session:
        remembered = Endings(record.ledger, record.journal, record.entropy).erased(session)
    for person in sorted({*record.keystore.erased(), *remembered}):
        with record.database.read() as session:
            forgotten = SubjectRights(record).erasures.find(session, person) is None
        if forgotten:
            try:
                erase(record, person, by)
                done.append(person)
            except PersonUnknown:
                continue  # of an id that the database has never had there is nothing to erase
            except (BadInput, Diverged):
                # What is wrong with one keeps nobody else's from being erased.
                left.append(person)
    return Anew(tuple(done), tuple(left))


def finish(record: Record) -> int:
    """Bring every erasure that is due to its end, or on: keys destroyed, and every copy of them. How many.

    Raises `audit.keystore.KeysInUse` while somebody reads the key store, `audit.rewrapping.KeysDamaged` while
    keys that do not open can be put back, and what keeps the KEK from being used: the next call goes on. What
    stops one for what is stored of her keeps nobody else's, and is raised at the end.
    """
    erasures, failed = SubjectRights(record).erasures, list[ConsentryError]()
    with record.database.read() as session:
        due = erasures.due(session, now=record.clock())
    for one in due:
        with _apart(failed):
            if one.left is Left.ALL:
                # What was granted before her row was there, if who erased her died before the second look.
                # Swallowed: what can't be written is denied, and her keys go all the same.
                with suppress(KeyDamaged):
                    _withdraw_all(record, one.person, by_system.SYSTEM)
            # Before the keys go: without them nobody can tell in which bundles she is.
            _tell(record, one)
            places = _sealed(record, one)
            with record.database.write() as session:
                going = erasures.drop(session, one, places, now=record.clock())
            if going:
                with record.database.write() as session:
                    erasures.destroy(session, one, now=record.clock())
    with record.database.read() as session:
        waiting = erasures.uncompleted(session)
    done = 0
    if waiting:
        # Once for all of them: it wraps every other key anew.
        epoch = record.keystore.rotate(record.clock())
        damaged = record.keystore.damaged()
        with record.database.write() as session:
            erasures.rotated(session, epoch, damaged=damaged, now=record.clock())
        for one in waiting:
            with _apart(failed):
                late = _sealed(record, one)
                with record.database.write() as session:
                    done += erasures.complete(session, one, late, epoch, now=record.clock())
    if failed:
        raise failed[0]
    return done


@contextmanager
def _apart(failed: list[ConsentryError]) -> Iterator[None]:
    try:
        yield
    except (BadInput, Diverged) as error:
        failed.append(error)


def recipients(record: Record, person: str) -> Sequence[HandedOut]:
    """Which bundles with her in them were made, and for whom: who has one is to be told (GDPR art. 19)."""
    with record.database.read() as session:
        return handed_out(session, record.ledger, person)


def _tell(record: Record, one: Erasure) -> None:
    with record.database.read() as session:
        found = readable(session, record.ledger, one.person)
    if not found:
        return
    now = record.clock()
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
        # Before the first of them: whatever stops one, as damaged keys do, nothing she signed stays in force.
        record.registry.deny(session, granted)
    failed = list[ConsentryError]()
    for authorization in granted:
        with _apart(failed):
            revoking.withdraw(record, authorization, revoking.Word(by=by), None)
    if failed:
        raise failed[0]


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
