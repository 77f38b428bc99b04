"""Commands that run until they are told to stop, each in a process of its own."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from shell import Shell


@dataclass(frozen=True)
class Running:
    """A process, and the file in which all that it says is found."""

    process: "subprocess.Popen[str]"
    file: Path

    @property
    def said(self) -> str:
        return self.file.read_text()

    def ready_at(self, told: str) -> str:
        """Where it answers: the address that `told` finds in what it says, once /readyz says yes."""
        while (found := re.search(told, self.said)) is None:
            self._go_on()
        while not _ready(found[1]):
            self._go_on()
        return found[1]

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def _go_on(self) -> None:
        assert self.process.poll() is None, self.said
        time.sleep(0.1)


@contextmanager
def running(shell: Shell, *words: object) -> Iterator[Running]:
    """`consentry WORDS` on the shell's data folder, for as long as this lasts."""
    file = shell.folder / f"{words[0]}.said"
    with file.open("w") as out, shell.spawn(*words, "--data", shell.data, out=out) as process:
        try:
            yield Running(process, file)
        finally:
            process.kill()


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").is_success
    except httpx.TransportError:
        return False
