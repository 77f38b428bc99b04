"""Ratios to a limit or to a peer, both sides measured in one run. Never part of the tests."""
