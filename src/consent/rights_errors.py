"""What can be wrong with a licence, or with who is to sign it."""

from audit.errors import BadInput, Diverged


class LicenceNotAdmitted(BadInput):
    """A licence that can't be registered as it stands."""

    code = "RIGHTS_LICENCE_NOT_ADMITTED"
    zh = "该许可无法登记。"
    hint = "The message names what is missing or contradicts; draw up a new licence."
    hint_zh = "错误信息会指出缺失或矛盾之处；请重新拟定许可。"


class RightsLicenceUnknown(BadInput):
    """No such licence in this tenant."""

    code = "RIGHTS_LICENCE_UNKNOWN"
    zh = "本租户中没有该许可。"
    hint = "Check the id; it is in the licence's document."
    hint_zh = "请检查编号；编号见许可文件。"


class EndingNotAllowed(BadInput):
    """A licence with a term is not ended at will (Civil Code art. 1022)."""

    code = "RIGHTS_ENDING_NOT_ALLOWED"
    zh = "有期限的许可不得任意解除。"
    hint = "End a portrait licence for GOOD_REASON. Consent to the processing can be withdrawn at any time."
    hint_zh = "肖像许可可因正当理由（GOOD_REASON）解除。对个人信息处理的同意可随时撤回。"


class PartyUnknown(BadInput):
    """No such legal entity is registered in this tenant."""

    code = "RIGHTS_PARTY_UNKNOWN"
    zh = "本租户中没有登记该法人。"
    hint = "Register it with its number and its public key first."
    hint_zh = "请先登记其代码与公钥。"


class PartyTaken(BadInput):
    """The key belongs to somebody already."""

    code = "RIGHTS_PARTY_TAKEN"
    zh = "该公钥已被登记。"
    hint = "Each party signs with a key of its own."
    hint_zh = "每一方须使用自己的密钥。"


class LicenceDiverged(Diverged):
    """What is stored of a licence contradicts itself."""

    code = "RIGHTS_LICENCE_DIVERGED"
    zh = "已存储的许可自相矛盾。"
    hint = "Somebody changed stored rows. Restore from a backup, and find out who."
    hint_zh = "存储的数据被改动。请从备份恢复并查明原因。"
