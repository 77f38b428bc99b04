"""What keeps the data safe here, and which of those walls are lower than they can be, by settings of now."""

from dataclasses import dataclass

from service.settings import Mode, Settings


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure, in both languages."""

    en: str
    zh: str
    source: str = "settings"
    """Or `program`: no setting changes it."""


def measures(settings: Settings) -> tuple[Measure, ...]:
    """Technical and organisational measures (GDPR art. 32, PIPL art. 51)."""
    demo, box = settings.mode is Mode.DEMO, settings.sandbox
    asked_en, asked_zh = _asked(settings)
    return (
        Measure(f"mode {settings.mode}", f"{'演示' if demo else '生产'}模式"),
        Measure(f"uploads are parsed in a sandbox of kind {box}", f"上传文件在 {box} 沙箱中解析"),
        Measure(
            f"faces are compared: {'with the cast alone' if settings.biometrics else 'never'}",
            f"人脸比对：{'仅与出镜人比对' if settings.biometrics else '不比对'}",
        ),
        Measure(
            f"open search for protected people: {'on' if settings.protection else 'off'}",
            f"受保护人员的开放检索：{'开启' if settings.protection else '关闭'}",
        ),
        Measure(f"witnesses of the log: {asked_en}", f"日志见证方：{asked_zh}"),
        Measure(
            f"time stamps of manifests: {'asked for' if settings.tsa_url else 'none'}",
            f"内容凭证时间戳：{'申请' if settings.tsa_url else '无'}",
        ),
        Measure(
            f"time stamps of the log: {'asked for' if settings.log_tsa_urls else 'none'}",
            f"日志时间戳：{'申请' if settings.log_tsa_urls else '无'}",
        ),
        Measure(
            f"signed rules: {'demanded' if settings.policy_signers else 'not demanded'}",
            f"规则签名：{'必须' if settings.policy_signers else '不要求'}",
        ),
        Measure(
            "entries and references are sealed with keys of each person, under one key-encryption key",
            "日志条目与人脸比对基准以每个人各自的密钥加密，密钥由同一密钥加密密钥保护",
            "program",
        ),
        Measure(
            "withdrawals are kept in a journal outside the database",
            "撤回记录于数据库之外的拒绝日志",
            "program",
        ),
    )


def lowered(settings: Settings) -> tuple[tuple[str, str, str], ...]:
    """Settings that leave a wall lower than it can be: name, and why in both languages."""
    found = {
        "mode": (settings.mode is Mode.DEMO, "demo: self-asserted people", "演示模式：人物身份由其自述"),
        "sandbox": (settings.sandbox != "seccomp", "no system-call filter", "未启用系统调用过滤"),
        "policy_signers": (not settings.policy_signers, "rules need no signature", "规则无须签名"),
        "witnesses": (settings.witnesses is None, "nobody else sees the log", "无外部见证方"),
        "witnesses_strict": (
            settings.witnesses is not None and not settings.witnesses_strict,
            "permits do not wait for witnesses",
            "许可不等待见证",
        ),
        "tsa_url": (settings.tsa_url is None, "no trusted time stamps in manifests", "内容凭证无可信时间戳"),
        "log_tsa_urls": (
            not settings.log_tsa_urls,
            "no trusted time stamps over the log",
            "日志无可信时间戳",
        ),
    }
    return tuple((name, en, zh) for name, (low, en, zh) in found.items() if low)


def _asked(settings: Settings) -> tuple[str, str]:
    if settings.witnesses is None:
        return "none", "无"
    if settings.witnesses_strict:
        return "a quorum before any permit", "发放许可前须达到法定数"
    return "asked", "已邀请"
