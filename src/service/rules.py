"""The rules a deployment runs under: loaded once, and signed where the settings ask for it."""

from collections.abc import Sequence
from pathlib import Path

from audit.errors import BadInput
from audit.keys import Duty
from audit.note import NoteVerifier
from consent.endorsement import FILE, PolicyUnsigned, endorsers
from consent.policy import Policy, load
from service.layout import policies
from service.settings import BadSettings, Settings


def open_policy(settings: Settings) -> tuple[Policy, tuple[str, ...]]:
    """The policy, and who signed it: nobody where nobody has to.

    Raises `PolicyRefused`, `PolicyUnsigned`, `BadSettings`.
    """
    # Signers first: a list of them that can't be read must not look like none.
    folder, trusted = policies(settings), signers(settings)
    policy = load(folder)
    return policy, signed_by(policy, folder, trusted)


def signed_by(policy: Policy, folder: Path, trusted: Sequence[NoteVerifier]) -> tuple[str, ...]:
    """Who of these signed the policy of a folder. Of none nobody has to. Raises `PolicyUnsigned`."""
    if not trusted:
        return ()
    try:
        signed = (folder / FILE).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise PolicyUnsigned(f"{FILE} can't be read: {type(error).__name__}") from None
    return endorsers(policy, signed, trusted)


def signers(settings: Settings) -> tuple[NoteVerifier, ...]:
    """Who may sign policies, from vkeys or files that hold one each."""
    return tuple(_signer(said, settings.data) for said in settings.policy_signers)


def _signer(said: str, data: Path) -> NoteVerifier:
    # A path has no two plus signs with a key id between them; whatever is neither is refused.
    if said.count("+") < 2:
        try:
            said = (data / Path(said).expanduser()).read_text("utf-8")
        except (OSError, UnicodeError, ValueError) as error:
            raise BadSettings(f"policy_signers: {said!r:.80}: {type(error).__name__}") from None
    try:
        return NoteVerifier.parse(said, Duty.POLICY)
    except BadInput as error:
        raise BadSettings(f"policy_signers: {error}") from None
