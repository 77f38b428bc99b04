"""No face is told from another: what stands in an embedder's place where biometrics are switched off."""

from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import Unready
from consent.faces import Crop, Embeddings


class BiometricsOff(Unready):
    """Somebody asked for a face to be compared where no face is (FR Measures art. 10)."""

    code = "BIOMETRICS_OFF"
    zh = "本系统已停用人脸比对；请采用人工指认并由本人或两名复核人确认。"
    hint = "Announce the video with matching ASSIGNED, assign its tracks by hand, and have them confirmed."
    hint_zh = "请以 ASSIGNED 方式申报视频，人工指认轨迹并完成确认。"


@dataclass(frozen=True, slots=True)
class Blindfold:
    """A `consent.faces.Embedder` that embeds nothing."""

    digest: str = "0" * 64

    def embed(self, crops: Sequence[Crop]) -> Embeddings:
        """Raises `BiometricsOff`, also for no crop at all."""
        raise BiometricsOff(f"{len(crops)} crops were to be compared where nobody is")
