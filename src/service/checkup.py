"""The checks the doctor makes, one by one. Nothing is mended and nothing is written, except what the log
does at every start.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from audit import certificate
from audit.errors import Diverged, Unready
from audit.head import HeadFile
from audit.journal import DenyJournal
from audit.keys import Duty, load_private
from audit.keystore import KeyStore
from audit.log import Log
from audit.note import NoteVerifier
from audit.storage import PosixStorage
from consent.eyes import eyes
from consent.inventory import inventory
from consent.modelcard import Deployment
from consent.notice import load_notices
from consent.runtime import missing
from service import recovering, schema
from service.authorities import open_authorities
from service.database import Database
from service.engines import open_engine
from service.facts import Facts, Lookout, free
from service.layout import Layout, policies
from service.rowcheck.keys import tried
from service.rules import open_policy
from service.settings import FILE, BadSettings, Mode, Settings, load
from service.trusting import open_witnesses
from service.wrapping import open_kms
from swap.limits import Limits
from swap.provider import check_provider
from swap.sandbox import Mode as SandboxMode
from swap.sandbox import Sandbox

Thing = TypeVar("Thing")


class Concern(Exception):
    """It works, and will not for long, or not as well as it should."""


class WallsDown(Unready):
    """A decoder could leave its sandbox."""

    code = "SANDBOX_WALLS_DOWN"
    zh = "解码沙箱未能阻止全部越界行为。"
    hint = "Install libseccomp and pyseccomp on a Linux kernel with seccomp; admit no upload until then."
    hint_zh = "请在支持 seccomp 的 Linux 上安装 libseccomp 与 pyseccomp；在此之前请勿接收上传。"


class KeysDamaged(Diverged):
    """Keys of the store do not open under the KEK, though others do: bytes of theirs changed."""

    code = "WRAPPED_KEYS_DAMAGED"
    zh = "密钥库中有密钥无法解开：其字节已被改动。"
    hint = "`consentry log audit` names the rows. Restore the key store's newest copy; write nothing before."
    hint_zh = "`consentry log audit` 会指明受损的行。请恢复最近的密钥库副本，在此之前请勿写入。"


class NeedsOther(Exception):
    """A check can't be made: what it needs failed."""


