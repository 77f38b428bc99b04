"""What must agree before anything is signed: the rows, the last checkpoint, the head kept apart.

A log that signs after losing its end, or after somebody edited it, signs a fork. Each of these
refusals is final until a human has looked: nothing here repairs.
"""

from audit import tree
from audit.checkpoint import Checkpoint, CheckpointMalformed
from audit.edge import Edge
from audit.errors import Diverged
from audit.head import TreeHead
from audit.keys import BadSignature
from audit.note import NoteMalformed
from audit.storage import Storage
from audit.treereader import TreeReader


class LogBehind(Diverged):
    """The database is older than what was already signed: restored from a copy, or the wrong one."""

    code = "LOG_BEHIND"
    zh = "数据库早于已签名的日志头：可能恢复自旧备份。"
    hint = "Restore the newest copy. If entries are really lost, `consentry recover` logs the gap."
    hint_zh = "请恢复最新备份。若条目确已丢失，请运行 `consentry recover` 记录缺口。"


class LogForked(Diverged):
    """The database holds another history than the one that was signed."""

    code = "LOG_FORKED"
    zh = "数据库中的历史与已签名的历史不同。"
    hint = "Two databases wrote under one log. Keep both, and find out which one the signed head belongs to."
    hint_zh = "同一日志下存在两个数据库。请都保留，并查明已签名日志头属于哪一个。"


class LogEdited(Diverged):
    """Stored entries or tiles do not hash to the root that was signed over them."""

    code = "LOG_EDITED"
    zh = "已存日志数据与签名的根哈希不符：数据被改动过。"
    hint = "`consentry log audit` names the first entry that differs. Restore it; don't sign over it."
    hint_zh = "运行 `consentry log audit` 可定位首个不符的条目。请恢复数据，切勿重新签名。"


class AnotherLog(Diverged):
    """The database's checkpoints were signed by another key, or for another origin."""

    code = "ANOTHER_LOG"
    zh = "数据库属于另一个日志（来源或密钥不同）。"
    hint = "Check origin and log key in the settings against the database they are used with."
    hint_zh = "请核对设置中的日志来源（origin）和密钥与所用数据库是否一致。"


class HeadMissing(Diverged):
    """There is a log, but no head kept apart from it: nothing says whether it is complete."""

    code = "HEAD_MISSING"
    zh = "缺少独立保存的日志头（head），无法判断日志是否完整。"
    hint = "Restore the folder of the deny journal, where it lies, or run `consentry recover`."
    hint_zh = "请恢复其所在的拒绝日志目录，或运行 `consentry recover`。"


def check(rows: TreeReader, head: TreeHead | None) -> tuple[Checkpoint | None, Edge]:
    """The last checkpoint and the edge under it, if they, the rows and `head` agree; else raises.

    `head` must have been read before the session looked, so that it can't be newer than what
    the session sees for any good reason: the commit always comes first.
    """
    latest = _latest(rows)
    size = latest.size if latest else 0
    if latest and head is None:
        raise HeadMissing(f"a log of {size} entries and no stored head")
    if head and head.size > size:
        raise LogBehind(f"{size} entries in the database, {head.size} under the stored head")
    if rows.placed() != size:
        raise LogEdited(f"{size} entries under the last checkpoint, {rows.placed()} with a place")
    edge = rows.edge(size)
    if edge.root().hex() != (latest.root if latest else tree.EMPTY_ROOT.hex()):
        raise LogEdited(f"the rows of {size} entries hash to another root than was signed")
    if head and _root_at(rows, head.size, latest) != head.root:
        raise LogForked(f"at {head.size} entries the database has another root than the stored head")
    return latest, edge


def follows(rows: TreeReader, head: TreeHead) -> None:
    """Raise `LogBehind` or `LogForked` unless the rows have the history that `head` stands for.

    What they hold beside it was signed and never published: nothing of that may be handed out.
    """
    latest = _latest(rows)
    size = latest.size if latest else 0
    if head.size > size:
        raise LogBehind(f"{size} entries in the database, {head.size} under the stored head")
    if _root_at(rows, head.size, latest) != head.root:
        raise LogForked(f"at {head.size} entries the database has another root than the stored head")


def check_public(latest: Checkpoint | None, rows: TreeReader, storage: Storage) -> None:
    """Raise `LogBehind` or `LogForked` if the published checkpoint shows that we signed more, or other.

    The files are not trusted to be complete or new, but our own signature is: head and database may
    have been restored together.
    """
    data = storage.get("checkpoint")
    if data is None:
        return
    try:
        shown = Checkpoint.parse(data.decode(), rows.verifier)
    except (UnicodeError, NoteMalformed, CheckpointMalformed, BadSignature):
        return  # Whatever it is, we did not sign it, and it will be replaced.
    size = latest.size if latest else 0
    if shown.size > size:
        raise LogBehind(f"{size} entries in the database, {shown.size} under the published checkpoint")
    if _root_at(rows, shown.size, latest) != shown.root:
        raise LogForked(f"at {shown.size} entries another root was published")


def _latest(rows: TreeReader) -> Checkpoint | None:
    try:
        return rows.latest()
    except (NoteMalformed, CheckpointMalformed, BadSignature) as error:
        raise AnotherLog(f"the last checkpoint is not of {rows.verifier.name}: {error}") from None


def _root_at(rows: TreeReader, size: int, latest: Checkpoint | None) -> str:
    if latest and size == latest.size:
        return latest.root
    return tree.range_root(rows.nodes(), 0, size).hex()
