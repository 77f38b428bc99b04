"""What can be wrong with asking her, with her answer, and with a pause."""

from audit.errors import BadInput


class AskedTooSoon(BadInput):
    """She refused this a short while ago (NDSR art. 22(5); G-38)."""

    code = "ASKED_TOO_SOON"
    zh = "该权利人近期已拒绝，暂不得再次征求同意。"
    hint = "Wait until the day the message names. She may come by herself at any time."
    hint_zh = "请等到错误信息所示日期后再征求；本人可随时主动授权。"


class NotToBeAsked(BadInput):
    """She can't answer for herself: she is under age, or has died (PIPL arts. 31, 49)."""

    code = "NOT_TO_BE_ASKED"
    zh = "该人未满十八周岁、年龄不明或已故，不能由其本人单独作出同意。"
    hint = "The message says why. Draw up a document for her guardian or heir, and issue a link to sign it."
    hint_zh = "错误信息会说明原因；请起草由其监护人或近亲属签署的文件，并发出签署链接。"


class RequestUnknown(BadInput):
    """No request for consent has this id in this tenant, or it was put to somebody else."""

    code = "REQUEST_UNKNOWN"
    zh = "该租户下没有此征求同意的请求。"
    hint = "Check the id; a request of another tenant or to another person means nothing here."
    hint_zh = "请核对编号；其他租户或他人的请求在此无效。"


class RequestClosed(BadInput):
    """The request was answered, refused or cancelled, or its time ran out."""

    code = "REQUEST_CLOSED"
    zh = "该请求已答复、已拒绝、已取消或已过期。"
    hint = "The message says how it ended. A new request is a new document."
    hint_zh = "错误信息会说明其结果；重新征求须使用新的文件。"


class LinkInvalid(BadInput):
    """The link to a request was used, replaced or mistyped, or its time ran out."""

    code = "LINK_INVALID"
    zh = "该链接已使用、已更换、有误或已过期。"
    hint = "Ask whoever sent it for a new link; each works for one answer."
    hint_zh = "请向发送方索取新链接；每个链接仅可用于一次答复。"


class AnswerWider(BadInput):
    """She can answer with what was asked or with less, never with more."""

    code = "ANSWER_WIDER"
    zh = "答复的授权范围超出所征求的范围。"
    hint = "The message names the dimensions that are wider or not as asked; narrow them, or draw up anew."
    hint_zh = "错误信息会指出超出或不一致的事项；请收窄，或重新起草。"


class TermAsked(BadInput):
    """A request may wait as long as a drawn-up document may wait for its signature, and no longer."""

    code = "REQUEST_TERM"
    zh = "请求的有效期须为 1 至 30 天。"
    hint = "Let it wait for 1 to 30 days, and a link no longer than the request."
    hint_zh = "请将请求有效期设为 1 至 30 天；链接的有效期不得超过请求。"


class ResumeNotHers(BadInput):
    """Only she, or who acts for her, lets a consent that she paused go on; a code what no key has paused."""

    code = "RESUME_NOT_HERS"
    zh = "暂停的同意只能由本人或其代理人恢复。"
    hint = "Resume in her own session; the receipt's code resumes only what was not paused with a key."
    hint_zh = "请由本人登录后恢复；回执上的恢复码不能恢复以密钥暂停的同意。"


class ContractKnown(BadInput):
    """This document was brought in before."""

    code = "CONTRACT_KNOWN"
    zh = "该旧合同已经导入。"
    hint = "It is listed already, and proves nothing; ask the person for consent instead."
    hint_zh = "该文件已在列表中，且不构成任何依据；请另行征求本人同意。"


class ScopeOpenList(BadInput):
    """A word for everybody where names are due (SPC 2021/15 art. 11: free sublicensing is void)."""

    code = "SCOPE_OPEN_LIST"
    zh = "名单中出现“任何人”“所有平台”等概括性词语，应逐一列明。"
    hint = "Name each work, party and place; what is not named is not agreed to."
    hint_zh = "请逐一写明作品、主体与地区；未写明的即未同意。"
