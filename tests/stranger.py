"""A stranger's machine: a Python with `cryptography` alone, and a bundle's own verifier run by it."""

import importlib.util
import subprocess
import venv
import zipfile
from pathlib import Path


def empty_python(folder: Path) -> Path:
    """A virtual environment without pip, and in it what `cryptography` needs."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in ("cryptography", "cffi", "_cffi_backend", "pycparser"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            (site / source.name).symlink_to(source)
    return folder / "bin" / "python"


def unpacked(bundle: Path) -> Path:
    """The bundle unpacked beside itself."""
    with zipfile.ZipFile(bundle) as opened:
        opened.extractall(bundle.with_suffix(""))
    return bundle.with_suffix("")


def verified(python: Path, folder: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    """What the verifier of an unpacked bundle says."""
    command = [python, "-Es", folder / "verify.py", *words]
    return subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False)
