"""The ground integration tests stand on: SQLite and PostgreSQL in turn, stages built once."""

from grounds import at_stage, ground

__all__ = ["at_stage", "ground"]
