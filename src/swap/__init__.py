"""The thing that needs leave. Needs consent."""
