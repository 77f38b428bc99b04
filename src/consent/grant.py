"""InsightFace's signed grant for a model package: whether it covers what the service is run for.

insightface reads `MODEL.LICENSE` (Ed25519, with the issuer's key inside the package) only in its own
desktop program; loading a model asks nobody. So it is asked here, before the weights are opened. A
package without the file has the public terms, which are non-commercial; one whose file is broken,
expired or for another package has none at all. The package's id is that of its `manifest.json`, or
the folder's name.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consent.eye_errors import LicenceRefused
from consent.insight import inspect_model_package_license
from consent.modelcard import Deployment


def check_grant(
    folder: Path,
    *,
    deployment: Deployment,
    now: datetime,
    issuers: Sequence[Ed25519PublicKey] | None = None,
) -> str:
    """What the package in `folder` is granted: `commercial` or `non-commercial`.

    `issuers`: keys that may sign; None: insightface's own. Raises `LicenceRefused` where the grant
    does not cover `deployment`. A demo shows a product and is no research, as with the cards.
    """
    seen = inspect_model_package_license(folder, now=now, public_keys=issuers)
    grant: str | None = seen.grant
    if grant is None:
        # insightface's own message may hold the folder's path; the status is enough.
        raise LicenceRefused(f"the model package's MODEL.LICENSE does not stand: {seen.status}")
    if not seen.commercial_use_permitted and deployment is not Deployment.RESEARCH:
        raise LicenceRefused(f"the model package is granted for {grant} use, not for a {deployment} one")
    return grant
