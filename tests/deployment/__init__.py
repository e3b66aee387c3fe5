"""A whole federation in real processes, made by `fedstill deploy init`."""
