"""One parser under coverage-guided fuzzing (atheris, libFuzzer): `throwing.py NAME [libFuzzer options]`.

Without a name it lists them. `make fuzz` runs each for a while; what it finds becomes an example in
`tests/properties/test_parsers.py`.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["audit", "consent", "service"], enable_loader_override=False):
    from audit.errors import ConsentryError
    from parsers import PARSERS


def main(name: str, options: list[str]) -> None:
    valid, again = PARSERS[name]

    def once(data: bytes) -> None:
        try:
            written = again(data)
        except ConsentryError:
            return
        if written != data:
            raise AssertionError(f"{name}: {data!r} is written as {written!r}")

    with tempfile.TemporaryDirectory() as corpus:
        (Path(corpus) / "valid").write_bytes(valid())
        atheris.Setup([sys.argv[0], *options, corpus], once)
        atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1], sys.argv[2:])
    else:
        sys.stdout.write("".join(f"{name}\n" for name in PARSERS))
