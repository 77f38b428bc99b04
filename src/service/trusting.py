"""The log's witnesses, as the settings name them: read once, and wrong ones stop the service at start."""

from audit.marks import Marks
from audit.note import NoteVerifier
from audit.quorum import Trust, TrustMalformed
from audit.witnessing import Witnessing
from service.layout import Layout
from service.settings import BadSettings, Settings
from service.witness_post import AddressUnfit, allowed


def open_witnesses(settings: Settings, log: NoteVerifier) -> Witnessing | None:
    """Whom this log asks, or None where nobody is. Raises `BadSettings`."""
    if settings.witnesses is None:
        return None
    try:
        trust = Trust.parse(settings.witnesses.read_text("utf-8"))
        for _, url in trust.witnesses.values():
            allowed(url)
    except (OSError, UnicodeError) as error:
        raise BadSettings(f"witnesses: {settings.witnesses.name}: {type(error).__name__}") from None
    except (TrustMalformed, AddressUnfit) as error:
        raise BadSettings(f"witnesses: {error}") from None
    if list(trust.logs) != [log]:
        # Another key for our origin, or a second log: a slip that would have us wait for nobody's signature.
        raise BadSettings(f"witnesses: expected one log, ours: log {log.text}")
    if settings.witnesses_strict and not trust.least:
        raise BadSettings("witnesses: strict mode needs a quorum, and the file says `quorum none`")
    return Witnessing(trust, settings.witnesses_strict, Marks(Layout.of(settings).ahead))
