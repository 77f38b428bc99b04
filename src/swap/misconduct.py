"""What an engine can do wrong. Each ends the run; nothing it made leaves."""

from audit.errors import BadInput, ConsentryError, Diverged, Unready


class EngineStrayed(Diverged):
    """A frame was changed where no permitted face is, or changed its size, type, index or time."""

    code = "ENGINE_STRAYED"
    zh = "引擎改动了许可范围以外的画面。"
    hint = "The output was discarded. Do not use this engine until its masks are right."
    hint_zh = "输出已丢弃。在其遮罩修正之前请勿使用该引擎。"


class EngineShort(Diverged):
    """The engine gave fewer frames than it got."""

    code = "ENGINE_SHORT"
    zh = "引擎返回的帧数少于输入帧数。"
    hint = "The output was discarded. Check the engine; every frame must come back once."
    hint_zh = "输出已丢弃。请检查引擎：每一帧必须且只能返回一次。"


class EngineLong(Diverged):
    """The engine gave more frames than it got."""

    code = "ENGINE_LONG"
    zh = "引擎返回的帧数多于输入帧数。"
    hint = "The output was discarded. Check the engine; every frame must come back once."
    hint_zh = "输出已丢弃。请检查引擎：每一帧必须且只能返回一次。"


class EngineMisreported(Diverged):
    """The engine's report leaves a permitted face out, or names one that was not there."""

    code = "ENGINE_MISREPORTED"
    zh = "引擎的报告与实际处理的面部不符。"
    hint = "The output was discarded. Check the engine; every face is either swapped or skipped."
    hint_zh = "输出已丢弃。请检查引擎：每张面部要么已替换，要么已跳过并说明原因。"


class EngineHoards(Unready):
    """The engine reads on and on without giving frames back."""

    code = "ENGINE_HOARDS"
    zh = "引擎提前读取的帧数超过上限。"
    hint = "Use an engine that works with a bounded look-ahead; memory would run out on a long clip."
    hint_zh = "请使用提前读取有上限的引擎，否则长视频会耗尽内存。"


class EngineStalled(Unready):
    """The engine neither asked for a frame nor gave one for too long, or didn't stop when told to."""

    code = "ENGINE_STALLED"
    zh = "引擎长时间无响应，或在取消后没有停止。"
    hint = "Look at the engine. If it runs in the worker, restart that: a stuck engine still holds a thread."
    hint_zh = "请检查引擎。若引擎在工作进程内运行，请重启工作进程（卡住的引擎仍占用一个线程）。"


class EngineCrashed(Unready):
    """The engine raised something that is no error of ours."""

    code = "ENGINE_CRASHED"
    zh = "引擎内部出错。"
    hint = "The cause is chained to this error; the job may be tried again."
    hint_zh = "原因附在本错误之后；可重试该任务。"


class RenderCancelled(ConsentryError):
    """The run was cancelled while the engine worked. Nothing it made is kept."""

    code = "RENDER_CANCELLED"
    zh = "渲染已取消。"
    hint = "Nothing was released. Start a new job if the swap is still wanted."
    hint_zh = "未发布任何内容。如仍需换脸，请新建任务。"


class PortraitUnusable(BadInput):
    """The engine can't read the donor's face."""

    code = "PORTRAIT_UNUSABLE"
    zh = "引擎无法从供体照片中读取面部。"
    hint = "Use a sharp photo, seen from the front, with the whole face in it."
    hint_zh = "请使用清晰、正面、面部完整的照片。"


class RunOvertaken(ConsentryError):
    """A later attempt of the same job has begun; this one's frames are not wanted any more."""

    code = "ENGINE_RUN_OVERTAKEN"
    zh = "同一任务的较新一次尝试已开始，本次渲染作废。"
    hint = "Nothing to do: the later attempt is at work. Nothing of this one is kept."
    hint_zh = "无需处理：较新的尝试正在进行，本次结果不会保留。"
