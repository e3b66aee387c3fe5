"""Data sets: reading them, and splitting them into disjoint parts."""
