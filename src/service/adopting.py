"""What a process signs with and is set to, held against what was in use last: a change is an entry first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from audit import adopted, certificate, keyhistory
from audit.canonical import Json, digest_of
from audit.keyhistory import DutyKey, PublicKey
from audit.keys import Duty, SigningKey, VerifyingKey
from audit.ledger import Ledger
from audit.note import NoteVerifier
from audit.quorum import Trust
from consent.modelcard import ModelCard
from service.database import Database
from service.settings import Settings
from swap.engine import Engine

RECORDED = (
    *("tenant", "origin", "mode", "seat", "deployment", "platform", "provider_code", "rp_id"),
    *("signing_origin", "engine", "providers", "sandbox", "scan_side", "biometrics", "protection"),
    *("cast_per_source", "cast_per_day", "petition_days", "witnesses_strict", "log_retention"),
)
"""Settings that change what the gate, the labels or the log do: as they stand in the entry."""
STATED = ("representative", "officer", "joint_controllers")
"""Who stands beside the operator, as records of processing print it."""
LEFT_OUT = frozenset(
    {
        # Recorded in another form: by country, as keys, as models, without addresses.
        *("region", "policies", "policy_signers", "models", "witnesses", "tsa_url", "log_tsa_urls", "kek"),
        # By digest: the bytes are kept for ever, and may name people.
        *STATED,
        # Paths, addresses, secrets.
        *("data", "database", "guard", "listen", "worker_listen", "log_tsa_trust"),
        *("engine_url", "engine_ca", "engine_cert", "engine_key"),
        # How fast and how much, not what.
        *("engine_timeout", "engine_deflate", "threads", "slot", "stop_within", "witness_timeout"),
        *("log_tsa_minutes", "log_tsa_timeout"),
        *("log_form", "log_level", "requests_a_second", "requests_at_once", "uploads_at_once"),
        *("upload_stall", "uploads_open", "upload_bytes_open"),
    }
)


@dataclass(frozen=True, slots=True)
class Using:
    """What a process starts with."""

    keys: tuple[PublicKey, ...]
    settings: Mapping[str, Json]


def using(
    settings: Settings,
    keys: Iterable[SigningKey],
    chain: Path,
    signers: Sequence[NoteVerifier],
    witnesses: Trust | None,
) -> Using:
    """What this process has: its own keys, the C2PA certificate if there is one, whose policies it believes.

    Raises `CertificateUnfit` for a chain that can't be read.
    """
    public = [PublicKey.of(key.verifying) for key in keys]
    if chain.exists():
        public.append(PublicKey(Duty.MANIFEST, *certificate.leaf(chain)))
    public += [PublicKey(Duty.POLICY, one.key.kid, f"{one.text}\n") for one in signers]
    return Using(tuple(public), recorded(settings, witnesses))


def recorded(settings: Settings, witnesses: Trust | None) -> dict[str, Json]:
    """The settings that are written down, with what follows from the program itself: its version."""
    said: dict[str, Json] = {name: _plain(getattr(settings, name)) for name in RECORDED}
    return {
        **said,
        "region": settings.processing_region,
        "time_stamps": settings.tsa_url is not None,
        "log_time_stamps": bool(settings.log_tsa_urls),
        "kek": "file" if settings.kek is None else "token",
        "witnesses": [] if witnesses is None else _without_addresses(witnesses),
        "stated": {name: digest_of(_plain(said)) for name in STATED if (said := getattr(settings, name))},
        "program": version("consentry"),
    }


def adopt(
    database: Database, ledger: Ledger, now: Using, at: datetime, *, ended: bool = False
) -> tuple[DutyKey, ...]:
    """Write down what changed, before anybody is answered or anything signed. All keys there ever were.

    Most starts only look. `ended`: a key that may not sign is no reason to stop. Raises `DutyKeyEnded`,
    `KeptBytesDiffer`.
    """
    with database.read() as session:
        settled = adopted.is_last(session, ledger.tenant, adopted.SETTINGS, now.settings)
        settled = settled and not keyhistory.changed(session, ledger, now.keys)
    if not settled:
        with database.write() as session:
            keyhistory.start(session, ledger, now.keys, at)
            adopted.adopt(session, ledger, adopted.SETTINGS, now.settings, at)
    keys = known(database, ledger)
    if not ended:
        keyhistory.refuse_ended(keys, now.keys)
    return keys


def known(database: Database, ledger: Ledger) -> tuple[DutyKey, ...]:
    """All keys there ever were. Raises `KeptBytesDiffer`."""
    with database.read() as session:
        return keyhistory.every(session, ledger)


def adopt_models(database: Database, ledger: Ledger, models: Mapping[str, Json], at: datetime) -> None:
    """The same for what looks at pictures and changes them, once it was loaded and tested."""
    with database.read() as session:
        settled = adopted.is_last(session, ledger.tenant, adopted.MODELS, models)
    if not settled:
        with database.write() as session:
            adopted.adopt(session, ledger, adopted.MODELS, models, at)


def described(cards: Sequence[ModelCard], eyes: Mapping[str, str], engine: Engine) -> dict[str, Json]:
    """Models in use, with what their cards say. `eyes`: digests by role, as they were loaded.

    A model without a card here (an engine server's) stands with its digest alone.
    """
    known = {card.sha256: card for card in cards}
    models = {f"{engine.name}/{name}": sha256 for name, sha256 in engine.digests.items()} | {**eyes}
    return {
        "engine": {"name": engine.name, "version": engine.version},
        "models": {name: _card(known.get(sha256), sha256) for name, sha256 in sorted(models.items())},
    }


def verifying(keys: Sequence[DutyKey], duty: Duty) -> dict[str, VerifyingKey]:
    """Every key of a duty of our own, by kid: what they signed is judged by its place in the log."""
    found = [VerifyingKey.parse(one.key.text) for one in keys if one.key.duty is duty]
    return {key.kid: key for key in found if key.duty is duty}


def _card(card: ModelCard | None, name: str) -> Json:
    if card is None:
        return {"sha256": name}
    prepared = card.preprocessing
    return {
        "name": card.name,
        "sha256": card.sha256,
        "folded_sha256": card.folded_sha256,
        "licence": card.licence,
        # Canonical JSON has no floats.
        "preprocessing": None if prepared is None else f"(pixel - {prepared.mean}) / {prepared.std}",
    }


def _without_addresses(trust: Trust) -> list[Json]:
    bare = replace(
        trust,
        logs=dict.fromkeys(trust.logs, ""),
        witnesses={name: (each, "") for name, (each, _) in trust.witnesses.items()},
    )
    return list(bare.text.splitlines())


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | int):
        return value
    return list(map(str, value)) if isinstance(value, tuple) else str(value)
