"""The Python client: calls are values, and one thing sends them, waiting or not."""
