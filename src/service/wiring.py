"""The only place where objects are made: settings in, a ready service out."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit import keyhistory
from audit.errors import ConsentryError
from audit.head import HeadFile
from audit.ids import Entropy
from audit.journal import DenyJournal
from audit.keyhistory import DutyKey
from audit.keys import Duty, SigningKey, VerifyingKey, load_private
from audit.keystore import KeyStore
from audit.ledger import Ledger
from audit.log import Log
from audit.note import NoteVerifier
from audit.storage import PosixStorage
from audit.witnessing import Witnessing
from consent import adoption, case
from consent.gate import Gate
from consent.ground import Place
from consent.hearing import Bench
from consent.law import Law
from consent.papers import Papers
from consent.permits import Permits
from consent.policy import Policy
from consent.registry import Registry
from consent.withdrawal import Together, WithdrawalEffect
from service import adopting, schema
from service import recovering as unfinished
from service.authorities import Authorities, open_authorities
from service.database import Database, utc_now
from service.endings import hears
from service.layout import Layout
from service.rules import open_policy
from service.rules import signers as policy_signers
from service.settings import Settings
from service.trusting import open_witnesses
from service.wrapping import open_kms
from swap.appeals import Appeals
from swap.claims import Claims
from swap.delivery import Delivery
from swap.store import MediaStore
from swap.templates import LibraryLock
from swap.tidings import Herald
from swap.withdrawal import SwapEffect


@dataclass(frozen=True, slots=True)
class Record:
    """What needs no model and no media: log, registry, gate, inbox. Opens in milliseconds."""

    settings: Settings
    layout: Layout
    database: Database
    keystore: KeyStore
    journal: DenyJournal
    ledger: Ledger
    log: Log
    policy: Policy
    registry: Registry
    gate: Gate
    permits: Permits
    delivery: Delivery
    effect: WithdrawalEffect
    entropy: Entropy
    clock: Callable[[], datetime]
    witnessing: Witnessing | None
    """Whom the log asks to cosign; None where nobody is."""
    authorities: Authorities | None
    """Who stamps the log's checkpoints; None where nobody does."""
    webhook: SigningKey
    """Signs what is told to hooks, and makes their secrets."""

    @property
    def law(self) -> Law:
        """What the law asks of this deployment today: where the operator sits, and where data is."""
        place = self.gate.bench.place
        return self.policy.law(frozenset({place.seat, place.region}), self.clock().date())

    @property
    def claims(self) -> Claims:
        """Takedown requests and court orders."""
        clock = timedelta(hours=self.law["takedown_hours"])
        return Claims(self.ledger, self.keystore, self.registry, self.effect, self.entropy, clock)

    @property
    def appeals(self) -> Appeals:
        """Appeals against decisions and answers."""
        return Appeals(self.ledger, self.entropy)

    @property
    def papers(self) -> Papers:
        """The operator's papers."""
        return Papers(self.ledger, self.entropy)

    def close(self) -> None:
        """End threads, and give connections back."""
        self.log.close()
        self.keystore.close()
        self.database.close()


def open_record(
    settings: Settings,
    *,
    entropy: Entropy = os.urandom,
    clock: Callable[[], datetime] = utc_now,
    start: bool = True,
    ended: bool = False,
    recovering: bool = False,
) -> Record:
    """Everything but the eyes. Raises the `Unready` or `Diverged` that is wrong; then nothing is open.

    With `start` policy, keys and settings are adopted if they are other than the last ones
    (`consent.adoption`, `service.adopting`), and a key that was retired or compromised is refused, except for
    who opens it to mend that (`ended`); a recovery that broke off is refused, except for who goes on with it
    (`recovering`). Without it the log is not held against its head either: only to look into one that can't
    start.
    """
    layout = Layout.of(settings)
    if start and not recovering:
        # Before the journal, which may have been made anew.
        unfinished.refuse(layout.recovering)
    tenant = settings.tenant
    with ExitStack() as undo:
        database = Database(settings.database_url)
        undo.callback(database.close)
        schema.check(database)
        keystore = KeyStore(layout.keystore, open_kms(settings, layout.kek), tenant, entropy)
        undo.callback(keystore.close)
        journal = DenyJournal(layout.journal)
        ledger = Ledger(tenant, keystore, entropy, Herald(tenant, entropy).heard, hears(tenant, journal))
        keys = {duty: load_private(layout.key(duty), duty) for duty in sorted(keyhistory.OWN)}
        log_key, permit_key, countersign = keys[Duty.LOG], keys[Duty.PERMIT], keys[Duty.COUNTERSIGN]
        witnessing = open_witnesses(settings, NoteVerifier(settings.origin, log_key.verifying))
        log = Log(
            tenant,
            settings.origin,
            log_key,
            PosixStorage(layout.log),
            HeadFile(layout.head),
            database,
            f"{socket.gethostname()}:{os.getpid()}",
            witnesses=witnessing,
        )
        undo.callback(log.close)
        if start:
            # Before anybody is answered: a restored older database must not speak.
            log.start()
        policy, signers = open_policy(settings)
        if start:
            trust = None if witnessing is None else witnessing.trust
            using = adopting.using(settings, keys.values(), layout.chain, policy_signers(settings), trust)
            history = adopting.adopt(database, ledger, using, clock(), ended=ended)
            _adopt(database, ledger, policy, signers, clock())
        else:
            history = _readable(database, ledger)
        known = {**adopting.verifying(history, Duty.COUNTERSIGN), **_by_kid(countersign.verifying)}
        registry = Registry(ledger, journal, countersign, known, entropy, party=settings.party)
        place = Place(settings.seat, settings.processing_region)
        signing = frozenset({log_key.kid, permit_key.kid})
        bench = Bench(registry, LibraryLock(), ledger, place, policy.digest, signing)
        trusted = {**adopting.verifying(history, Duty.PERMIT), **_by_kid(permit_key.verifying)}
        permits = Permits(bench, policy, trusted, entropy)
        mode = case.Mode(settings.mode.value)
        gate = Gate(bench, policy, permit_key, trusted, mode, entropy)
        record = Record(
            settings=settings,
            layout=layout,
            database=database,
            keystore=keystore,
            journal=journal,
            ledger=ledger,
            log=log,
            policy=policy,
            registry=registry,
            gate=gate,
            permits=permits,
            delivery=Delivery(database, ledger, log, MediaStore(layout.media), registry, clock),
            effect=Together((SwapEffect(entropy), permits)),
            entropy=entropy,
            clock=clock,
            witnessing=witnessing,
            webhook=keys[Duty.WEBHOOK],
            authorities=open_authorities(settings),
        )
        undo.pop_all()
        return record


def _adopt(
    database: Database, ledger: Ledger, policy: Policy, signers: tuple[str, ...], now: datetime
) -> None:
    """Before anybody is answered by these rules. Most starts only look."""
    with database.read() as session:
        found = adoption.last(session, ledger.tenant)
    if found is None or found.digest != policy.digest:
        with database.write() as session:
            adoption.adopt(session, ledger, policy, signers=signers, now=now)


def _readable(database: Database, ledger: Ledger) -> tuple[DutyKey, ...]:
    try:
        return adopting.known(database, ledger)
    except ConsentryError:
        # Edited rows are what somebody is here to find: they verify nothing, and keep nobody from looking.
        return ()


def _by_kid(*keys: VerifyingKey) -> dict[str, VerifyingKey]:
    return {key.kid: key for key in keys}
