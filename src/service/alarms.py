"""Alarms: what is wrong, from facts alone. One list for the doctor, for readiness and for metrics.

An alarm's code is stable and its words are constant, so that it can be counted and searched for; what was
found stands beside it as a detail. `docs/monitoring.md` prints the table (a test keeps it equal).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from consent.hearing import SKEW
from service import keyalarms
from service.alarm import Alarm, Look, Severity
from service.facts import Facts, Rows
from service.outside_alarms import PERMITS_WAIT, QUORUM_LATE, STAMP_UNFIT, STAMPS_LATE, WITNESS_AHEAD
from swap import slots
from swap.duties import Kind
from swap.limits import Limits
from swap.orders import Progress

ENOUGH = 4 * Limits().max_bytes
"""Free bytes below which there is concern: an upload, its normalised form, a run and an output."""
LEAST = 256 << 20
"""Free bytes below which log and database may be the next to fail."""
STALLED = timedelta(seconds=60)
"""Age of an entry without a place: a worker gives it one within a second."""
OVERDUE = timedelta(minutes=10)
"""Age of a duty that takes a moment."""
UNSEEN = timedelta(minutes=2)
"""How long the first checkpoint that no quorum saw may be old: witnesses are asked every second."""
UNSTAMPED = timedelta(minutes=30)
"""How long a time stamp may be due: an authority that is away is asked again after a quarter of an hour."""
TRIED = 5
"""How often a duty may go wrong. It is put off each time, and never gets old: five take five minutes."""
WAITED = timedelta(minutes=15)
"""How long a job waits before somebody should look."""
HURRY = timedelta(hours=12)
"""Before a request or an appeal must be answered."""
MONTH, WEEK = timedelta(days=30), timedelta(days=7)

DATABASE = Alarm(
    "DATABASE_UNUSABLE",
    Severity.CRITICAL,
    "The database can't be reached, or has another shape than this version expects.",
    "数据库无法连接，或其结构与当前版本不一致。",
    "Run `consentry doctor`; it names which. After an update: `consentry upgrade`.",
    "请运行 `consentry doctor` 查明原因；更新版本后请运行 `consentry upgrade`。",
    stops=True,
)
JOURNAL = Alarm(
    "JOURNAL_UNREADABLE",
    Severity.CRITICAL,
    "The deny journal can't be read: every request is refused.",
    "拒绝日志（deny journal）无法读取：所有申请都会被拒绝。",
    "Mount or restore the guard folder; if the journal is lost, `consentry recover`.",
    "请挂载或恢复 guard 目录；若拒绝日志已丢失，请运行 `consentry recover`。",
    stops=True,
)
DISK_FULL = Alarm(
    "DISK_NEARLY_FULL",
    Severity.CRITICAL,
    "A data folder's disk is all but full: the next write may fail.",
    "数据目录所在磁盘即将写满，随时可能写入失败。",
    "Free space or enlarge the disk; uploads and renders are the first to fail, withdrawals must not.",
    "请清理或扩容磁盘；最先失败的是上传与渲染，而撤回操作不容失败。",
    stops=True,
)
DISK_LOW = Alarm(
    "DISK_LOW",
    Severity.WARNING,
    "A data folder's disk has less room than one large upload with its output may take.",
    "数据目录所在磁盘的剩余空间不足以容纳一次大文件上传及其输出。",
    "Free space or enlarge the disk.",
    "请清理或扩容磁盘。",
)
CLOCK = Alarm(
    "CLOCK_BEHIND",
    Severity.CRITICAL,
    "This machine's clock is behind the log's last entry: the gate refuses.",
    "本机时钟落后于日志最后一条记录：所有申请都会被拒绝。",
    "Set the clock (NTP); until then the gate refuses.",
    "请校准时钟（NTP）；在此之前所有申请都会被拒绝。",
    stops=True,
)
SEQUENCER = Alarm(
    "SEQUENCER_STALLED",
    Severity.CRITICAL,
    "Entries wait for their place in the log: no permit can be redeemed, no receipt handed out.",
    "日志条目未能及时定序：许可无法使用，回执无法出具。",
    "See that a worker runs; `consentry log publish` names what keeps it from publishing.",
    "请确认 worker 正在运行；`consentry log publish` 会显示无法发布的原因。",
)
DUTIES = Alarm(
    "DUTIES_OVERDUE",
    Severity.WARNING,
    "Something owed after a withdrawal is not done: a job to stop, a file to delete, somebody to tell.",
    "撤回后的待办事项逾期未完成：停止任务、删除文件或发送通知。",
    "See that a worker runs. Nothing is served meanwhile, but the promise to delete is broken.",
    "请确认 worker 正在运行。期间文件不会被提供，但删除承诺未兑现。",
)
WORKER = Alarm(
    "WORKER_MISSING",
    Severity.CRITICAL,
    "Jobs are unfinished, and no worker is alive.",
    "有未完成的任务，但没有运行中的 worker。",
    "Start `consentry worker`; it goes on where the last one ended.",
    "请启动 `consentry worker`；它会从上一进程中断处继续。",
)
JOBS = Alarm(
    "JOBS_WAIT",
    Severity.WARNING,
    "A job has waited for a worker for a quarter of an hour.",
    "有任务等待执行已超过一刻钟。",
    "Run more workers, each on a slot of its own. A permit nobody redeems in time expires.",
    "请增加 worker（每个使用独立槽位）。逾期未使用的许可会失效。",
)
CERTIFICATE_MISSING = Alarm(
    "CERTIFICATE_MISSING",
    Severity.CRITICAL,
    "There is no C2PA signing chain that can be read: nothing is released.",
    "没有可读取的 C2PA 签名证书链：无法发布任何输出。",
    "Put the chain, leaf first, where `consentry init` named; `consentry doctor` says what is wrong with it.",
    "请将证书链（叶证书在前）放到 `consentry init` 指明的位置；`consentry doctor` 会指出问题。",
)
CERTIFICATE_ENDED = Alarm(
    "CERTIFICATE_ENDED",
    Severity.CRITICAL,
    "The C2PA signing chain has ended: nothing is released, and no manifest without a time stamp holds.",
    "C2PA 签名证书链已到期：无法发布，且未加时间戳的内容凭证已失效。",
    "Install a new chain and key, and restart the workers.",
    "请安装新的证书链与私钥，并重启 worker。",
)
CERTIFICATE_LAST_WEEK = Alarm(
    "CERTIFICATE_ENDS_WITHIN_7_DAYS",
    Severity.CRITICAL,
    "The C2PA signing chain ends within a week.",
    "C2PA 签名证书链将在一周内到期。",
    "Install a new chain and key now, and restart the workers.",
    "请立即安装新的证书链与私钥，并重启 worker。",
)
CERTIFICATE_LAST_MONTH = Alarm(
    "CERTIFICATE_ENDS_WITHIN_30_DAYS",
    Severity.WARNING,
    "The C2PA signing chain ends within a month.",
    "C2PA 签名证书链将在一个月内到期。",
    "Ask for a new chain. Manifests without a time stamp (`tsa_url`) do not outlive the old one.",
    "请申请新的证书链。未加时间戳（`tsa_url`）的内容凭证将随旧证书一同失效。",
)
HOLDS = Alarm(
    "HOLDS_LAPSE_SOON",
    Severity.WARNING,
    "A hold that nobody lifted becomes a refusal within a day.",
    "有搁置的申请将在一天内因无人处理而变为拒绝。",
    "Two persons look at it, and lift it or let it lapse.",
    "请由两人审阅后解除搁置，或任其到期。",
)
PETITIONS = Alarm(
    "PETITIONS_OVERDUE",
    Severity.WARNING,
    "Somebody asked about her own data, and was not answered within the days that were promised.",
    "有个人权利请求超过承诺期限仍未答复。",
    "`consentry subject petitions` names them; answer each, with reasons.",
    "请用 `consentry subject petitions` 查看，并逐一说明理由答复。",
)

CLOCKS = Alarm(
    "CLOCKS_RUN_OUT",
    Severity.CRITICAL,
    "A takedown request or an appeal must be answered within 12 hours, or its time is over.",
    "有下架请求或申诉须在 12 小时内答复，或已逾期。",
    "`consentry takedown list` and `consentry appeal list` name them; answer, with reasons.",
    "请用 `consentry takedown list` 与 `consentry appeal list` 查看，并附理由答复。",
)
ALARMS = (
    DATABASE,
    JOURNAL,
    DISK_FULL,
    DISK_LOW,
    CLOCK,
    SEQUENCER,
    DUTIES,
    WORKER,
    JOBS,
    CERTIFICATE_MISSING,
    CERTIFICATE_ENDED,
    CERTIFICATE_LAST_WEEK,
    CERTIFICATE_LAST_MONTH,
    HOLDS,
    PETITIONS,
    CLOCKS,
    WITNESS_AHEAD,
    QUORUM_LATE,
    PERMITS_WAIT,
    *keyalarms.ALARMS,
    STAMP_UNFIT,
    STAMPS_LATE,
)
"""All there are."""
_WARNINGS = frozenset(alarm for alarm in ALARMS if alarm.severity is Severity.WARNING)


def looks(facts: Facts) -> Iterator[Look]:
    """Look at everything, well or not."""
    yield _answers("database", facts.database, DATABASE)
    yield _answers("deny journal", facts.journal, JOURNAL)
    yield _disk(facts)
    yield _certificate(facts)
    if facts.ahead is not None:
        yield _ahead(facts.ahead)
    if facts.damage is not None:
        yield keyalarms.damaged(facts.damage, facts)
    if facts.unfit is not None:
        yield _unfit(facts.unfit)
    for what, look in _WATCHED.items():
        yield look(what, facts.rows, facts) if facts.rows else Look(what, "needs the database", known=False)


def ringing(facts: Facts) -> tuple[Look, ...]:
    """What is wrong, gravest first."""
    wrong = [look for look in looks(facts) if look.alarm]
    return tuple(sorted(wrong, key=lambda look: look.alarm in _WARNINGS))


def _answers(what: str, code: str | None, alarm: Alarm) -> Look:
    if code is None:
        return Look(what, "was not asked", known=False)
    return Look(what, code, alarm) if code else Look(what, "answers")


def _disk(facts: Facts) -> Look:
    name, least = min(facts.free.items(), key=lambda each: each[1])
    said = f"{least / 2**30:.1f} GiB free for {name}"
    if least < ENOUGH:
        alarm = DISK_FULL if least < LEAST else DISK_LOW
        return Look("disk", f"{said}; an upload with its output may take {ENOUGH / 2**30:.1f}", alarm)
    return Look("disk", said)


def _ahead(ahead: Mapping[str, str]) -> Look:
    what = "witnesses' memory"
    if not ahead:
        return Look(what, "none has seen more than is here")
    return Look(what, "; ".join(ahead.values()), WITNESS_AHEAD)


def _unfit(unfit: Mapping[str, str]) -> Look:
    what = "answers of time stamp authorities"
    return Look(what, "; ".join(unfit.values()), STAMP_UNFIT) if unfit else Look(what, "the last ones held")


def _certificate(facts: Facts) -> Look:
    what, ends = "certificate's end", facts.certificate_ends
    if facts.certificate is None:
        return Look(what, "was not looked at", known=False)
    if ends is None:
        return Look(what, facts.certificate, CERTIFICATE_MISSING)
    left = ends - facts.now
    alarm = None
    if left <= timedelta():
        alarm = CERTIFICATE_ENDED
    elif not facts.demo:
        # Demo chains live for a month, and end with the demo.
        alarm = CERTIFICATE_LAST_WEEK if left < WEEK else CERTIFICATE_LAST_MONTH if left < MONTH else None
    return Look(what, f"valid until {ends:%Y-%m-%d}", alarm)


def _clock(what: str, rows: Rows, facts: Facts) -> Look:
    ahead = rows.last_entry - facts.now if rows.last_entry else timedelta()
    if ahead > SKEW:
        return Look(what, f"the last entry was written {_span(ahead)} from now", CLOCK)
    return Look(what, f"{facts.now:%Y-%m-%d %H:%M:%S %Z}, not behind the last entry")


def _sequencer(what: str, rows: Rows, facts: Facts) -> Look:
    if rows.log.waiting_since is None:
        return Look(what, f"{rows.log.size} entries, none waits")
    age = facts.now - rows.log.waiting_since
    return Look(
        what, f"{rows.log.waiting} entries wait, since {_span(age)}", SEQUENCER if age > STALLED else None
    )


def _duties(what: str, rows: Rows, facts: Facts) -> Look:
    # A run is owed as long as it takes: the job's own wait is looked at instead.
    owed = [each for each in rows.duties if each.kind is not Kind.RUN_JOB]
    if not owed:
        return Look(what, "none open")
    age = max(timedelta(), facts.now - min(each.since for each in owed))
    tries = max(each.tries for each in owed)
    said = ", ".join(f"{each.open} {each.kind}" for each in owed)
    late = age > OVERDUE or tries >= TRIED
    return Look(what, f"{said}; due since {_span(age)}, {tries} failures", DUTIES if late else None)


def _worker(what: str, rows: Rows, facts: Facts) -> Look:
    if rows.workers:
        return Look(what, f"{rows.workers} alive")
    waits = facts.now - min((each.since for each in rows.jobs), default=facts.now)
    if waits > 2 * slots.LEASE:
        return Look(what, f"none alive, a job since {_span(waits)}", WORKER)
    return Look(what, "none alive: commands work inline")


def _jobs(what: str, rows: Rows, facts: Facts) -> Look:
    queued = [each for each in rows.jobs if each.progress is Progress.QUEUED]
    said = ", ".join(f"{each.count} {each.progress}" for each in rows.jobs) or "none unfinished"
    waits = facts.now - min((each.since for each in queued), default=facts.now)
    return Look(what, said, JOBS if waits > WAITED else None)


def _holds(what: str, rows: Rows, _facts: Facts) -> Look:
    return Look(
        what, f"{rows.holds} open, {rows.lapsing} lapse within a day", HOLDS if rows.lapsing else None
    )


def _petitions(what: str, rows: Rows, _facts: Facts) -> Look:
    said = f"{rows.petitions.open} open, {rows.petitions.overdue} overdue"
    return Look(what, said, PETITIONS if rows.petitions.overdue else None)


def _clocks(what: str, rows: Rows, facts: Facts) -> Look:
    if rows.answer_by is None:
        return Look(what, "no request or appeal waits")
    left = rows.answer_by - facts.now
    said = f"{rows.unanswered} wait, the first for {'another ' if left > timedelta() else ''}{_span(left)}"
    return Look(what, said, CLOCKS if left < HURRY else None)


def _quorum(what: str, rows: Rows, facts: Facts) -> Look:
    if rows.witnessed is None:
        return Look(what, "no witness is asked")
    if rows.unwitnessed_since is None:
        return Look(what, f"has seen all {rows.witnessed} entries")
    age = facts.now - rows.unwitnessed_since
    late = (PERMITS_WAIT if facts.strict else QUORUM_LATE) if age > UNSEEN else None
    return Look(what, f"has seen {rows.witnessed} entries of {rows.log.size}, since {_span(age)}", late)


def _stamps(what: str, rows: Rows, facts: Facts) -> Look:
    if rows.stamps_due is None:
        return Look(what, "no authority is asked")
    due = {name: facts.now - since for name, since in rows.stamps_due.items() if since is not None}
    late = {name: age for name, age in due.items() if age > UNSTAMPED}
    if late:
        return Look(what, ", ".join(f"{name}: due since {_span(late[name])}" for name in late), STAMPS_LATE)
    return Look(what, f"none late by {', '.join(rows.stamps_due)}")


_WATCHED: dict[str, Callable[[str, Rows, Facts], Look]] = {
    "clock": _clock,
    "sequencer": _sequencer,
    "duties": _duties,
    "worker": _worker,
    "jobs": _jobs,
    "holds": _holds,
    "petitions": _petitions,
    "clocks": _clocks,
    "quorum of witnesses": _quorum,
    "erasures": keyalarms.erasures,
    "stamped checkpoints": _stamps,
}


def _span(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"


def markdown() -> str:
    """The table of `docs/monitoring.md`."""
    columns = ("code", "severity", "not ready", "what", "说明", "what to do", "处理办法")
    return f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|\n" + "".join(
        f"| `{alarm.code}` | {alarm.severity} | {'yes' if alarm.stops else ''} |"
        f" {alarm.text} | {alarm.zh} | {alarm.hint} | {alarm.hint_zh} |\n"
        for alarm in ALARMS
    )


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201  (for whoever changes the docs)
