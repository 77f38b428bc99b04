"""The words of the printed report, in Chinese and English."""

from collections.abc import Mapping
from enum import StrEnum


class Language(StrEnum):
    """In what a report is printed. The files for machines are the same in both."""

    EN = "en"
    ZH = "zh-CN"


_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Record of processing of personal information", "个人信息处理情况记录"),
    "grounds": (
        "PIPL arts. 55, 56; Face Recognition Measures art. 9; NDSR art. 12; GDPR art. 30(1)",
        "《个人信息保护法》第五十五、五十六条；《人脸识别技术应用安全管理办法》第九条；"
        "《网络数据安全管理条例》第十二条；GDPR 第 30(1) 条",
    ),
    "period": ("Period", "期间"),
    "whole": ("the whole log", "全部日志"),
    "filters": ("Filters", "筛选条件"),
    "no-filters": ("none: every entry of the period", "无：期间内全部条目"),
    "person": ("person", "人员"),
    "template": ("template", "模板"),
    "operator": ("asked by", "申请方"),
    "rule": ("rule", "规则"),
    "log": ("Log", "日志"),
    "checkpoint": ("Checkpoint", "检查点"),
    "of-entries": ("{size} entries, root", "共 {size} 条，根"),
    "made": ("Made", "生成"),
    "register": ("Register", "处理活动登记"),
    "register-note": (
        "What is in brackets says who stated it: the settings, a registered paper, a published notice, "
        "signed consents, or the log of this period, with how often. The log proves when it was stated, "
        "not that it is true.",
        "方括号注明出处：配置、登记文件、已发布告知书、签署的同意或本期日志（附次数）。日志证明何时载明，不证明内容属实。",
    ),
    "not-stated": ("not stated", "未载明"),
    "completeness": ("Completeness, over the whole log", "完整性（全日志）"),
    "adds-up": ("Everything adds up.", "各项数目相符。"),
    "does-not-add-up": ("This does not add up:", "以下数目不符："),
    "equation": (
        "Permits: {issued} issued = {finished} finished + {expired} expired + {void} void + {live} live.",
        "许可：签发 {issued} = 完成 {finished} + 过期 {expired} + 作废 {void} + 仍有效 {live}。",
    ),
    "permits-file": (
        "Each permit with the entries that begin and end it: permits.jsonl.",
        "每个许可及其签发、终止条目见 permits.jsonl。",
    ),
    "parts": (
        "{gone} part(s) of entries have no payload any more; the log says {erased} erased, {lost} lost.",
        "{gone} 个条目部分已无载荷；日志载明删除 {erased} 个、丢失 {lost} 个。",
    ),
    "unsequenced": (
        "{count} entries are not under this checkpoint yet; completeness.json names them.",
        "{count} 条尚未纳入本检查点，名单见 completeness.json。",
    ),
    "kinds": (
        "Entries by kind: {sum} in all, and the tree has {size}.",
        "各类条目合计 {sum} 条，日志树共 {size} 条。",
    ),
    "kind": ("kind", "类别"),
    "count": ("count", "数量"),
    "totals": ("Decisions of the period", "本期决定"),
    "rows": ("{count} entries are in this record.", "本记录共 {count} 条。"),
    "decisions": ("action · stage · answer", "动作 · 阶段 · 结果"),
    "refusals": (
        "refused by rule (one refusal may count under several)",
        "拒绝所依规则（一次拒绝可计入多条）",
    ),
    "overrides": ("Holds lifted by people", "人工解除的搁置"),
    "alarms": ("Ways round the gate", "绕过门禁的警示"),
    "lowered": ("Setting as it is now:", "当前配置："),
    "none": ("None.", "无。"),
    "entry": ("entry", "条目"),
    "minute": ("minute (UTC)", "时间（UTC）"),
    "rules": ("rules", "规则"),
    "hands": ("people", "人数"),
    "answer": ("answer", "结果"),
    "lines": ("Record", "记录"),
    "rest": (
        "{count} more entries are in processing.csv and processing.jsonl; print has the first ones only.",
        "另有 {count} 条见 processing.csv 与 processing.jsonl；打印件仅列前部。",
    ),
    "what": ("what", "内容"),
    "people": ("people", "人数"),
    "purposes": ("purposes", "目的"),
    "bases": ("legal basis", "合法性基础"),
    "asked-by": ("asked by", "申请方"),
    "gone": ("parts erased or lost:", "已删除或丢失部分："),
    "limits": ("What this can't prove", "本记录不能证明的事项"),
    "limits-note": (
        "A line counts people and does not name them. Whom it was about: an evidence bundle of the person.",
        "各行只计人数，不载姓名。涉及何人，见该人的证据包。",
    ),
}
_TERMS: Mapping[str, str] = {
    "intake": "接收素材",
    "preview": "预览",
    "scan": "扫描",
    "donor": "供脸",
    "publish": "发布模板",
    "swap": "换脸",
    "cure": "补救",
    "ask": "征求同意",
    "decide": "申请",
    "redeem": "使用许可",
    "release": "放行",
    "permit": "许可",
    "hold": "搁置",
    "refusal": "拒绝",
    "released": "已放行",
    "refused": "已拒绝",
    "failed": "失败",
}


_SOURCES: Mapping[str, str] = {
    "settings": "配置",
    "program": "程序",
    "log": "日志",
    "signed consents": "签署的同意",
    "notice": "告知书",
    "paper": "文件",
}


def source(language: Language, said: str) -> str:
    """Who stated something. Which notice or paper it was stands after the word, as it is called."""
    word, _, which = said.partition(" ")
    if language is Language.EN or not {said, word} & _SOURCES.keys():
        return said
    return _SOURCES[said] if said in _SOURCES else f"{_SOURCES[word]} {which}"


def say(language: Language, name: str, **values: object) -> str:
    """A text of the report, with its values put in."""
    en, zh = _WORDS[name]
    return (zh if language is Language.ZH else en).format(**values)


def term(language: Language, word: str) -> str:
    """A word of the log as people read it: in Chinese with the word itself; a code stays a code."""
    if language is Language.ZH and word in _TERMS:
        return f"{_TERMS[word]} {word}"
    return word
