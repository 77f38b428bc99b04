"""What can be wrong with an upload, its decoder, or the disk under it. Codes are stable.

Apart from `swap.errors` because the decoding cell imports these: it must not drag a database in.
"""

from audit.errors import BadInput, ConsentryError, Diverged, Unready

_VIDEO = "Send an MP4, MOV, WebM or Matroska file with H.264, HEVC, VP9, AV1 or MPEG-4 video."
_VIDEO_ZH = "请上传 MP4、MOV、WebM 或 Matroska 文件，视频编码为 H.264、HEVC、VP9、AV1 或 MPEG-4。"
_SMALLER = "Cut, scale or re-encode the video to fit the limits."
_SMALLER_ZH = "请裁剪、缩小或重新编码视频，使其符合限制。"
_AGAIN = "Export the video again from its editor and upload that file."
_AGAIN_ZH = "请从剪辑软件重新导出视频后再上传。"
_PHOTO = "Send one upright photo as JPEG, PNG or WebP."
_PHOTO_ZH = "请上传一张 JPEG、PNG 或 WebP 格式的照片。"


class Cancelled(ConsentryError):
    """Somebody asked the work to stop, and it did; nothing half-made was kept."""

    code = "CANCELLED"
    zh = "操作已取消。"
    hint = "Start it again if it is still wanted."
    hint_zh = "如仍需要，请重新开始。"


class SourceEmpty(BadInput):
    """No bytes at all."""

    code, zh, hint, hint_zh = "SOURCE_EMPTY", "文件为空。", _VIDEO, _VIDEO_ZH


class SourceTooLarge(BadInput):
    """More bytes than an upload, or its normalised form, may have."""

    code, zh, hint, hint_zh = "SOURCE_TOO_LARGE", "文件超过大小上限。", _SMALLER, _SMALLER_ZH


class SourceUnreadable(BadInput):
    """Not a video in a container we open. Playlists and scripts that name other files are never opened."""

    code, zh, hint, hint_zh = "SOURCE_UNREADABLE", "文件不是可读取的视频。", _VIDEO, _VIDEO_ZH


class SourceTruncated(BadInput):
    """The file ends before the video it announces."""

    code, zh, hint, hint_zh = (
        "SOURCE_TRUNCATED",
        "视频文件不完整。",
        "Upload the whole file again.",
        "请重新上传完整文件。",
    )


class CodecNotAllowed(BadInput):
    """A video codec that is not on the list, or colours (PQ, HLG) the eyes were never tested on."""

    code, zh, hint, hint_zh = "CODEC_NOT_ALLOWED", "视频编码或色彩格式不受支持。", _VIDEO, _VIDEO_ZH


class FrameTooLarge(BadInput):
    """A frame has more pixels, or a longer side, than we decode."""

    code, zh, hint, hint_zh = "FRAME_TOO_LARGE", "画面尺寸超过上限。", _SMALLER, _SMALLER_ZH


class SourceTooLong(BadInput):
    """The video lasts longer, or has more frames, than we scan."""

    code, zh, hint, hint_zh = "SOURCE_TOO_LONG", "视频时长或帧数超过上限。", _SMALLER, _SMALLER_ZH


class FrameRateAbsurd(BadInput):
    """More frames a second than a camera makes."""

    code, zh, hint, hint_zh = "FRAME_RATE_ABSURD", "视频帧率异常。", _AGAIN, _AGAIN_ZH


class TooManyStreams(BadInput):
    """More tracks in the container than a video needs."""

    code, zh, hint, hint_zh = "TOO_MANY_STREAMS", "文件包含过多的媒体流。", _AGAIN, _AGAIN_ZH


class NoVideo(BadInput):
    """A readable container without a video track."""

    code, zh, hint, hint_zh = "NO_VIDEO", "文件中没有视频轨。", _VIDEO, _VIDEO_ZH


class NoFrames(BadInput):
    """A video track without a single frame."""

    code, zh, hint, hint_zh = "NO_FRAMES", "视频中没有任何画面。", _AGAIN, _AGAIN_ZH


