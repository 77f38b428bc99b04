"""A person's rights over a record: the parts of `consent` that serve them, put together from settings."""

from dataclasses import dataclass
from datetime import timedelta

from audit.errors import BadInput
from consent.erasures import KEEP, Erasures
from consent.holds import LegalHolds
from consent.petitions import Petitions
from consent.portraits import Portraits
from consent.protection import Protections
from consent.refusals import Refusals
from consent.resemblances import Resemblances
from consent.tries import Tries
from consent.watch import Watch
from service.wiring import Record


class ProtectionOff(BadInput):
    """Nobody's face is searched for here, so nobody can be protected by a search."""

    code = "PROTECTION_OFF"
    zh = "本系统未启用人脸保护检索。"
    hint = "The operator sets protection = true in consentry.toml, having said so in notice and assessment."
    hint_zh = "运营方须在告知书与影响评估中说明后，于 consentry.toml 设置 protection = true。"


@dataclass(frozen=True, slots=True)
class SubjectRights:
    """Of one tenant."""

    record: Record

    @property
    def refusals(self) -> Refusals:
        """The refusal list."""
        return Refusals(self.record.ledger, self.record.entropy)

    @property
    def resemblances(self) -> Resemblances:
        """What searches among the protected came to, also those of before the setting was off."""
        return Resemblances(self.record.ledger, self.record.entropy)

    @property
    def protections(self) -> Protections:
        """Who is protected: to be read, and ended, with the setting off as well."""
        return Protections(self.record.registry)

    @property
    def petitions(self) -> Petitions:
        """What people asked about their data."""
        days = min(self.record.settings.petition_days, self.record.law["answer_days"])
        term = timedelta(days=days)
        return Petitions(self.record.ledger, self.record.entropy, term)

    @property
    def erasures(self) -> Erasures:
        """Who was erased."""
        keep = max(KEEP, timedelta(days=self.record.law["evidence_days"]))
        return Erasures(self.record.ledger, self.record.keystore, keep)

    @property
    def holds(self) -> LegalHolds:
        """Whose data must not be destroyed for now."""
        return LegalHolds(self.record.ledger, self.record.entropy)

    @property
    def tries(self) -> Tries:
        """How many were ever named."""
        settings = self.record.settings
        return Tries(self.record.ledger, settings.cast_per_source, settings.cast_per_day)

    def watch(self, portraits: Portraits, model: str) -> Watch | None:
        """The search itself, where the setting is on; the only place that makes one."""
        if not (self.record.settings.protection and self.record.settings.biometrics):
            return None
        return Watch(self.protections, portraits, self.resemblances, model)

    def expect_protection(self) -> None:
        """Raise `ProtectionOff` where a wish would be a promise that nobody keeps."""
        if not (self.record.settings.protection and self.record.settings.biometrics):
            raise ProtectionOff("protection is off in this deployment")
