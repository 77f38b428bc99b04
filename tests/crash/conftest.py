"""The same ground as the integration tests', and the same stages."""

from grounds import at_stage, ground

__all__ = ["at_stage", "ground"]
