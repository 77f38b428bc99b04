"""The only place where objects are made: settings in, a ready service out."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import cv2

from audit import certificate
from audit.errors import Unready
from audit.head import HeadFile
from audit.ids import Entropy
from audit.journal import DenyJournal
from audit.keys import Duty, VerifyingKey, load_private
from audit.keystore import KeyStore
from audit.ledger import Ledger
from audit.log import Log
from audit.storage import PosixStorage
from consent import case
from consent.enrolment import Enrolment
from consent.eyes import eyes
from consent.gate import Gate
from consent.hearing import Bench
from consent.matching import MatchRule
from consent.modelcard import Deployment
from consent.models import locate
from consent.permits import Permits
from consent.policy import Policy, load
from consent.portraits import Portraits
from consent.registry import Registry
from consent.withdrawal import Together, WithdrawalEffect
from service import schema
from service.database import Database, utc_now
from service.layout import Layout, policies
from service.settings import Mode, Settings
from swap.admission import Admission
from swap.delivery import Delivery
from swap.donors import Donors
from swap.finishing import Finisher
from swap.limits import Limits
from swap.mesh import MeshEngine
from swap.photos import SandboxedPhotos
from swap.pipeline import Pipeline
from swap.preparing import Preparing
from swap.quarantine import Quarantine
from swap.recognition import Recogniser
from swap.sandbox import Mode as SandboxMode
from swap.sandbox import Sandbox
from swap.store import MediaStore
from swap.templates import LibraryLock
from swap.withdrawal import SwapEffect


class ProviderCodeMissing(Unready):
    """Outside demo mode nothing is released without the operator's own code for the AIGC label."""

    code = "PROVIDER_CODE_MISSING"
    zh = "缺少 AIGC 标识所需的服务提供者编码，无法发布。"
    hint = (
        "Set provider_code in consentry.toml to the 27-character code you were given; it is never invented."
    )
    hint_zh = "请在 consentry.toml 中填写主管机构分配的 27 位编码；系统不会代为编造。"


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

    def close(self) -> None:
        """Give connections back."""
        self.keystore.close()
        self.database.close()


@dataclass(frozen=True, slots=True)
class Studio:
    """What looks at pictures: sandbox, models, engine, and the ways in and out that need them."""

    sandbox: Sandbox
    photos: SandboxedPhotos
    enrolment: Enrolment
    admission: Admission
    donors: Donors
    pipeline: Pipeline

    def close(self) -> None:
        """End warm cells."""
        self.sandbox.close()


def open_record(
    settings: Settings,
    *,
    entropy: Entropy = os.urandom,
    clock: Callable[[], datetime] = utc_now,
    start: bool = True,
) -> Record:
    """Everything but the eyes. Raises the `Unready` or `Diverged` that is wrong; then nothing is open.

    Without `start` the log is not held against its head: only to look into one that can't start.
    """
    layout = Layout.of(settings)
    tenant = settings.tenant
    with ExitStack() as undo:
        database = Database(settings.database_url)
        undo.callback(database.close)
        schema.check(database)
        keystore = KeyStore(layout.keystore, layout.kek, tenant, entropy)
        undo.callback(keystore.close)
        journal = DenyJournal(layout.journal)
        ledger = Ledger(tenant, keystore, entropy)
        log = Log(
            tenant,
            settings.origin,
            load_private(layout.key(Duty.LOG), Duty.LOG),
            PosixStorage(layout.log),
            HeadFile(layout.head),
            database,
            f"{socket.gethostname()}:{os.getpid()}",
        )
        if start:
            # Before anybody is answered: a restored older database must not speak.
            log.start()
        countersign = load_private(layout.key(Duty.COUNTERSIGN), Duty.COUNTERSIGN)
        permit_key = load_private(layout.key(Duty.PERMIT), Duty.PERMIT)
        policy = load(policies(settings))
        registry = Registry(ledger, journal, countersign, _by_kid(countersign.verifying), entropy)
        bench = Bench(registry, LibraryLock(), ledger)
        trusted = _by_kid(permit_key.verifying)
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
        )
        undo.pop_all()
        return record


def open_studio(record: Record) -> Studio:
    """The eyes and the engine. Takes about a second: weights are verified, folded and self-tested."""
    settings, layout, ledger = record.settings, record.layout, record.ledger
    # OpenCV's threads fight onnxruntime's on a small machine; ours is the only program in this process.
    cv2.setNumThreads(1)
    deployment = Deployment(settings.deployment)
    detector, embedder = eyes(
        layout.models,
        folder=settings.models,
        deployment=deployment,
        providers=settings.providers,
        threads=settings.threads,
    )
    engine = MeshEngine(locate("face-landmark", folder=settings.models, deployment=deployment))
    demo = settings.mode is Mode.DEMO
    producer = "consentry-demo" if demo else settings.provider_code
    if producer is None:
        raise ProviderCodeMissing("provider_code is not set")
    signer = certificate.load(layout.chain, layout.key(Duty.MANIFEST), record.clock())
    limits = Limits()
    sandbox = Sandbox(limits, mode=SandboxMode(settings.sandbox))
    photos = SandboxedPhotos(sandbox)
    quarantine, media = Quarantine(layout.quarantine, limits), MediaStore(layout.media)
    portraits = Portraits(settings.tenant, record.keystore, record.entropy)
    recogniser = Recogniser(record.registry, portraits, embedder, MatchRule())
    database, gate, log = record.database, record.gate, record.log
    finisher = Finisher(
        engine, sandbox, media, signer, layout.trust.read_text(), producer, demo, settings.tsa_url
    )
    preparing = Preparing(
        settings.tenant,
        quarantine,
        photos,
        detector,
        engine,
        record.policy,
        settings.origin,
        version("consentry"),
        record.entropy,
    )
    return Studio(
        sandbox=sandbox,
        photos=photos,
        enrolment=Enrolment(record.registry, portraits, detector, embedder),
        admission=Admission(
            database,
            gate,
            ledger,
            log,
            quarantine,
            media,
            sandbox,
            detector,
            recogniser,
            settings.scan_side,
            record.entropy,
            record.clock,
        ),
        donors=Donors(
            database,
            gate,
            ledger,
            log,
            quarantine,
            photos,
            detector,
            recogniser,
            record.entropy,
            record.clock,
        ),
        pipeline=Pipeline(
            database,
            gate,
            record.permits,
            ledger,
            log,
            finisher,
            preparing,
            media,
            quarantine,
            layout.work,
            record.entropy,
            record.clock,
        ),
    )


def _by_kid(*keys: VerifyingKey) -> dict[str, VerifyingKey]:
    return {key.kid: key for key in keys}
