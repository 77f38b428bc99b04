"""From a received file to the normalised one that people, models and engines see (design decision 9)."""

from dataclasses import dataclass

from swap.quarantine import Quarantine
from swap.sandbox import Sandbox, never
from swap.store import MediaStore
from swap.warden import Cancelling


@dataclass(frozen=True, slots=True)
class Normalised:
    """A template's media, durable in the store."""

    media_digest: str
    size: int
    frames: int
    """Coded frames in it, by count."""
    sound: str
    """`kept`, `none`, or `dropped` when its codec has no place in an MP4."""


def normalise(
    received_digest: str,
    *,
    quarantine: Quarantine,
    store: MediaStore,
    sandbox: Sandbox,
    cancelled: Cancelling = never,
) -> Normalised:
    """Re-mux a quarantined upload into the store. Raises the fault of the file; leaves nothing if it does.

    Repeating it gives the same digest, so a crash between the file and the row that names it costs
    one repetition.
    """
    with quarantine.descriptor_for_sandbox(received_digest) as source, store.draft() as draft:
        done = sandbox.remux(source, draft.fileno(), cancelled=cancelled)
        stored = store.keep(draft)
    return Normalised(stored.digest, stored.size, done.frames, done.sound)
