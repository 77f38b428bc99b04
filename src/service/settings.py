"""Settings: read once, frozen, and wrong ones stop the service before it serves."""

from enum import StrEnum
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from audit.errors import Unready
from audit.tokenuri import TokenUri, TokenUriMalformed
from consent.passkey import PasskeysUnready, RelyingParty, RelyingPartyWrong
from service.logs import Form

FILE = "consentry.toml"
"""Where `init` writes settings, inside the data folder."""


class BadSettings(Unready):
    """A setting is missing, unknown or contradicts another."""

    code = "SETTINGS_INVALID"
    zh = "配置无效。"
    hint = "Mend consentry.toml in the data folder, or the CONSENTRY_... variable that the message names."
    hint_zh = "请修改数据目录中的 consentry.toml，或消息中提到的 CONSENTRY_... 环境变量。"


class Mode(StrEnum):
    """Whether this is the real thing. Demo labels its outputs as such and takes self-asserted people."""

    DEMO = "demo"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Everything the wiring needs to know, from `consentry.toml` and CONSENTRY_* variables."""

    model_config = SettingsConfigDict(env_prefix="CONSENTRY_", frozen=True, extra="forbid")

    data: Path
    """The folder with database, keys, log and media."""
    mode: Mode = Mode.PRODUCTION
    tenant: str = Field(default="default", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    database: str | None = None
    """A postgresql:// address; SQLite inside `data` when unset."""
    guard: Path | None = None
    """Where the deny journal and the last tree head live; due with PostgreSQL, shared by all hosts."""
    kek: str | None = None
    """A pkcs11: URI (RFC 7512) of the token that keeps the KEK, with `module-path` and `pin-source`; unset,
    it is a file in `private`. Stays as it was at `init`: what one wraps the other does not open."""
    origin: str = Field(default="consentry.invalid/default", pattern=r"^[^\s+]+$")
    """The log's name: a URL without a scheme that the operator controls."""
    seat: str = Field(default="CN", pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")
    """Where the operator sits, as ISO 3166 writes it (CN, US-IL): its law applies to every question."""
    region: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    """The country where data is stored and processed; the seat's when unset."""
    policies: Path | None = None
    """Cedar policies, cases and notices; the packaged ones when unset."""
    policy_signers: tuple[str, ...] = ()
    """Who may sign policies: vkeys, or files that hold one. With any, `policy.sig` must be by one of them."""
    models: Path | None = None
    """A folder of further models, with `models.toml`; none when unset."""
    deployment: str = Field(default="commercial", pattern=r"^(commercial|research|demo)$")
    """What model licences must cover."""
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """onnxruntime execution providers, in order of preference."""
    engine: Literal["mesh", "inswapper", "remote"] = "mesh"
    """What swaps faces. `inswapper` needs `models`, `remote` needs `engine_url` and its certificates."""
    engine_url: str | None = None
    """An engine server's address; https, except on this machine in mode demo."""
    engine_ca: Path | None = None
    """PEM: the authority that signed the engine server's certificate. No other is trusted."""
    engine_cert: Path | None = None
    engine_key: Path | None = None
    """PEM: our own certificate and key, which the engine server asks for."""
    engine_timeout: float = Field(default=30.0, gt=0, le=110)
    """Seconds that an engine server may be silent: below `swap.masks.PATIENCE`, which bounds any engine."""
    engine_deflate: bool = False
    """Deflate frames on their way to an engine server: for a slow line, at some CPU."""
    threads: int = Field(default=1, ge=1, le=64)
    sandbox: str = Field(default="seccomp", pattern=r"^(seccomp|rlimits)$")
    """`rlimits` runs decoders without a system-call filter; the log records that."""
    provider_code: str | None = None
    """The operator's 27-character code for the AIGC label. Never invented."""
    representative: str | None = Field(default=None, min_length=1, max_length=500)
    """Who represents the operator where it has no seat (GDPR art. 27, PIPL art. 53), as records print it."""
    officer: str | None = Field(default=None, min_length=1, max_length=500)
    """The data protection officer and how to reach him (GDPR art. 37, PIPL art. 52)."""
    joint_controllers: tuple[str, ...] = ()
    """Who decides with the operator what for and how (GDPR art. 26, PIPL art. 20)."""
    platform: str = "consentry-demo"
    """The legal entity on whose platform outputs appear, as named in authorizations."""
    rp_id: str | None = Field(default=None, min_length=1)
    """The domain that passkeys sign for. It stays for ever: under another, every key of hers is void."""
    signing_origin: str | None = None
    """Where the signing page is reached: https://HOST, and HOST is `rp_id` or ends in it. Due with it."""
    scan_side: int = Field(default=640, ge=320, le=1920)
    """Pixels of a frame's longest side when faces are looked for: one of 28 in width there can be told."""
    slot: str = Field(default="slot-1", pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")
    """The executor id of this host's worker."""
    stop_within: int = Field(default=60, ge=0, le=3600)
    """Seconds that a worker told to stop gives the job at work, before it hands it back."""
    witnesses: Path | None = None
    """A tlog-policy: our log, the witnesses with their URLs, and which of them are a quorum. None are asked
    when unset."""
    witnesses_strict: bool = False
    """A permit waits for a checkpoint that a quorum saw; no other is shown or proved under."""
    witness_timeout: float = Field(default=10.0, gt=0, le=60)
    """Seconds that one witness has for its answer, all tries together."""
    tsa_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+(/\S*)?$")
    """An RFC 3161 authority. With one, nothing is released whose manifest it did not time-stamp."""
    log_retention: int | None = Field(default=None, ge=184)
    """Days after which entries are pruned that nothing needs any more, not fewer than the law in use asks.
    None are when unset: without a written retention policy a log must not be pruned."""
    log_tsa_urls: tuple[str, ...] = ()
    """RFC 3161 authorities that stamp the log's checkpoints. None are asked when empty."""
    log_tsa_trust: Path | None = None
    """PEM: their roots, and what lies between if they do not send it. Due with them; no other is trusted."""
    log_tsa_minutes: int = Field(default=60, ge=1, le=10_080)
    """How long after one stamp of an authority the next checkpoint waits for another."""
    log_tsa_timeout: float = Field(default=10.0, gt=0, le=60)
    """Seconds that one authority has for its answer."""
    log_form: Form = Form.TEXT
    """How worker and API write what happens to stderr."""
    log_level: str = Field(default="info", pattern=r"^(debug|info|warning|error)$")
    listen: str = Field(default="127.0.0.1:8000", pattern=r"^(\[[0-9a-f:]+\]|[a-z0-9.-]+):\d{1,5}$")
    """Where the API listens. Put a proxy that speaks TLS in front of it."""
    worker_listen: str | None = Field(default=None, pattern=r"^[^\s:]+:[0-9]{1,5}$")
    """HOST:PORT at which a worker answers /healthz, /readyz and /metrics, to whoever can reach it."""
    protection: bool = False
    """Compare enrolments and donors' photos with those who asked to be protected: an open search, named in
    notice and impact assessment before it is switched on."""
    biometrics: bool = True
    """False: no face is compared with any other; tracks are assigned by hand and confirmed by people."""
    cast_per_source: int = Field(default=32, ge=1, le=1000)
    """How many different people may ever be named for one source."""
    cast_per_day: int = Field(default=128, ge=1, le=100_000)
    """The same by one requester in a day."""
    petition_days: int = Field(default=15, ge=1, le=30)
    """In how many days a person is answered about her data, or sooner where a pack says so."""
    requests_a_second: float = Field(default=50, gt=0)
    """In the long run, for each API key, in each process."""
    requests_at_once: float = Field(default=200, ge=1)
    uploads_at_once: int = Field(default=32, ge=1, le=256)
    """Bodies of templates that each process takes in at once; each has a thread and 3 MiB."""
    upload_stall: float = Field(default=30, gt=0, le=600)
    """Seconds that a client may send nothing of a body."""
    uploads_open: int = Field(default=20, ge=1)
    """Uploads in parts that a tenant may have open."""
    upload_bytes_open: int = Field(default=4 << 30, ge=1 << 20)
    """Bytes that they may come to, as stated when they began."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the data folder's file."""
        del dotenv_settings, file_secret_settings
        data = {**env_settings(), **init_settings()}.get("data")
        file = TomlConfigSettingsSource(settings_cls, Path(data) / FILE if data else None)
        return init_settings, env_settings, file

    @field_validator(
        "data",
        "guard",
        "policies",
        "models",
        "engine_ca",
        "engine_cert",
        "engine_key",
        "witnesses",
        "log_tsa_trust",
    )
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().resolve()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.database is not None:
            if not self.database.startswith("postgresql://"):
                raise ValueError("database: expected postgresql://..., or nothing for SQLite")
            if self.guard is None:
                # Each host with a journal of its own would let a withdrawal on one pass on another.
                raise ValueError("guard: with PostgreSQL, name the folder that all hosts share")
        if self.kek is not None:
            try:
                TokenUri.parse(self.kek)
            except TokenUriMalformed as error:
                raise ValueError(f"kek: {error}") from None
        if self.mode is Mode.PRODUCTION and self.provider_code == "consentry-demo":
            raise ValueError("provider_code: 'consentry-demo' is for mode demo")
        if self.engine == "inswapper" and self.models is None:
            raise ValueError("models: engine inswapper takes its weights from a folder you name")
        if self.engine == "remote":
            self._remote_agrees()
        if self.witnesses_strict and self.witnesses is None:
            raise ValueError("witnesses: strict mode waits for a quorum that this file names")
        if bool(self.log_tsa_urls) != (self.log_tsa_trust is not None):
            raise ValueError("log_tsa_urls, log_tsa_trust: each is due with the other")
        try:
            _ = self.party
        except RelyingPartyWrong as error:
            raise ValueError(f"rp_id, signing_origin: {error}") from None
        return self

    def _remote_agrees(self) -> None:
        parts = urlsplit(self.engine_url or "")
        proofs = (self.engine_ca, self.engine_cert, self.engine_key)
        if parts.scheme == "https":
            if None in proofs:
                # One side that is not asked who it is would be handed faces, or hand us pictures.
                raise ValueError("engine_ca, engine_cert, engine_key: both sides show certificates")
        elif parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("engine_url: expected https://...")
        elif self.mode is not Mode.DEMO:
            raise ValueError("engine_url: http is for this machine in mode demo")

    @property
    def processing_region(self) -> str:
        """Where data is stored and processed."""
        return self.region or self.seat.partition("-")[0]

    @property
    def party(self) -> RelyingParty | None:
        """For whom passkeys sign here; None where they are not set up. Raises `RelyingPartyWrong`."""
        if self.rp_id is None and self.signing_origin is None:
            return None
        return RelyingParty(self.rp_id or "", frozenset({self.signing_origin or ""}))

    @property
    def site(self) -> tuple[str, RelyingParty]:
        """The signing page's origin, and for whom passkeys sign there. Raises `PasskeysUnready`."""
        if self.signing_origin is None or self.party is None:
            raise PasskeysUnready("rp_id and signing_origin are not set")
        return self.signing_origin, self.party

    @property
    def database_url(self) -> str:
        """The address SQLAlchemy is given."""
        return self.database or f"sqlite:///{self.data / 'consentry.db'}"

    @property
    def jobs_url(self) -> str:
        """Where DBOS keeps its own tables: another file beside SQLite, another schema in PostgreSQL."""
        return self.database or f"sqlite:///{self.data / 'jobs.db'}"

    @property
    def guard_folder(self) -> Path:
        """Journal and head: outside the database, so that no backup of it takes them back."""
        return self.guard or self.data / "guard"


def load(data: Path, **overrides: object) -> Settings:
    """Settings for a data folder. Raises `BadSettings` that names every wrong field."""
    try:
        return Settings(data=data, **overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'settings'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise BadSettings(faults) from None
    except (OSError, UnicodeDecodeError, TOMLDecodeError) as error:
        raise BadSettings(f"{FILE}: {getattr(error, 'strerror', None) or error}") from None