@dataclass(slots=True)
class Patient:
    """A data folder under examination; what one check opened is there for the later ones."""

    data: Path
    clock: Callable[[], datetime]
    opened: ExitStack
    settings: Settings | None = None
    database: Database | None = None
    fitting: Database | None = None
    """The database, once its schema is known to be ours."""
    journal: DenyJournal | None = None
    deployment: Deployment | None = None
    """What models are used for, once they are known to be all right."""

    def checks(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """All of them, in order."""
        yield "settings", self._settings
        for duty in (Duty.LOG, Duty.PERMIT, Duty.COUNTERSIGN, Duty.EXPORT, Duty.WEBHOOK):
            yield f"{duty} key", partial(self._key, duty)
        yield "key store", self._keystore
        yield "wrapped keys", self._keys
        yield "deny journal", self._journal
        yield "database", self._database
        yield "schema", self._schema
        yield "log", self._log
        yield "witnesses", self._witnesses
        yield "log's time stamps", self._log_stamps
        yield "policy", self._policy
        yield "notices", self._notices
        yield "sandbox", self._sandbox
        yield "models", self._models
        yield "self-test", self._self_test
        yield "engine", self._engine
        yield "certificate", self._certificate
        yield "time stamps", self._stamps
        yield "provider code", self._provider

    def facts(self) -> Facts:
        """What is watched in a running deployment, as far as it can be looked at in this one."""
        settings = self.settings
        if settings is None or self.fitting is None or self.journal is None:
            return Facts(self.clock(), free({"data": self.data}))
        return Lookout.of(settings, self.fitting, self.journal, self.clock).facts()

    def _settings(self) -> str:
        if not (self.data / FILE).is_file():
            raise BadSettings(f"{self.data.name} holds no {FILE}; `consentry init` makes one")
        settings = load(self.data)
        self.settings = settings
        return f"mode {settings.mode}, tenant {settings.tenant}, log {settings.origin}"

    def _key(self, duty: Duty) -> str:
        return f"kid {load_private(self._layout.key(duty), duty).kid}"

    def _keystore(self) -> str:
        settings, layout = self._settled, self._layout
        kms = open_kms(settings, layout.kek)
        keystore = KeyStore(layout.keystore, kms, settings.tenant, _no_entropy)
        self.opened.callback(keystore.close)
        epoch, where = keystore.check(), "a file" if settings.kek is None else "a token"
        return f"opens, KEK of epoch {epoch} in {where}"

    def _keys(self) -> str:
        done = tried(self._settled, self._layout)
        if done.damaged:
            # No id: what a doctor says goes into tickets. `log audit` names the rows.
            columns = ", ".join(sorted({one.column for one in done.damaged}))
            raise KeysDamaged(f"{len(done.damaged)} do not open: {columns}")
        return f"{done.opened} open"

    def _journal(self) -> str:
        self.journal = DenyJournal(self._layout.journal)
        return "is whole"

    def _database(self) -> str:
        database = Database(self._settled.database_url)
        self.opened.callback(database.close)
        with database.read() as session:
            session.connection()
        self.database = database
        return "SQLite answers" if database.embedded else "PostgreSQL answers"

    def _schema(self) -> str:
        database = _there(self.database, "database")
        schema.check(database)
        self.fitting = database
        return "is this version's"

    def _log(self) -> str:
        settings, layout = self._settled, self._layout
        recovering.refuse(layout.recovering)
        database = _there(self.fitting, "schema")
        key = load_private(layout.key(Duty.LOG), Duty.LOG)
        storage, head = PosixStorage(layout.log), HeadFile(layout.head)
        witnesses = open_witnesses(settings, NoteVerifier(settings.origin, key.verifying))
        log = Log(
            settings.tenant, settings.origin, key, storage, head, database, "doctor", witnesses=witnesses
        )
        with closing(log):
            checkpoint = log.start()
        size = 0 if checkpoint is None else checkpoint.size
        return f"{size} entries, agrees with the head kept apart from the database"

    def _witnesses(self) -> str:
        settings, layout = self._settled, self._layout
        key = load_private(layout.key(Duty.LOG), Duty.LOG)
        found = open_witnesses(settings, NoteVerifier(settings.origin, key.verifying))
        if found is None:
            return "none are asked"
        said = f"{', '.join(found.trust.witnesses) or 'none'}; quorum {found.trust.quorum or 'none'}"
        return f"{said}; permits wait for it" if found.strict else said

    def _log_stamps(self) -> str:
        found = open_authorities(self._settled)
        if found is None:
            return "none are asked for"
        return f"by {', '.join(found.urls)}, every {found.every.total_seconds() / 60:.0f} minutes"

    def _policy(self) -> str:
        policy, signers = open_policy(self._settled)
        signed = f", signed by {', '.join(signers)}" if signers else ""
        return f"{len(policy.rules)} rules, digest {policy.digest[:16]}…{signed}"

    def _notices(self) -> str:
        notices = load_notices(policies(self._settled) / "notices")
        return ", ".join(f"{one.id} {one.version} {one.language}" for one in notices)

    def _sandbox(self) -> str:
        mode = SandboxMode(self._settled.sandbox)
        with Sandbox(Limits(), mode=mode, spares=0) as sandbox:
            walls = sandbox.walls()
        through = sorted(name for name, stopped in walls.items() if not stopped)
        if through and mode is SandboxMode.RLIMITS:
            raise Concern(f"mode rlimits, as the settings say; a decoder could: {', '.join(through)}")
        if through:
            raise WallsDown(f"a decoder could: {', '.join(through)}")
        return f"mode {mode}, {len(walls)} ways out tried, all stopped"

    def _models(self) -> str:
        settings = self._settled
        deployment = Deployment(settings.deployment)
        states = inventory(folder=settings.models, deployment=deployment)
        for state in states:
            if state.problem is not None:
                raise state.problem
        self.deployment = deployment
        return f"{len(states)}: {', '.join(state.card.name for state in states)}"

    def _self_test(self) -> str:
        settings = self._settled
        eyes(
            self._layout.models,
            folder=settings.models,
            deployment=_there(self.deployment, "models"),
            providers=settings.providers,
            threads=settings.threads,
        )
        return "different faces do not look alike"

    def _engine(self) -> str:
        settings = self._settled
        engine = open_engine(settings, now=self.clock(), entropy=_no_entropy)
        said = f"{engine.name} {engine.version}"
        passed_over = missing(settings.providers)
        if passed_over:
            raise Concern(
                f"{said}; this onnxruntime has no {', '.join(passed_over)}, so the next one is used"
            )
        return said

    def _certificate(self) -> str:
        layout, now = self._layout, self.clock()
        signer = certificate.load(layout.chain, layout.key(Duty.MANIFEST), now)
        if not layout.trust.is_file():
            raise certificate.CertificateUnfit(f"{layout.trust.name} is missing: nobody could verify outputs")
        until = f"{signer.valid_until:%Y-%m-%d}"
        if self._settled.mode is Mode.DEMO:
            return f"{'TEST, ' if signer.test else ''}valid until {until}"
        if signer.test:
            raise Concern(f"TEST certificates in production, until {until}: they show who signed to nobody")
        return f"valid until {until}"

    def _provider(self) -> str:
        settings = self._settled
        if settings.mode is Mode.DEMO:
            return "consentry-demo, for mode demo"
        check_provider(settings.provider_code or "", demo=False)
        return "is a code that checks"

    def _stamps(self) -> str:
        url = self._settled.tsa_url
        if url is None:
            return "none: a manifest ends with its certificate"
        return f"by {url}; nothing is released without one"

    @property
    def _settled(self) -> Settings:
        return _there(self.settings, "settings")

    @property
    def _layout(self) -> Layout:
        return Layout.of(self._settled)


def _there(thing: Thing | None, name: str) -> Thing:
    if thing is None:
        raise NeedsOther(f"needs {name}")
    return thing


def _no_entropy(_size: int) -> bytes:
    """The doctor makes no keys."""
    raise NeedsOther("nothing is made while looking")
