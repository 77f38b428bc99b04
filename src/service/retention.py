"""What is stored, as what, and how long: the whole table, and the purger that keeps it.

A new kind of thing that is stored joins here: a line in `CLASSES`, and its `Purge` in `steps`.
"""

from dataclasses import dataclass

from consent.links import Links
from consent.portraits import Portraits
from service import erasing, pruning, receiving
from service.once import Once
from service.wiring import Record
from swap import claims, recipients, tidings
from swap.limits import Limits
from swap.purging import Purging
from swap.quarantine import Quarantine
from swap.retention import Chore, Kept, Purge, Purger
from swap.store import MediaStore

REFERENCE = "face-reference"
ANSWER = "repeated-answer"
UPLOAD = "unfinished-upload"
LINK = "link"
KEYS = "keys-of-the-erased"
RECIPIENT = "recipient"
TIDING = "tiding"
CONTACT = "claim-contact"
ENTRY = "log-entry"


@dataclass(frozen=True, slots=True)
class Class:
    """One line of the table."""

    name: str
    what: str
    what_zh: str
    until: str
    until_zh: str
    source: str
    """On what ground: a statute, or a decision of ours."""


CLASSES = (
    Class(
        Kept.UNANSWERED,
        "bytes and scan of a template announced, uploaded or scanned, and never decided on",
        "已公告、上传或扫描但从未作出决定的模板的文件与扫描结果",
        "14 days after it was announced, or its cast amended",
        "公告或出镜人申报更改后 14 天",
        "PIPL 19; NDSR 24; the number is the product's",
    ),
    Class(
        Kept.REFUSED,
        "bytes and scan of a template that was refused; of one on hold, from the end of the hold",
        "被拒绝的模板的文件与扫描结果；搁置中的，自搁置结束起算",
        "24 hours",
        "24 小时",
        "PIPL 47; NDSR 24; the number is the product's",
    ),
    Class(
        Kept.WITHDRAWN,
        "bytes and scan of a template somebody in which withdrew",
        "其中有人撤回同意的模板的文件与扫描结果",
        "24 hours",
        "24 小时",
        "PIPL 47",
    ),
    Class(
        Kept.PUBLISHED,
        "bytes and scan of a published template",
        "已发布模板的文件与扫描结果",
        "the first end of a term in its cast, or of the days for SOURCE or TEMPLATE",
        "出镜人授权中最早到期之日，或 SOURCE、TEMPLATE 所定天数届满",
        "PIPL 19, 47; the signed scopes",
    ),
    Class(
        Kept.OUTPUT,
        "a released file",
        "已放行的成品文件",
        "the first end of a term it rests on, or of the days for OUTPUT; at once when withdrawn",
        "所依授权中最早到期之日，或 OUTPUT 所定天数届满；撤回时立即删除",
        "PIPL 19, 47; the signed scopes",
    ),
    Class(
        Kept.DONOR,
        "a donor's photo",
        "供脸照片",
        "the end of its job, 24 hours without one",
        "任务结束；无任务的 24 小时",
        "PIPL 19; GB/T 35273",
    ),
    Class(
        REFERENCE,
        "an encrypted biometric reference",
        "加密的人脸比对基准",
        "the end of her term, or of the days for REFERENCE; at once when withdrawn",
        "其授权期满，或 REFERENCE 所定天数届满；撤回时立即删除",
        "PIPL 19, 47; FR Measures 8; the signed scope",
    ),
    Class(
        Kept.WORK,
        "frames and drafts of a job",
        "任务的画面与草稿",
        "its end, an hour after a crash",
        "任务结束；崩溃后 1 小时",
        "PIPL 19",
    ),
    Class(
        Kept.DRAFT,
        "a file that broke off while it was written",
        "写入中断的文件",
        "6 hours",
        "6 小时",
        "PIPL 19",
    ),
    Class(
        Kept.ORPHAN,
        "a whole file that no row names",
        "没有任何记录指向的完整文件",
        "24 hours",
        "24 小时",
        "PIPL 19",
    ),
    Class(
        ANSWER,
        "the answer to a POST, sealed under its caller's key, to be given again",
        "对 POST 请求的答复（以调用方密钥加密，供重复请求）",
        "24 hours",
        "24 小时",
        "PIPL 19; the number is the product's",
    ),
    Class(
        LINK,
        "a link handed to a person, as a hash; the draft it shows goes when it is signed",
        "交给本人的链接（仅存哈希）；所示草案在签署后删除",
        "a day after it ends, which is a week after it was issued at most",
        "链接到期后 1 天，即签发后至多一周",
        "PIPL 19",
    ),
    Class(
        UPLOAD,
        "an upload in parts that was not completed",
        "未完成的分段上传",
        "24 hours after its last byte",
        "最后一个字节后 24 小时",
        "PIPL 19",
    ),
    Class(
        KEYS,
        "the keys that open what the log holds about somebody who had herself erased",
        "能解开已申请删除者的日志内容的密钥",
        "the operational key at once, the evidence key after 1095 days; later if a pack or a legal hold asks",
        "操作密钥立即销毁，证据密钥 1095 天后销毁；规则包或证据保全另有要求的，从其要求",
        "PIPL 47, 56; GDPR 17(3)(e)",
    ),
    Class(
        RECIPIENT,
        "who was served an output: the name of an API key, a count, two minutes; no address",
        "成品提供给了谁：API 密钥名称、份数、两个时间点，无地址",
        "1095 days after the last copy",
        "最后一份提供后 1095 天",
        "PIPL 55, 56",
    ),
    Class(
        TIDING,
        "an event told to a hook: ids and codes",
        "告知回调地址的事件：仅编号与代码",
        "30 days after it was delivered or given up",
        "送达或放弃后 30 天",
        "PIPL 19",
    ),
    Class(
        CONTACT,
        "who made a takedown request and what was stated, sealed",
        "下架请求人及其陈述（加密）",
        "30 days after the answer",
        "答复后 30 天",
        "PIPL 19",
    ),
    Class(
        ENTRY,
        "entries of the log and what they sealed; their hashes stay in the tree",
        "日志条目及其加密内容；其哈希保留在树中",
        "not pruned, or after `log_retention` days where set, from the first on that nothing needs any more",
        "不裁剪；设有 `log_retention` 时，在该天数之后裁剪至仍被需要的首个条目为止",
        "PIPL 19, 56; AI Act 19, 26(6); c2sp.org/tlog-tiles",
    ),
    Class(
        "record",
        "decisions, signed consents and their events, source records: no faces, no media",
        "决定、已签署的同意及其事件、来源记录：不含人脸与媒体",
        "not purged: at least 1095 days after the last use",
        "不清除：最后一次使用后至少 1095 天",
        "PIPL 56; NDSR 12; FR Measures 9; Civil Code 188",
    ),
)


