"""Alarms about those outside who vouch for the log: witnesses, and authorities that stamp it."""

from service.alarm import Alarm, Severity

WITNESS_AHEAD = Alarm(
    "WITNESS_HAS_SEEN_MORE",
    Severity.CRITICAL,
    "A witness says it has seen more entries of this log than are here, or others: somebody else may sign.",
    "有见证方称见过比本地更多或不同的日志条目：可能另有他方在为该日志签名，或存储被回退。",
    "Find the second deployment, or restore the newest copy. Once it is proved, strict mode signs nothing.",
    "请查找另一套部署，或恢复最新副本。一经证实，严格模式下不再签名。",
)
QUORUM_LATE = Alarm(
    "QUORUM_LATE",
    Severity.WARNING,
    "Checkpoints are published that no quorum of witnesses has seen yet.",
    "已发布的检查点尚未获得足够的见证方签名。",
    "`consentry log cosign` asks each witness now, and says what it answers.",
    "请运行 `consentry log cosign` 立即请求各见证方并查看其应答。",
)
PERMITS_WAIT = Alarm(
    "PERMITS_WAIT_FOR_WITNESSES",
    Severity.CRITICAL,
    "No quorum of witnesses has seen the last checkpoints: no permit is redeemed, no receipt handed out.",
    "最新检查点未获得足够的见证方签名：许可无法使用，回执无法出具。",
    "`consentry log cosign` says which witness fails; ask whoever runs it. Permits expire meanwhile.",
    "请运行 `consentry log cosign` 查明未应答的见证方并联系其运营方；期间许可可能过期。",
)
STAMP_UNFIT = Alarm(
    "TIME_STAMP_UNFIT",
    Severity.WARNING,
    "An authority's last time stamp did not hold, or its time is far from this machine's clock.",
    "时间戳机构最近一次应答无效，或其时间与本机时钟相差过大。",
    "Look at this machine's clock first (NTP), then at `log_tsa_trust`; `consentry log stamp` asks again.",
    "请先核对本机时钟（NTP），再核对 `log_tsa_trust`；`consentry log stamp` 可再次请求。",
)
STAMPS_LATE = Alarm(
    "TIME_STAMPS_LATE",
    Severity.WARNING,
    "An authority has not stamped the log's checkpoints for half an hour longer than it should.",
    "时间戳机构已逾期半小时以上未对检查点加盖时间戳。",
    "`consentry log stamp` asks now and says what it answers. The log goes on; its entries get a later time.",
    "请运行 `consentry log stamp` 立即请求并查看其应答。日志照常运行，但条目将获得较晚的时间证明。",
)
