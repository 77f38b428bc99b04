"""The command line. Each module here is one command or one group of them; `program` puts them together."""

from service.cli.program import main

__all__ = ["main"]
