"""The second half of the wiring: what looks at pictures. Apart, because models take a second to load."""

from dataclasses import dataclass
from importlib.metadata import version

import cv2

from audit import certificate
from audit.errors import Unready
from audit.keys import Duty
from consent.blindfold import Blindfold
from consent.capturing import Captures
from consent.enrolment import Enrolment
from consent.eyes import eyes
from consent.faces import Embedder
from consent.matching import MatchRule
from consent.modelcard import Deployment
from consent.models import cards
from consent.portraits import Portraits
from service import adopting
from service.engines import open_engine
from service.settings import Mode
from service.subject import SubjectRights
from service.wiring import Record
from swap.admission import Admission
from swap.donors import Donors
from swap.finishing import Finisher
from swap.limits import Limits
from swap.photos import SandboxedPhotos
from swap.pipeline import Pipeline
from swap.preparing import Preparing
from swap.quarantine import Quarantine
from swap.recognition import Recogniser
from swap.sandbox import Mode as SandboxMode
from swap.sandbox import Sandbox
from swap.scanning import Scanning
from swap.store import MediaStore
from swap.welcome import Welcome


class ProviderCodeMissing(Unready):
    """Outside demo mode nothing is released without the operator's own code for the AIGC label."""

    code = "PROVIDER_CODE_MISSING"
    zh = "缺少 AIGC 标识所需的服务提供者编码，无法发布。"
    hint = (
        "Set provider_code in consentry.toml to the 27-character code you were given; it is never invented."
    )
    hint_zh = "请在 consentry.toml 中填写主管机构分配的 27 位编码；系统不会代为编造。"


@dataclass(frozen=True, slots=True)
class Studio:
    """What looks at pictures: sandbox, models, engine, and the ways in and out that need them."""

    sandbox: Sandbox
    photos: SandboxedPhotos
    enrolment: Enrolment
    captures: Captures
    admission: Admission
    scanning: Scanning
    donors: Donors
    pipeline: Pipeline

    def close(self) -> None:
        """End warm cells."""
        self.sandbox.close()


def open_studio(record: Record) -> Studio:
    """The eyes and the engine. Takes about a second: weights are verified, folded and self-tested."""
    settings, layout, ledger = record.settings, record.layout, record.ledger
    # OpenCV's threads fight onnxruntime's on a small machine; ours is the only program in this process.
    cv2.setNumThreads(1)
    deployment = Deployment(settings.deployment)
    embedder: Embedder
    detector, embedder = eyes(
        layout.models,
        folder=settings.models,
        deployment=deployment,
        providers=settings.providers,
        threads=settings.threads,
    )
    if not settings.biometrics:
        embedder = Blindfold()
    engine = open_engine(settings, now=record.clock(), entropy=record.entropy)
    loaded = {"detector": detector.digest, "embedder": embedder.digest}
    adopting.adopt_models(
        record.database,
        ledger,
        adopting.described(cards(settings.models), loaded, engine),
        record.clock(),
    )
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
    rights = SubjectRights(record)
    watch = rights.watch(portraits, embedder.digest)
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
    admission = Admission(
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
        Welcome(database, log, rights.tries),
        settings.biometrics,
    )
    return Studio(
        sandbox=sandbox,
        photos=photos,
        enrolment=Enrolment(
            record.registry, portraits, detector, embedder, record.policy, gate.bench.place, watch
        ),
        captures=Captures(record.registry, portraits, detector, embedder),
        admission=admission,
        scanning=Scanning(admission),
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
            watch,
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
