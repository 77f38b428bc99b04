"""Going through a scanned template again for its crops, where the detections are kept: no detector runs."""

from collections.abc import Callable

from swap.crops import Chooser, TrackCrops, probe_floor
from swap.scan import Footage, Scan


def crops_again(
    footage: Footage, scan: Scan, *, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> TrackCrops:
    """The crops that `scan` had chosen: the same frames, the same faces, the same choice."""
    floor = probe_floor(scan.coverage.side, max(scan.clip.width, scan.clip.height))
    choosers = {track.id: Chooser(floor) for track in scan.tracks}
    faces = {track.id: track.faces() for track in scan.tracks}
    for frame in footage:
        for track, chooser in choosers.items():
            face = faces[track].get(frame.index)
            if face is not None:
                chooser.offer(frame.index, frame.image, face)
        progress(frame.index + 1, scan.clip.frames)
    return TrackCrops({track: chooser.crops for track, chooser in choosers.items()})
