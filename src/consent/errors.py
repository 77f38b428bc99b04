"""What can be wrong with what is handed to this room. Who erred is the base class, the code names the fault.

Sections: documents, people, registry. Other modules of the room add theirs at the end.
"""

from audit.errors import BadInput, Diverged, Unready

# Documents


class DocumentMalformed(BadInput):
    """A field is missing, unknown, of the wrong type or badly written."""

    code = "DOCUMENT_MALFORMED"
    zh = "文件字段缺失、未知、类型错误或书写不合规。"
    hint = "The message names the field and what was expected; unknown fields are refused, not ignored."
    hint_zh = "错误信息会指出字段及其要求；未知字段会被拒绝，不会被忽略。"


class DescriptionTooShort(BadInput):
    """The description of the use says too little to be agreed to (PIPL art. 14)."""

    code = "SCOPE_DESCRIPTION"
    zh = "用途说明过短，本人无法据此作出明确同意。"
    hint = "Say in at least 40 characters what will be made of her likeness and where it will be seen."
    hint_zh = "请用至少 40 个字符说明将如何使用其形象、在何处展示。"


class ScopeBundled(BadInput):
    """A consent tied to something else is void (SPC 2021/15 art. 4)."""

    code = "SCOPE_BUNDLED"
    zh = "捆绑取得的同意无效。"
    hint = "Ask for this consent by itself and set bundled to false."
    hint_zh = "请单独征求该项同意，并将 bundled 设为 false。"


class ScopeIrrevocable(BadInput):
    """A withdrawal must at least stop new use (PIPL art. 15)."""

    code = "SCOPE_IRREVOCABLE"
    zh = "撤回同意必须至少停止新的使用。"
    hint = "Include STOP_NEW in revocation_effect."
    hint_zh = "请在 revocation_effect 中包含 STOP_NEW。"


class ScopeOpenSearch(BadInput):
    """Consent to matching that names neither a work nor a requester would be an open search."""

    code = "SCOPE_OPEN_SEARCH"
    zh = "人脸比对的同意必须指明作品或请求方。"
    hint = "Name a work, a source digest, a template or a requester for purpose MATCHING."
    hint_zh = "请为 MATCHING 目的写明作品、素材摘要、模板或请求方。"


class ScopeTerm(BadInput):
    """The term is empty, endless or longer than can be agreed to (Civil Code art. 1022)."""

    code = "SCOPE_TERM"
    zh = "授权期限为空、无期限或超过上限。"
    hint = "End after the start, within the longest term accepted here (3 years unless set; 10 at most)."
    hint_zh = "结束须晚于开始，且不超过本租户接受的最长期限（默认 3 年，最长 10 年）。"


class ScopeContradiction(BadInput):
    """Two parts of a scope can't both be meant."""

    code = "SCOPE_CONTRADICTION"
    zh = "授权范围自相矛盾。"
    hint = "The message names the two parts; drop one."
    hint_zh = "错误信息会指出矛盾的两项，请删去其一。"


class NoticeIncomplete(BadInput):
    """A notice lacks something the law makes it say (PIPL arts. 14, 17, 30; FR Measures art. 5)."""

    code = "NOTICE_INCOMPLETE"
    zh = "告知书缺少法律要求的内容。"
    hint = "The message names the missing item; write it under its own heading and publish a new version."
    hint_zh = "错误信息会指出缺少的事项；请在相应标题下补充，并发布新版本。"


class NoticeUnknown(BadInput):
    """The notice is not published, or does not tell of what is asked."""

    code = "NOTICE_UNKNOWN"
    zh = "告知书未发布，或未包含所征求的事项。"
    hint = "Publish the notice first, show exactly that text, and name its digest in the document."
    hint_zh = "请先发布告知书，原文展示，并在文件中写明其摘要。"


class NoticeChanged(BadInput):
    """A published version was published again with another text."""

    code = "NOTICE_CHANGED"
    zh = "同一版本的告知书内容被改动。"
    hint = "Give a changed text a new version; what people saw must stay readable."
    hint_zh = "内容变更须使用新的版本号，已展示的文本须保持可查。"


# People


class PersonUnknown(BadInput):
    """Nobody is enrolled under this id in this tenant."""

    code = "PERSON_UNKNOWN"
    zh = "该租户下没有此登记人。"
    hint = "Enrol the person first; an id from another tenant means nothing here."
    hint_zh = "请先登记本人；其他租户的编号在此无效。"


class KeyTaken(BadInput):
    """A signing key belongs to one person only."""

    code = "KEY_TAKEN"
    zh = "该签名密钥已登记。"
    hint = "Make a fresh key with `consentry person keygen`; never share one."
    hint_zh = "请用 `consentry person keygen` 生成新密钥，不要共用。"


class KeyNotEnrolled(BadInput):
    """The signature is by a key that was not enrolled for the signer at that time."""

    code = "KEY_NOT_ENROLLED"
    zh = "签名所用密钥未为签署人登记，或不在有效期内。"
    hint = "Sign with a key enrolled for this person and still valid."
    hint_zh = "请使用为该人登记且仍有效的密钥签名。"


