"""What can go wrong around media, engines and jobs. Codes are stable; `docs/errors.md` lists them."""

from audit.errors import BadInput, Diverged, Unready


class SlotTaken(Unready):
    """Another live process runs jobs under this executor id."""

    code = "SLOT_TAKEN"
    zh = "该执行槽位已被另一个运行中的进程占用。"
    hint = "Stop the other process, wait for its lease to end, or use another slot."
    hint_zh = "请停止另一进程，等待其租约结束，或改用其他槽位。"


class NoSuchThing(BadInput):
    """An id that this tenant does not have; whether another tenant has it is nobody's business."""

    code = "NOT_FOUND"
    zh = "未找到该编号对应的记录。"
    hint = "Check the id and the tenant; `consentry log list` shows recent entries."
    hint_zh = "请核对编号与租户；可用 `consentry log list` 查看最近的记录。"


class WrongState(BadInput):
    """A step was asked for at a point of the way where it has no place."""

    code = "WRONG_STATE"
    zh = "当前状态下不能执行此操作。"
    hint = "Do the steps in order: announce, add, scan, publish, swap."
    hint_zh = "请按顺序执行：申报、上传、扫描、发布、换脸。"


class Tampered(Diverged):
    """Stored bytes are not the bytes whose digest was recorded."""

    code = "STORED_BYTES_CHANGED"
    zh = "存储内容与登记的摘要不一致。"
    hint = "Do not use this file. Restore it from a backup that matches the recorded digest."
    hint_zh = "请勿使用该文件，请从与登记摘要一致的备份中恢复。"


class ClockSetBack(Unready):
    """This machine's clock is behind the log, so nothing is handed over."""

    code = "CLOCK_SET_BACK"
    zh = "本机时钟落后于日志，无法判断同意是否仍然有效，暂不交付。"
    hint = "Set the clock (NTP), then ask again."
    hint_zh = "请校准时钟（NTP）后重试。"


class NotAnnounced(BadInput):
    """Other bytes came than the ones the source record was stated for."""

    code = "SOURCE_NOT_ANNOUNCED"
    zh = "上传内容与申报的文件不一致。"
    hint = "Upload the announced file unchanged, or announce this one with its own source record."
    hint_zh = "请原样上传已申报的文件，或为此文件另行申报来源。"


class UploadGone(Unready):
    """The same bytes were deleted for another template, whose date had come, while they were received."""

    code = "UPLOAD_GONE"
    zh = "上传内容在接收过程中已被删除。"
    hint = "Upload it again."
    hint_zh = "请重新上传。"


class BadCast(BadInput):
    """A declaration of who is in the picture that contradicts itself."""

    code = "CAST_INVALID"
    zh = "出镜人申报有误。"
    hint = "Name each person once in each role; a donor is not part of the cast."
    hint_zh = "每位出镜人在每种角色中只填写一次；供脸人不属于出镜人员。"


class PhotoGone(BadInput):
    """The donor's photo was deleted: its job has ended, its date has come, or she withdrew."""

    code = "DONOR_PHOTO_GONE"
    zh = "供脸照片已被删除。"
    hint = "Send the donor's photo again."
    hint_zh = "请重新上传供脸照片。"


class NobodyToSwap(BadInput):
    """No track of the template shows a performer."""

    code = "NOBODY_TO_SWAP"
    zh = "模板中没有可替换的表演者。"
    hint = "Declare the person whose face is to be replaced as performer, and scan again."
    hint_zh = "请将需要替换面部的人物申报为表演者后重新扫描。"


class JobStopped(Unready):
    """A job's attempts broke off, the last of them too."""

    code = "JOB_STOPPED"
    zh = "任务多次中断，已停止重试。"
    hint = "Run `consentry doctor`, mend what it names, then ask for the swap again."
    hint_zh = "请运行 `consentry doctor` 并按提示修复，然后重新申请换脸。"


class HandedBack(Unready):
    """The worker was told to stop before a run had ended. Another attempt begins it anew."""

    code = "JOB_HANDED_BACK"
    zh = "执行进程已停止，任务已退回队列，将由下一个进程重新执行。"
    hint = "Nothing to do: the next worker takes it up."
    hint_zh = "无需处理：下一个 worker 会接手。"


class PermitUnwitnessed(Unready):
    """Strict mode: the permit's entry is under no checkpoint that a quorum of witnesses saw."""

    code = "PERMIT_UNWITNESSED"
    zh = "许可的日志条目尚未被足够的见证方见证，任务等待中。"
    hint = "The job waits for the witnesses by itself. `consentry log cosign` says which does not answer."
    hint_zh = "无需处理：任务正在等待见证。`consentry log cosign` 可查看未应答的见证方。"


class QueueAway(Unready):
    """The job engine's own tables can't be reached."""

    code = "JOB_QUEUE_AWAY"
    zh = "无法访问任务引擎的数据表。"
    hint = "Check the database, or the disk under jobs.db; the worker goes on by itself once it answers."
    hint_zh = "请检查数据库或 jobs.db 所在磁盘；恢复后执行进程会自动继续。"
