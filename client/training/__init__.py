"""Students, and how they are trained: privately, and for their owner alone."""
