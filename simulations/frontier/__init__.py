"""The published figures: accuracy at every epsilon, what it needs, where it breaks."""
