"""What both sides of a deployment on Flower agree on: files, processes, checks."""