class SourceIrregular(BadInput):
    """Frames change size, carry no increasing time stamp, or are turned by an odd angle or mirrored."""

    code, zh, hint, hint_zh = "SOURCE_IRREGULAR", "视频画面尺寸、时间戳或旋转信息不一致。", _AGAIN, _AGAIN_ZH


class PhotoUnreadable(BadInput):
    """Not a photo in a format we open."""

    code, zh, hint, hint_zh = "PHOTO_UNREADABLE", "文件不是可读取的照片。", _PHOTO, _PHOTO_ZH


class PhotoTooLarge(BadInput):
    """More bytes or pixels than a photo may have."""

    code, zh, hint, hint_zh = "PHOTO_TOO_LARGE", "照片超过大小上限。", _PHOTO, _PHOTO_ZH


class TooManyFaces(BadInput):
    """More faces in one frame, or more tracks in the clip, than a scan keeps."""

    code = "TOO_MANY_FACES"
    zh = "画面中人脸过多。"
    hint = "Cut the crowd out: each recognisable person would have to agree."
    hint_zh = "请剪去人群画面：每位可辨认的人都须同意。"


class DecoderCrashed(BadInput):
    """The sandboxed decoder died or broke its protocol. The file is at fault until proven otherwise."""

    code, zh, hint, hint_zh = "DECODER_CRASHED", "解码该文件时解码器异常终止。", _AGAIN, _AGAIN_ZH


class DecoderTimeout(BadInput):
    """The sandboxed decoder used up its time on this file."""

    code, zh, hint, hint_zh = "DECODER_TIMEOUT", "解码该文件超时。", _SMALLER, _SMALLER_ZH


class DecoderMemory(BadInput):
    """The sandboxed decoder used up its memory on this file."""

    code, zh, hint, hint_zh = "DECODER_MEMORY", "解码该文件超出内存限制。", _SMALLER, _SMALLER_ZH


class SandboxUnavailable(Unready):
    """Uploads can't be decoded behind walls here, so they are not decoded at all."""

    code = "SANDBOX_UNAVAILABLE"
    zh = "当前环境无法建立解码沙箱，已拒绝解码。"
    hint = 'Install libseccomp2, or set sandbox = "rlimits" knowing that it is weaker (the log records it).'
    hint_zh = '请安装 libseccomp2；或在知悉风险后设置 sandbox = "rlimits"（日志会记录）。'


class StorageFull(Unready):
    """The disk has no room for the file being written; the half-written file is gone."""

    code = "STORAGE_FULL"
    zh = "磁盘空间不足，未写入任何内容。"
    hint = "Free space on the data disk, then repeat the step."
    hint_zh = "请释放数据盘空间后重试。"


class FolderExposed(Unready):
    """A folder of people's media can be read by other users of the machine."""

    code = "FOLDER_EXPOSED"
    zh = "存放媒体的目录对其他用户可见。"
    hint = "Set the folder's mode to 0700 (chmod 700)."
    hint_zh = "请将该目录权限设为 0700（chmod 700）。"


class MediaMissing(Diverged):
    """A file that a record names is not in its folder."""

    code = "MEDIA_MISSING"
    zh = "记录所指的媒体文件不存在。"
    hint = "Restore the media folder from its backup, or repeat the step that made the file."
    hint_zh = "请从备份恢复媒体目录，或重做生成该文件的步骤。"


class ScanMalformed(Diverged):
    """Stored scan bytes that are not a scan."""

    code = "SCAN_MALFORMED"
    zh = "存储的扫描结果格式不正确。"
    hint = "Scan the template again."
    hint_zh = "请重新扫描该模板。"


class NothingToEncode(BadInput):
    """The frames to encode are none, of mixed sizes, or not in time order."""

    code = "NOTHING_TO_ENCODE"
    zh = "没有可编码的画面，或画面不一致。"
    hint = "This is a fault of the engine: report it with its name and version."
    hint_zh = "这是引擎的故障，请连同引擎名称与版本一并报告。"
