"""The service's own keys in practice: another in the place of one, and one that others have."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit import durable, keyhistory
from audit.errors import BadInput
from audit.ids import Entropy
from audit.keyhistory import DutyKey
from audit.keys import Duty, SigningKey, load_private, replace_private
from consent import countersigned
from service import keydenials, webhooks
from service.layout import Layout
from service.settings import Settings
from service.wiring import Record, open_record
from swap import hooks

ROTATED = frozenset({Duty.PERMIT, Duty.COUNTERSIGN, Duty.EXPORT, Duty.WEBHOOK})


class KeyNotRotated(BadInput):
    """A key of this duty is not made here, or can't be another."""

    code = "KEY_NOT_ROTATED"
    zh = "该用途的密钥不能由本命令更换。"
    hint = (
        "permit, countersign, export and webhook are rotated here. A C2PA chain and a policy signer are put "
        "into files and settings, and written down at the next start. A log keeps its key: all who check it "
        "know it by that; with another, begin another log under another origin."
    )
    hint_zh = (
        "此命令仅更换 permit、countersign、export、webhook 密钥。C2PA 证书链与策略签署者由文件和配置决定，"
        "下次启动时自动入日志。日志密钥不可更换：验证者凭它识别日志；如须更换，请以新的 origin 另建日志。"
    )


class LogWouldEnd(BadInput):
    """Saying that the log's key is in other hands ends the log."""

    code = "LOG_WOULD_END"
    zh = "声明日志密钥泄露将使该日志终止：此后无法再追加条目。"
    hint = "If that is what you want, repeat it with --end-the-log; then found another under another origin."
    hint_zh = "如确需如此，请加 --end-the-log 重试；之后请以新的 origin 另建日志。"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was changed."""

    duty: Duty
    old: str
    """Kids."""
    new: str
    secrets: Mapping[str, str]
    """Of a webhook key: each hook's secret, which follows from it, shown this once."""


@dataclass(frozen=True, slots=True)
class Said:
    """That a key is in other hands, and what followed."""

    key: DutyKey
    suspended: tuple[str, ...]
    """Authorizations that wait for their persons: this key had countersigned them since."""


def rotate(settings: Settings, duty: Duty, entropy: Entropy) -> Rotated:
    """Another key for a duty, and the old one's private half gone. Its entries are those of a start.

    The file comes first: who dies after it starts with the new key, and writes the entries then. Processes
    that run already hold the old one, which signs nothing more; they are to be restarted.
    Raises `KeyNotRotated`, `KeyMissing`, what `open_record` raises.
    """
    if duty not in ROTATED:
        raise KeyNotRotated(f"the {duty} key is not rotated")
    layout = Layout.of(settings)
    # A log that can't start is mended first: its keys must not change under it.
    open_record(settings, ended=True).close()
    old = load_private(layout.key(duty), duty)
    new = SigningKey.generate(duty, entropy)
    replace_private(new, layout.key(duty))
    record = open_record(settings, ended=True)
    try:
        for key in (old.verifying, new.verifying):
            name = f"{duty}.pub" if key.kid == new.kid else f"retired/{duty}-{key.kid}.pub"
            durable.replace(layout.public / name, key.text.encode())
        record.log.publish(now=record.clock())
        with record.database.read() as session:
            known = hooks.every(session, settings.tenant) if duty is Duty.WEBHOOK else ()
        secrets = {one.id: webhooks.secret(new, one.id) for one in known if one.ended_at is None}
    finally:
        record.close()
    return Rotated(duty, old.kid, new.kid, secrets)


def compromised(
    record: Record, duty: Duty, kid: str, since: str, *, by: str, ends_the_log: bool = False
) -> Said:
    """Say from which place of the log on a key was in other hands: an index, or an entry's leaf hash.

    What it countersigned since is suspended until each person confirms it anew; permits that it signed since
    give no leave. Raises `DutyKeyUnknown`, `LogWouldEnd`.
    """
    if duty is Duty.LOG and not ends_the_log:
        raise LogWouldEnd("the log's key signs every checkpoint to come")
    now = record.clock()
    with record.database.write() as session:
        place = keyhistory.place_of(session, record.settings.tenant, since)
        key = keyhistory.compromise(session, record.ledger, duty, kid, since=place, by=by, now=now)
    # Once it is sure that there is such a key and place. Who dies here says it again, as below.
    keydenials.deny(record.journal, kid, place)
    # Apart, for who grants locks authorizations before the key. Nothing rests on them since that commit; who
    # dies here says it again, and they are suspended then.
    with record.database.write() as session:
        lost: tuple[str, ...] = ()
        if duty is Duty.COUNTERSIGN:
            lost = countersigned.resting_on(session, record.settings.tenant, kid)
        suspended = record.registry.suspend(session, lost, now=now)
    record.log.publish(now=now)
    return Said(key, suspended)