class SignatureWrong(BadInput):
    """The signature does not verify over these bytes, or its evidence can't be read."""

    code = "SIGNATURE_WRONG"
    zh = "签名与文件不符，或签名证据无法读取。"
    hint = "Sign the exact bytes of the document that was shown; any changed byte needs a new signature."
    hint_zh = "请对所展示文件的原始字节签名；任何改动都需要重新签名。"


class PhotosDisagree(BadInput):
    """The enrolment photos do not show one person."""

    code = "PHOTOS_DISAGREE"
    zh = "登记照片似乎不是同一个人。"
    hint = "Hand in 1 to 5 clear photos of the same person."
    hint_zh = "请提交同一个人的 1 至 5 张清晰照片。"


class PhotoCount(BadInput):
    """Enrolment takes 1 to 5 photos."""

    code = "PHOTO_COUNT"
    zh = "登记需要 1 至 5 张照片。"
    hint = "Hand in 1 to 5 clear photos of the same person."
    hint_zh = "请提交同一个人的 1 至 5 张清晰照片。"


class ReferenceNotAllowed(BadInput):
    """No consent in force lets a biometric reference be made and kept (FR Measures arts. 6, 8)."""

    code = "REFERENCE_NOT_ALLOWED"
    zh = "没有生效的单独同意，不得生成或保存人脸特征。"
    hint = (
        "Her consent must cover MATCHING, REMOTE_STORE_TRANSMIT, FACE and a retention of REFERENCE in days."
    )
    hint_zh = "其同意须包含 MATCHING、REMOTE_STORE_TRANSMIT、FACE 及 REFERENCE 的保存天数。"


# Registry


class AuthorizationUnknown(BadInput):
    """No authorization has this id in this tenant."""

    code = "AUTHORIZATION_UNKNOWN"
    zh = "该租户下没有此授权。"
    hint = "Check the id; an id from another tenant means nothing here."
    hint_zh = "请核对编号；其他租户的编号在此无效。"


class AuthorizationRefused(BadInput):
    """A document can't be registered: it is for somebody else, used before, or outside its time."""

    code = "AUTHORIZATION_REFUSED"
    zh = "该授权文件不能登记。"
    hint = "The message says why; a changed document needs a fresh id and a new signature."
    hint_zh = "错误信息会说明原因；修改后的文件需要新的编号和新的签名。"


class PurposeNotGiven(BadInput):
    """The authorization never covered this purpose."""

    code = "PURPOSE_NOT_GIVEN"
    zh = "该授权不包含此目的。"
    hint = "Name purposes of the authorization, or none to withdraw all of it."
    hint_zh = "请填写授权所含目的，或不填写以全部撤回。"


class RecoveryCodeWrong(BadInput):
    """The recovery code is not the one from the receipt."""

    code = "RECOVERY_CODE_WRONG"
    zh = "恢复码不正确。"
    hint = "Use the code printed on the receipt of this authorization."
    hint_zh = "请使用该授权回执上的恢复码。"


class NotSuspended(BadInput):
    """Only a suspended authorization is re-confirmed; a withdrawn one needs a new grant."""

    code = "NOT_SUSPENDED"
    zh = "该授权并非待重新确认状态。"
    hint = "A withdrawn or expired authorization needs a new grant."
    hint_zh = "已撤回或已过期的授权需要重新授予。"


class UnderOrder(BadInput):
    """An authority's order holds it: nobody else settles that (SPC 2021/15 art. 9)."""

    code = "UNDER_ORDER"
    zh = "该授权受司法或行政命令约束，不能自行了结。"
    hint = "Lift the order first (`consentry injunction lift`); a dispute beside it is settled on its own."
    hint_zh = "请先解除该命令（`consentry injunction lift`）；与之并存的争议须另行了结。"


class NothingReserved(Diverged):
    """A use was spent or returned that nobody had reserved."""

    code = "NOTHING_RESERVED"
    zh = "使用次数未曾预留。"
    hint = "Run `consentry doctor`: the counters and the permits disagree."
    hint_zh = "请运行 `consentry doctor`：使用次数与许可不一致。"


class AuthorizationDiverged(Diverged):
    """Stored bytes, state and chain of an authorization contradict each other."""

    code = "AUTHORIZATION_DIVERGED"
    zh = "授权的存储内容、状态与事件链相互矛盾。"
    hint = "Nothing is permitted on it. Run `consentry doctor`, then compare with the log."
    hint_zh = "该授权不再作为任何许可的依据。请运行 `consentry doctor` 并与日志核对。"


# Policy


class PolicyRefused(Unready):
    """The rules can't be adopted: better no service than one that forgot a rule."""

    code = "POLICY_REFUSED"
    zh = "策略文件不完整或未通过校验，拒绝启动。"
    hint = "The message names the rule or pack; see policies/README.md for what each must carry."
    hint_zh = "错误信息会指出具体规则或策略包；必备内容见 policies/README.md。"
