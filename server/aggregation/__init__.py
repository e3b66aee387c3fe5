"""Consensus rules: one pure function of soft labels a file."""
