"""A policy's signature: somebody says "these rules", in a C2SP signed note beside them.

The note's text is the policy's digest, which covers every file by name and content, and its packs. It is
made anew from the policy that was loaded and compared: what the note says of itself decides nothing.
"""

from collections.abc import Iterable

from audit import note
from audit.errors import BadInput, Unready
from audit.keys import BadSignature, SigningKey
from audit.note import NoteVerifier
from consent.policy import Policy

FILE = "policy.sig"
"""Its name in the folder. Not part of the digest it is over."""


class PolicyUnsigned(Unready):
    """The rules are not signed by anybody the settings trust, or not as they are."""

    code = "POLICY_UNSIGNED"
    zh = "策略未经受信任的密钥签名，或签名后已被改动，拒绝启动。"
    hint = "Sign the folder as it is, by a key of policy_signers: `consentry policy sign FOLDER --key FILE`."
    hint_zh = "请由 policy_signers 所列密钥用 `consentry policy sign FOLDER --key FILE` 对当前目录重新签名。"


def text_of(policy: Policy) -> str:
    """What is signed."""
    packs = "".join(f"{pack.name}\n" for pack in policy.packs)
    return f"consentry/policy/v1\n{policy.digest}\n{packs}"


def endorse(policy: Policy, name: str, key: SigningKey) -> str:
    """The note. Raises `NoteMalformed` for a name that can't stand in one, `KeyMalformed` for its duty."""
    return note.sign(text_of(policy), name, key)


def endorsers(policy: Policy, signed: str, trusted: Iterable[NoteVerifier]) -> tuple[str, ...]:
    """Who of `trusted` signed `policy`, at least one. Raises `PolicyUnsigned`."""
    try:
        found = note.parse(signed)
    except BadInput as error:
        raise PolicyUnsigned(f"{FILE}: {error}") from None
    if found.text != text_of(policy):
        raise PolicyUnsigned(f"{FILE} is over other rules than these")
    names = []
    for verifier in trusted:
        try:
            note.verify(found, verifier)
        except BadSignature:
            continue
        names.append(verifier.name)
    if not names:
        raise PolicyUnsigned(f"{FILE}: no signature by a key of policy_signers holds")
    return tuple(sorted(names))
