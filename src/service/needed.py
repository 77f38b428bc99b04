"""What still needs entries of the log, put together from every room: nothing of it may be pruned.

Another reason joins in the `needed` of its room, or here where it takes a reading of more than rows.
"""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from sqlmodel import Session

from audit import adopted, prunerows
from audit.fact import Subject
from audit.keystore import KeysErased
from audit.pruneplan import FOLLOWED, Need
from consent import docket
from consent import needed as consents
from consent.case import parse
from consent.holds import LegalHolds
from consent.words import Action
from service import apikeys
from service.wiring import Record
from swap import needed as swaps
from swap.needed import Live

_PAGE = 500

WHY = {
    "api-keys": ("API keys that work", "有效的 API 密钥"),
    "appeals": ("appeals that are open", "未结的申诉"),
    "adoptions": (
        "models and settings that were in use, until others were",
        "当时使用的模型与配置（直至被替换）",
    ),
    "assignments": (
        "who is who in a live template, as people confirmed it",
        "在用模板中经人工确认的人物对应",
    ),
    "claims": ("takedown requests and orders that are open or in force", "未结或生效中的下架请求与禁令"),
    "consents": (
        "consents in force, or that something rests on, from their grant on",
        "有效授权或仍被依赖的授权（自授予起）",
    ),
    "contracts": ("contracts from before, on file", "留存的既有合同"),
    "decisions": ("decisions on what is live", "关于在用内容的决定"),
    "duties": ("duties that are not done", "尚未完成的义务"),
    "erasures": ("erasures that are not at their end", "尚未完成的删除"),
    FOLLOWED: ("referred to by entries that stay", "被保留条目所引用"),
    "held-people": ("entries about people under a legal hold", "处于证据保全中的人员的条目"),
    "jobs": ("swaps at work", "进行中的换脸任务"),
    "keys": ("people's keys", "人员密钥"),
    "kin": ("who may act for somebody", "监护人、继承人等代理关系"),
    "legal-holds": ("legal holds", "证据保全"),
    "licences": ("licences that have not ended", "未终止的许可"),
    "links": ("links nobody has used", "未使用的链接"),
    "notices": ("notices in use, or that people signed by", "使用中或签署时依据的告知书"),
    "open-holds": ("decisions on hold", "待复核的决定"),
    "outputs": ("outputs that are served", "仍在提供的成品"),
    "papers": ("the operator's papers", "运营方文件"),
    "parties": ("parties that license", "许可方"),
    "people": ("people's enrolments", "人员登记"),
    "permits": ("permits that may be used", "可使用的许可凭证"),
    "petitions": ("requests of people that wait for an answer", "待答复的个人请求"),
    "policies": ("the policy in use, and those that kept decisions cite", "使用中的策略及被引用的策略"),
    "proof-services": ("services whose proof counts", "被认可的核验服务"),
    "protections": ("protections in force", "生效中的人脸保护"),
    "refusals": ("refusals in force", "生效中的拒绝登记"),
    "requests": ("people who were asked and have not answered", "尚未答复的征求"),
    "searches": ("faces that are held for review", "待复核的人脸"),
    "tidings": ("events that hooks have not been told", "尚未送达的事件通知"),
}
"""What a reason says, in English and Chinese."""


def needs(session: Session, record: Record, before: datetime) -> tuple[Need, ...]:
    """Every reason why entries from before an instant must stay. Reads decisions of that age, one by one."""
    tenant = record.settings.tenant
    entries, policies = _decisions(session, tenant, before, swaps.live(session, tenant))
    return (
        *consents.needs(tenant, before, rests_on=swaps.rests_on(tenant), policies=policies),
        *swaps.needs(tenant),
        Need("decisions", sorted(entries)),
        Need("held-people", _held(session, record)),
        Need("duties", _owed(session, tenant)),
        Need("adoptions", adopted.needed(tenant, before)),
        apikeys.needed(tenant, record.clock()),
    )


def _decisions(
    session: Session, tenant: str, before: datetime, live: Live
) -> tuple[Collection[str], Collection[str]]:
    """Entries of what was decided about what is live, and the policies it was decided by."""
    entries, policies = set[str](), set[str]()
    seen = (before, "")
    while page := docket.page(session, tenant, seen, _PAGE):
        for one in page:
            question = parse(one.case)
            source = question.source if one.action is Action.INTAKE else None
            if (
                question.template in live.templates
                or (source is not None and source.received_digest in live.videos)
                or not live.decisions.isdisjoint({one.id, one.follows})
            ):
                entries.add(one.entry)
                policies.add(one.policy)
        seen = page[-1].at, page[-1].id
    return entries, policies


def _held(session: Session, record: Record) -> list[str]:
    """Entries about people under a legal hold. Reads the whole log for each of them."""
    people = {one.person for one in LegalHolds(record.ledger, record.entropy).of(session)}
    found: list[str] = []
    for person in sorted(people):
        # Swallowed: of one whose keys were destroyed before, rows alone tell what was hers.
        with suppress(KeysErased):
            hers = record.ledger.entries_of(session, Subject("person", person))
            found += [entry.leaf_hash for entry in hers]
    return found


def _owed(session: Session, tenant: str) -> list[str]:
    """The first entry since the oldest duty is owed: it, or what comes next, is the fact of it."""
    since = swaps.owed_since(session, tenant)
    first = None if since is None else prunerows.first_since(session, tenant, since, 0)
    if first is None:
        return []
    return [one.leaf_hash for one in prunerows.entries(session, tenant, first, first + 1)]
