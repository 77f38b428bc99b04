"""What an exporter can hand out who has the export key and does not mind to lie."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit.canonical import canonical
from audit.keys import Duty, load_private

Lie = Callable[[Path], None]


def signed_again(key: Path, folder: Path, lie: Lie) -> None:
    """Change a report's folder, then list and sign it again with the export key that lies there."""
    lie(folder)
    said = json.loads((folder / "manifest.json").read_bytes())
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    said["files"] = {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.startswith("manifest.")
    }
    if (folder / "sample.json").exists():
        said["asked"] = json.loads((folder / "sample.json").read_bytes())
    private = load_private(key, Duty.EXPORT)
    (folder / "manifest.json").write_bytes(canonical(said))
    (folder / "manifest.sig").write_text(f"{private.kid} {private.sign(canonical(said)).hex()}\n")


def of_lines(change: Callable[[list[dict[str, Any]]], object]) -> Lie:
    def lie(folder: Path) -> None:
        path = folder / "processing.jsonl"
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        change(lines)
        path.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))

    return lie


def of_sample(**changes: Any) -> Lie:
    def lie(folder: Path) -> None:
        path = folder / "sample.json"
        path.write_bytes(canonical({**json.loads(path.read_bytes()), **changes}))

    return lie
