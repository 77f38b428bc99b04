"""Auditors' exports: records of processing, whether they are complete, and samples of the log."""
