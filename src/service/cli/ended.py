"""What a recovery, or a mending of keys, has said again of what had ended."""

from audit.canonical import Json
from service.console import Voice
from service.endings import Again
from service.erasing import Anew


def say_again(voice: Voice, again: Again) -> dict[str, Json]:
    """What had ended, or was held, and is so again; the same for machines."""
    if again.keys_retired or again.api_keys_revoked:
        voice.say(
            f"{again.keys_retired} keys of people and {again.api_keys_revoked} API keys had ended after the "
            "backup, and have again  已重新停用密钥"
        )
    if again.holds_placed:
        voice.say(f"{again.holds_placed} legal holds were placed again  已重新设立保全")
        voice.hint("consentry subject holds    # and end those that had ended")
    if again.keys_left:
        voice.say(
            f"{again.keys_left} keys had ended, and can't be until their persons' are mended  待修复密钥"
        )
        voice.hint("consentry mend --from DIR")
    return {
        "keys_retired": again.keys_retired,
        "keys_left": again.keys_left,
        "api_keys_revoked": again.api_keys_revoked,
        "holds_placed": again.holds_placed,
    }


def say_erased(voice: Voice, erased: Anew) -> dict[str, Json]:
    """Who is erased again, and who is not yet; the same for machines."""
    if erased.done:
        voice.say(f"{len(erased.done)} people had been erased after the backup, and are again  已重新删除")
    if erased.left:
        voice.say(f"{len(erased.left)} can't be erased until their keys are mended  待修复密钥后删除")
        voice.hint("consentry mend --from DIR")
    return {"erased": list(erased.done), "erasures_left": list(erased.left)}
