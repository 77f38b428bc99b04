"""Composition: settings, sessions, wiring, the command line. The only place that knows the outside."""
