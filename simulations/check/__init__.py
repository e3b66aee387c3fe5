"""What a run would do, found out before it: ``fedstill check``."""
