"""Identifiers: 128 random bits, so that nothing published links one thing to another."""

from collections.abc import Callable
from typing import TypeAlias

Entropy: TypeAlias = Callable[[int], bytes]
"""Where randomness comes from; `os.urandom` at the edge, a seeded stream in tests."""


def fresh(entropy: Entropy) -> str:
    """A new identifier: 32 lower-case hex digits."""
    return entropy(16).hex()
