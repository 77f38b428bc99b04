"""Rows of every room held against the entries, digests and signatures that they must equal."""
