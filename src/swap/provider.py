"""The service provider code (TC260-PG-20252A): who answers for the content. Never invented by software."""

import re

from audit.errors import BadInput

DEMO_PROVIDER = "consentry-demo"
"""Stands for the code in demo mode, and can't be mistaken for one."""

# 00 format, 1 organisation, 1 by social credit code, that code (18), 1 generating service, 4 free.
_CODE = re.compile(r"0011([0-9A-Z]{18})1[0-9A-Z]{4}")
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


class ProviderCodeInvalid(BadInput):
    """Not the code of a provider of generating services, or a demo's name outside demo mode."""

    code = "PROVIDER_CODE_INVALID"
    zh = "服务提供者编码无效（应为 27 位，且含校验正确的统一社会信用代码）。"
    hint = "Set the 27-character code from the operator's own registration; nobody else's will do."
    hint_zh = "请填写运营者自身备案的 27 位服务提供者编码。"


def check_provider(code: str, *, demo: bool) -> None:
    """Raise `ProviderCodeInvalid` unless `code` may stand in our `AIGC` field.

    Only organisations bound by a social credit code are known; the form for natural persons is not.
    """
    if code == DEMO_PROVIDER and demo:
        return
    match = _CODE.fullmatch(code)
    if not match or not credit_code_holds(match.group(1)):
        raise ProviderCodeInvalid("not a 27-character provider code with a credit code that checks")


def credit_code_holds(code: str) -> bool:
    """Whether a unified social credit code's 18th character is the one GB 32100-2015 computes."""
    if len(code) != 18 or any(character not in _ALPHABET for character in code):
        return False
    total = sum(w * _ALPHABET.index(c) for w, c in zip(_WEIGHTS, code[:17], strict=True))
    return _ALPHABET[-total % 31] == code[17]
