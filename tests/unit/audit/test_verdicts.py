"""What the verifier of a bundle is, and what it says that it can't prove: against what is written of it."""

import re
from pathlib import Path

import pytest

from audit import bundle
from audit.verdicts import LIMITS
from service.evidence.readme import README

DOCS = Path(__file__).parents[3] / "docs"
TOLD = {
    "no engine ran outside": ("no engine ran outside the gate", "门禁之外没有引擎运行"),
    "engine kept no copy": ("copies of an engine", "引擎、成品或证据包的副本已销毁"),
    "signer is the person": ("that the signer is the person", "签署者即本人"),
    "read what she signed": ("or read what she signed", "或已读其签署内容"),
    "what the operator states": ("what the operator states", "运营方所述"),
    "outputs or handed-out bundles": ("of outputs or of bundles are gone", "成品或证据包的副本已销毁"),
    "residue of an erasure": ("erased residue is anonymous in law", "删除后的残余在法律上属匿名"),
    "backups of versions that did not seal": ("backups of versions that did not seal", "旧版本所作备份"),
    "deleted before its first": ("deleted before its first checkpoint", "首个检查点之前无删除"),
    "not forked before": ("forked before the first independent witness", "首个独立见证之前无分叉"),
    "both database and keys": ("nobody with both database and keys", "同时持有数据库与密钥者未读内容"),
    "left nothing out of it": ("whoever made a bundle left nothing out", "证据包制作者未遗漏任何内容"),
    "below the resolvable size": ("below the resolvable size", "小于可分辨尺寸的人脸不存在"),
    "match is right beyond": ("right beyond the measured error rates", "超出实测错误率的比对正确"),
    "survives a re-encode": ("a manifest survives a re-encode", "内容凭证在转码后仍在"),
}
"""What is claimed nowhere: by words of the threat model, what a verifier prints in two languages."""


def listed() -> list[str]:
    """Section 7 of the design as the threat model has it, a bullet each."""
    text = (DOCS / "threat-model.md").read_text()
    section = text.partition("## What it can't prove")[2].partition("\n## ")[0]
    return [" ".join(one.split()) for one in re.split(r"^- ", section, flags=re.M)[1:]]


@pytest.mark.parametrize("words", TOLD)
def test_each_limit_is_told_in_both_languages(words: str) -> None:
    english, chinese = TOLD[words]

    assert sum(words in one for one in listed()) == 1
    assert english in " ".join(LIMITS.partition("不能证明")[0].split())
    assert chinese in LIMITS.partition("不能证明")[2]


def test_no_limit_is_written_down_that_a_verifier_does_not_tell() -> None:
    assert [one for one in listed() if not any(words in one for words in TOLD)] == []
    assert LIMITS in README


def test_the_verifier_is_short_enough_to_be_read() -> None:
    lines = {name: len(data.splitlines()) for name, data in bundle.programs().items()}

    assert max(lines.values()) < 400
    assert (len(lines), sum(lines.values()) <= 1900) == (10, True)
    decision = "decisions/0027-a-bundle-brings-its-verifier-and-no-trust.md"
    for page in ("evidence.md", decision, "../README.md"):
        assert "at most 1,900 lines" in " ".join((DOCS / page).read_text().split()), page
