"""A log's files at one moment, copied out: a directory that every C2SP reader takes as a log of that size.

The log goes on meanwhile. Its checkpoint is read first and written last; what it promises is there, or in the
full tile that a partial one has grown into.
"""

from audit.checkpoint import Checkpoint
from audit.files import CHECKPOINT_PATH
from audit.fsck import CheckpointUnreadable, checkpoint_of
from audit.note import NoteVerifier
from audit.pruned import PATH as PRUNED_PATH
from audit.pruned import parse
from audit.storage import Storage, bundle_data, tile_data
from audit.tile import grown


def export(source: Storage, target: Storage, verifier: NoteVerifier) -> Checkpoint:
    """Copy what the published checkpoint covers. Raises `CheckpointUnreadable` where a file is not there.

    Of a pruned log what is left, and the file that says so; raises `audit.pruned.PruningUnproven` without it.
    Copies, and checks nothing: `audit.fsck` of the copy does.
    """
    # First: a checkpoint that is read later covers the entry that says up to where the log was pruned.
    says = source.get(PRUNED_PATH)
    pruned = None if says is None else parse(says, verifier)
    checkpoint = checkpoint_of(source, verifier)
    for tile in grown(0, checkpoint.size):
        if pruned is not None and not tile.level and tile.n < pruned.blocks:
            continue
        target.put(tile.path, _there(tile.path, tile_data(source, tile)))
        if not tile.level:
            target.put(tile.bundle_path, _there(tile.bundle_path, bundle_data(source, tile)))
    if says is not None:
        target.put(PRUNED_PATH, says)
    target.put(CHECKPOINT_PATH, checkpoint.text.encode())
    return checkpoint


def _there(path: str, data: bytes | None) -> bytes:
    if data is None:
        raise CheckpointUnreadable(f"{path} is not there, which the checkpoint covers")
    return data
