"""A relay that its owner does not control any more, and what it sends."""
