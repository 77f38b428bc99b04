"""The same ground as the integration tests', and the same stages."""

from worlds import at_stage, ground

__all__ = ["at_stage", "ground"]
