"""The words of the visible label (GB 45438-2025, 5.x b): they say AI, and generated or synthesised."""

import re

from audit.errors import BadInput

PRODUCTION = "AI合成"
DEMO = "AI合成 演示 DEMO"
"""Says besides that nobody's consent was verified beyond their own word."""


class LabelWording(BadInput):
    """A label text that does not say what the law wants said."""

    code = "LABEL_WORDING"
    zh = "标识文字须同时包含“人工智能”或“AI”，以及“生成”或“合成”。"
    hint = "Use a text such as AI合成 or 人工智能生成."
    hint_zh = "请使用如“AI合成”或“人工智能生成”的文字。"


def wording(*, demo: bool) -> str:
    """The label text of a deployment."""
    return DEMO if demo else PRODUCTION


def check_wording(text: str) -> None:
    """Raise `LabelWording` unless the text has an AI element and a generation element."""
    if not (re.search("人工智能|AI", text, re.IGNORECASE) and re.search("生成|合成", text)):
        raise LabelWording(f"label text without both of its elements: {text!r:.60}")
