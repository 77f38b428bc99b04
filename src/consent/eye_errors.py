"""What can be wrong with models, pictures and embeddings. Importing this loads no model and no runtime.

Sections: models, pictures, matching.
"""

from collections.abc import Sequence

from audit.errors import BadInput, Diverged, Unready
from consent.quality import Shortfall

# Models


class CardWrong(BadInput):
    """A model manifest can't be read, or says something a card can't say."""

    code = "MODEL_CARD_WRONG"
    zh = "模型清单（models.toml）无法读取或内容不正确。"
    hint = "Each [[model]] needs name, role, file, sha256 (64 hex digits), licence (SPDX) and commercial."
    hint_zh = (
        "每个 [[model]] 须写明 name、role、file、sha256（64 位十六进制）、licence（SPDX）和 commercial。"
    )


class ModelUnknown(BadInput):
    """No card has that name."""

    code = "MODEL_UNKNOWN"
    zh = "没有这个名称的模型。"
    hint = "`consentry models` lists the names; a folder's models stand in its models.toml."
    hint_zh = "运行 `consentry models` 查看可用名称；自备模型写在其目录的 models.toml 中。"


class WeightsMissing(Unready):
    """A model file isn't where its card says."""

    code = "WEIGHTS_MISSING"
    zh = "缺少模型文件。"
    hint = (
        "Reinstall from requirements/run.lock, or put the file into the model folder. Nothing is downloaded."
    )
    hint_zh = "请按 requirements/run.lock 重新安装，或将文件放入模型目录。系统不会自动下载。"


class WeightsWrong(Diverged):
    """A model file isn't the one its card pins, or isn't the network it should be."""

    code = "WEIGHTS_WRONG"
    zh = "模型文件与登记的 SHA-256 或网络结构不符。"
    hint = "Restore the file. If you mean to change models, write a new card and evaluate the model first."
    hint_zh = "请恢复原文件；如要更换模型，请先登记新的模型信息并完成评估。"


class LicenceRefused(Unready):
    """A model's licence doesn't cover what the service is run for."""

    code = "MODEL_LICENCE_REFUSED"
    zh = "模型许可不覆盖当前部署方式。"
    hint = (
        "Use a model licensed for this deployment, or record the grant you hold in the folder's models.toml."
    )
    hint_zh = "请使用许可覆盖当前部署的模型，或在模型目录的 models.toml 中登记已获得的授权。"


class FoldFailed(Diverged):
    """A model file has its pinned digest and still can't be folded, or folds to other bytes."""

    code = "MODEL_FOLD_FAILED"
    zh = "模型文件无法按预期展开为 float32。"
    hint = "Install the versions of onnx and numpy that requirements/run.lock names, then start again."
    hint_zh = "请安装 requirements/run.lock 指定版本的 onnx 与 numpy 后重新启动。"


class CacheUnwritable(Unready):
    """The cache directory for folded models can't be written."""

    code = "MODEL_CACHE_UNWRITABLE"
    zh = "模型缓存目录无法写入。"
    hint = "Free some disk space (45 MB are enough) or name another cache directory in the settings."
    hint_zh = "请释放磁盘空间（45 MB 即可），或在设置中指定其他缓存目录。"


class ProviderMissing(Unready):
    """None of the execution providers asked for is there."""

    code = "PROVIDER_MISSING"
    zh = "指定的推理后端均不可用。"
    hint = "Name CPUExecutionProvider as the last resort, or install the onnxruntime build for your device."
    hint_zh = "请将 CPUExecutionProvider 列为最后选项，或安装适配设备的 onnxruntime。"


class SelfTestFailed(Unready):
    """The models don't see what they are known to see. Nothing may be decided with them."""

    code = "SELF_TEST_FAILED"
    zh = "人脸模型自检未通过，系统拒绝启动。"
    hint = "Run `consentry doctor`. Check the model card's preprocessing, the provider and the versions."
    hint_zh = "请运行 `consentry doctor`，检查模型信息中的预处理参数、推理后端与版本。"


# Pictures


class NotAnImage(BadInput):
    """What was handed in isn't a colour image of 8 bits."""

    code = "NOT_AN_IMAGE"
    zh = "输入不是 8 位彩色图像。"
    hint = "Pass height x width x 3, uint8, BGR, at least one pixel."
    hint_zh = "请传入 高 x 宽 x 3、uint8、BGR 且非空的图像。"


class NotACrop(BadInput):
    """What was handed in isn't an aligned crop."""

    code = "NOT_A_CROP"
    zh = "输入不是对齐后的人脸图像。"
    hint = "Pass the result of consent.alignment.align: 112 x 112 x 3, uint8, BGR."
    hint_zh = "请传入 consent.alignment.align 的结果：112 x 112 x 3、uint8、BGR。"


class EmbeddingBroken(Diverged):
    """The network answered with numbers that are no direction."""

    code = "EMBEDDING_BROKEN"
    zh = "人脸模型输出无效数值。"
    hint = "Run `consentry doctor`; if it fails, restore the model files or use the CPU provider."
    hint_zh = "请运行 `consentry doctor`；若失败，请恢复模型文件或改用 CPU 后端。"


class PhotoNoFace(BadInput):
    """A photo shows no face."""

    code = "PHOTO_NO_FACE"
    zh = "照片中未检测到人脸。"
    hint = "Use a photo in which the face is upright, uncovered, lit, and takes a tenth of the width or more."
    hint_zh = "请使用人脸端正、无遮挡、光线充足、宽度至少占画面十分之一的照片。"


class PhotoManyFaces(BadInput):
    """A photo shows more than one face: whose consent would it be?"""

    code = "PHOTO_MANY_FACES"
    zh = "照片中检测到多张人脸，只能有一张。"
    hint = "Crop the photo to the one person it is about."
    hint_zh = "请将照片裁剪到只包含本人。"


class PhotoPoor(BadInput):
    """A photo's only face can't be seen well enough. `shortfalls` says in what respects."""

    code = "PHOTO_POOR"
    zh = "照片质量不足（过小、过暗、过曝、模糊或侧脸）。"
    hint = "Use a sharp, evenly lit photo that faces the camera, with the face at least 56 pixels wide."
    hint_zh = "请使用清晰、光线均匀、正对镜头的照片，人脸宽度至少 56 像素。"

    def __init__(self, shortfalls: Sequence[Shortfall]) -> None:
        super().__init__(f"the face in the photo is not good enough: {', '.join(shortfalls)}")
        self.shortfalls = tuple(shortfalls)


# Matching


class EmbeddingsWrong(BadInput):
    """Embeddings that can't be compared: other widths, not finite, not of unit length, or none."""

    code = "EMBEDDINGS_WRONG"
    zh = "人脸特征数据无法比对。"
    hint = "References and probes must come from the same model; enrol again after changing the model."
    hint_zh = "参考特征与待比特征必须来自同一模型；更换模型后请重新登记。"


class OverlapWrong(BadInput):
    """An overlap names a track without an answer, or a track and itself."""

    code = "TRACK_OVERLAP_WRONG"
    zh = "轨迹重叠信息引用了不存在或相同的轨迹。"
    hint = "Match every track of the scan first, and pair only different tracks of one frame."
    hint_zh = "请先完成全部轨迹的比对，且仅配对同一帧中的不同轨迹。"
