"""The log's time stamp authorities, as the settings name them: wrong ones stop the service at start.

A pool of trust of their own. That of manifests (`keys/manifest-root.pem`) signs and stamps: whoever is
trusted in it to stamp could sign as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509

from audit.marks import Marks
from service.layout import Layout
from service.settings import BadSettings, Settings
from service.stamp_post import TsaAddressUnfit, host


@dataclass(frozen=True, slots=True)
class Authorities:
    """Who stamps checkpoints of one log, and by whose certificates they are believed."""

    urls: Mapping[str, str]
    """By the name each goes by here."""
    trust: str
    """PEM: roots, and intermediate certificates that answers do not bring."""
    every: timedelta
    seconds: float
    marks: Marks
    """What was wrong with an authority's last answer."""

    @property
    def certificates(self) -> list[x509.Certificate]:
        """Those that are trusted."""
        return x509.load_pem_x509_certificates(self.trust.encode())

    def unfit(self) -> dict[str, str]:
        """Those whose last answer did not hold, and what was wrong. One that is asked no more is not."""
        return {name: mark.detail for name, mark in self.marks.marked().items() if name in self.urls}


def open_authorities(settings: Settings) -> Authorities | None:
    """Who stamps this log, or None where nobody does. Raises `BadSettings`."""
    path = settings.log_tsa_trust
    if not settings.log_tsa_urls or path is None:
        return None
    try:
        urls = {host(url): url for url in settings.log_tsa_urls}
        trust = path.read_text("ascii")
        found = x509.load_pem_x509_certificates(trust.encode())
    except TsaAddressUnfit as error:
        raise BadSettings(f"log_tsa_urls: {error}") from None
    except (OSError, ValueError) as error:
        raise BadSettings(f"log_tsa_trust: {path.name}: {type(error).__name__}") from None
    if len(urls) != len(settings.log_tsa_urls):
        raise BadSettings("log_tsa_urls: a host twice")
    if not any(one.issuer == one.subject for one in found):
        raise BadSettings(f"log_tsa_trust: {path.name} holds no root certificate")
    every = timedelta(minutes=settings.log_tsa_minutes)
    marks = Marks(Layout.of(settings).unfit)
    return Authorities(urls, trust, every, settings.log_tsa_timeout, marks)
