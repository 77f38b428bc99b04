"""What a test needs to sign an output: a TEST chain made once a session, and an honest set of claims."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from audit import certificate, testchain
from audit.certificate import ManifestSigner
from audit.claim import OutputManifest


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody who signs, and the root that trusts them."""

    signer: ManifestSigner
    trust_pem: str


@cache
def a_hand(which: str = "ours") -> Hand:
    """A signer with a chain of its own for each name. The library asks the real clock, so this does too."""
    now = datetime.now(UTC)
    chain = testchain.make_test_chain(now)
    return Hand(certificate.manifest_signer(chain.chain_pem, chain.key_pem, now), chain.root_pem)


def an_output(**changes: object) -> OutputManifest:
    """Claims about one output, as the pipeline would state them."""
    claims: dict[str, object] = {
        "version": "0.1.0",
        "when": datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC),
        "engine": "mesh",
        "engine_version": "1.0.0",
        "seconds": 2,
        "template_instance": "ab" * 16,
        "donor_instance": "cd" * 16,
        "log_origin": "log.consentry.example/default",
        "permit": "12" * 16,
        "authorizations": ("56" * 16, "34" * 16),
        "policy_sha256": "ef" * 32,
        "lowest_proof": "self-asserted",
        "salt": bytes(range(32)),
        "rules": ("G-08", "G-01"),
        "aigc_produce_id": "78" * 16,
        **changes,
    }
    return OutputManifest(**claims)  # type: ignore[arg-type]
