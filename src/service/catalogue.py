"""The error catalogue: every stable code, in both languages, as `docs/errors.md` prints it."""

import importlib
import pkgutil
from collections.abc import Iterator

import audit
import consent
import service
import swap
from audit.errors import BadInput, ConsentryError, Diverged
from service.console import Exit

HEAD = """# Errors

Each error has a stable code; scripts may branch on it. `--json` prints code, message, hint and their
Chinese. A refusal of the gate is not an error: it exits with 1 and names its rules (`policies/`).

| exit | meaning |
|---|---|
| 0 | done, or permitted |
| 1 | the answer is no: a refusal, a hold, a failed verification |
| 2 | wrong usage of the command line |
| 3 | bad input |
| 4 | stored data disagrees with itself or with what was signed |
| 5 | the deployment is not ready |
| 70 | a bug of ours: there is a traceback on stderr |
| 130 | cancelled |

| code | exit | 说明 | what to do | 处理办法 |
|---|---|---|---|---|
"""


def errors() -> list[type[ConsentryError]]:
    """Every error class of ours that carries a code of its own, by code."""
    rooms = (audit, consent, swap, service)
    for room in rooms:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(module.name)
    ours = {room.__name__ for room in rooms}
    found = {
        error
        for error in _below(ConsentryError)
        if "code" in vars(error) and error.__module__.partition(".")[0] in ours
    }
    return sorted(found, key=lambda error: (error.code, error.__name__))


def markdown() -> str:
    """The page, whole."""
    return HEAD + "".join(
        f"| `{error.code}` | {_exit(error)} | {error.zh} | {error.hint} | {error.hint_zh} |\n"
        for error in errors()
    )


def _exit(error: type[ConsentryError]) -> int:
    if issubclass(error, BadInput):
        return Exit.BAD_INPUT
    return Exit.DIVERGED if issubclass(error, Diverged) else Exit.UNREADY


def _below(error: type[ConsentryError]) -> Iterator[type[ConsentryError]]:
    for child in error.__subclasses__():
        yield child
        yield from _below(child)


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201  (`make docs` redirects it into docs/errors.md)
