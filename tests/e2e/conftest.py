"""A real browser for the tests that look at pages."""

from browsers import browser

__all__ = ["browser"]
