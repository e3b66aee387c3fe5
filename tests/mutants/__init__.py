"""Mutants: for each privacy rule, changes that break it and the test that notices."""
