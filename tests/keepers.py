"""What keeps a tenant's KEK: a file, then a PKCS#11 token. Nothing of a key store may tell which."""

from collections.abc import Callable

import pytest

from audit.kek import KekFile
from audit.kms import Kms
from audit.tokenkek import TokenKek

Keeper = Callable[..., Kms]
"""By the name of a file and of the tenant."""

in_a_file = pytest.mark.parametrize("keeper", ["file"], indirect=True)
in_a_token = pytest.mark.parametrize("keeper", ["token"], indirect=True)


def written(kms: Kms) -> str:
    """The same in another process."""
    if isinstance(kms, KekFile):
        return "KekFile(home / 'kek')"
    assert isinstance(kms, TokenKek)
    uri = kms.uri
    text = f"pkcs11:token={uri.token}?module-path={uri.module}&pin-source={uri.pin}"
    return f"TokenKek(TokenUri.parse({text!r}), home / 'kek', 'studio')"
