"""Alarms about keys and erasures: what keeps an erasure from its end, and what was found damaged."""

from datetime import timedelta

from audit.keydb import Damage
from audit.rewrapping import GRACE
from service.alarm import Alarm, Look, Severity
from service.facts import Facts, Rows

STANDS = timedelta(hours=1)
"""How long an erasure that is due may take: the worker goes on with it every minute."""

ERASURES = Alarm(
    "ERASURES_STAND",
    Severity.CRITICAL,
    "An erasure has not come to its end for an hour: copies of keys that were to be destroyed may open yet.",
    "有删除事项逾一小时未能完成：应销毁的密钥副本仍可能被解开。",
    "`consentry purge` tries now and names what keeps it; for `KEYS_IN_USE` end what reads `keys.db`.",
    "请运行 `consentry purge` 立即重试并查看原因；如为 `KEYS_IN_USE`，请结束正在读取 `keys.db` 的程序。",
)
DAMAGED = Alarm(
    "KEYS_DAMAGED",
    Severity.CRITICAL,
    "Wrapped keys do not open. Erasures wait for a week so that they can be put back; then the KEK goes.",
    "部分密钥已损坏，无法解开。删除事项将等待一周以便恢复，其后主密钥（KEK）即被销毁。",
    "`consentry mend --from DIR` puts them back from a copy of the key store made since the last erasure.",
    "请用 `consentry mend --from 目录`，从最近一次删除之后的密钥库副本中恢复。",
)
LOST = Alarm(
    "KEYS_LOST",
    Severity.WARNING,
    "Wrapped keys were damaged and not put back: what they sealed can't be read. Proofs hold.",
    "部分密钥损坏且未恢复：其封存的内容无法读取，证明不受影响。",
    "Enrol whom it concerns under another id: nothing can be written under the old one. Its bytes are kept.",
    "请将相关人员以新的编号重新登记：原编号下无法再写入。损坏的数据仍予保留。",
)
ALARMS = (ERASURES, DAMAGED, LOST)


def erasures(what: str, rows: Rows, facts: Facts) -> Look:
    """Erasures that are due."""
    if rows.erasing_since is None:
        return Look(what, "none is due")
    age = max(timedelta(), facts.now - rows.erasing_since)
    said = f"{rows.erasing} on their way, since {age.total_seconds():.0f} s"
    return Look(what, said, ERASURES if age > STANDS else None)


def damaged(damage: Damage, facts: Facts) -> Look:
    """Wrapped keys that do not open."""
    what = "wrapped keys"
    if damage.since is None:
        return Look(what, "the last rotation found none that does not open")
    until = damage.since + GRACE
    said = f"{damage.keys} do not open, the last found on {damage.since:%Y-%m-%d}"
    return Look(what, said, DAMAGED if facts.now < until else LOST)
