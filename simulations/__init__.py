"""Everything that runs a whole federation on one machine, and reports on it."""
