"""A sample that a stranger draws again: from the auditor's seed and the root of a checkpoint, nothing else.

`n` entries are eligible, in order of the tree. For counter 0, 1, 2, ... take

    SHA-256("consentry/sample/v1" LF seed LF root in hex LF counter in decimal LF)

as a big-endian number of 256 bits. A number from the largest multiple of `n` on is passed over: without
that the first places would come up more often. Else the number modulo `n` is a position among the
eligible; one that was drawn before is passed over. So on, until enough are drawn.

The root binds the sample to entries that were signed before the seed was known, if the auditor names the
seed after she has the checkpoint. A seed that the operator knew earlier, or chose, proves nothing.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import count, islice

from audit.errors import BadInput

LONGEST_SEED = 200
ALGORITHM = "consentry/sample/v1"
_RANGE = 1 << 256


class SampleImpossible(BadInput):
    """A seed that is none, or more than there is to draw from."""

    code = "SAMPLE_IMPOSSIBLE"
    zh = "无法抽样：种子无效，或抽样数超过总体。"
    hint = "Give a seed of 1 to 200 printable ASCII characters, and no larger count than there are entries."
    hint_zh = "种子须为 1 至 200 个可打印 ASCII 字符；抽样数不得超过条目总数。"


def draw(seed: str, root: str, eligible: int, wanted: int) -> tuple[int, ...]:
    """`wanted` different positions in `[0, eligible)`, in the order drawn. Raises `SampleImpossible`."""
    if not 0 < len(seed) <= LONGEST_SEED or not seed.isascii() or not seed.isprintable():
        raise SampleImpossible("a seed is 1 to 200 printable ASCII characters")
    if not 0 < wanted <= eligible:
        raise SampleImpossible(f"{wanted} of {eligible} can't be drawn")
    return tuple(islice(_distinct(seed, root, eligible), wanted))


def _distinct(seed: str, root: str, eligible: int) -> Iterator[int]:
    drawn = set[int]()
    fair = _RANGE - _RANGE % eligible
    for counter in count():
        text = f"{ALGORITHM}\n{seed}\n{root}\n{counter}\n"
        number = int.from_bytes(sha256(text.encode("ascii")).digest())
        position = number % eligible
        if number < fair and position not in drawn:
            drawn.add(position)
            yield position