def steps(record: Record) -> tuple[Purge | Chore, ...]:
    """The purges of one tenant, one a class that is purged."""
    layout, ledger = record.layout, record.ledger
    portraits = Portraits(record.settings.tenant, record.keystore, record.entropy)
    once = Once(record.settings.tenant, record.entropy)
    links = Links(ledger, record.entropy)
    media = Purging(ledger, Quarantine(layout.quarantine, Limits()), MediaStore(layout.media), layout.work)
    return (
        *media.steps,
        Purge(REFERENCE, lambda session, now: portraits.purge(session, ledger, now=now)),
        Purge(ANSWER, lambda session, now: once.purge(session, now=now)),
        Purge(LINK, lambda session, now: links.purge(session, now=now)),
        Chore(KEYS, lambda: erasing.finish(record)),
        Chore(ENTRY, lambda: pruning.due(record), hourly=True),
        Purge(RECIPIENT, lambda session, now: recipients.purge(session, ledger.tenant, now=now)),
        Purge(TIDING, lambda session, now: tidings.purge(session, ledger.tenant, now=now)),
        Purge(CONTACT, lambda session, now: claims.purge(session, ledger.tenant, now=now)),
        Purge(UPLOAD, lambda session, now: receiving.purge(record, session, now=now)),
    )


def purger(record: Record) -> Purger:
    """Whoever runs it, the worker does so every minute."""
    return Purger(record.database, record.ledger, steps(record), record.clock)
