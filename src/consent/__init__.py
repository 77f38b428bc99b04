"""Who agreed to what. Needs a record."""
