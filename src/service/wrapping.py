"""Who wraps keys here: a file in `private`, or the token that the settings name."""

from importlib.util import find_spec
from pathlib import Path

from audit.errors import Unready
from audit.kek import KekFile
from audit.kms import Kms
from audit.tokenuri import TokenUri
from service.settings import Settings


class TokenDoorMissing(Unready):
    """The settings name a token, and what speaks to tokens is not installed."""

    code = "PKCS11_MISSING"
    zh = "未安装访问令牌所需的软件包（python-pkcs11）。"
    hint = "pip install 'consentry[pkcs11]'"
    hint_zh = "请运行 pip install 'consentry[pkcs11]'。"


def open_kms(settings: Settings, path: Path) -> Kms:
    """What keeps the tenant's KEK: the file at `path`, or the token, and then `path` names the key in it.

    Raises `TokenDoorMissing`.
    """
    if settings.kek is None:
        return KekFile(path)
    if find_spec("pkcs11") is None:
        raise TokenDoorMissing("the setting `kek` names a token; the extra `pkcs11` is not installed")
    from audit.tokenkek import TokenKek  # noqa: PLC0415  (an extra: who has no token does not have it)

    return TokenKek(TokenUri.parse(settings.kek), path, settings.tenant)
