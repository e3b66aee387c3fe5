"""Tests, laid out as the four packages are."""
