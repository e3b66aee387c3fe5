"""Accuracy against epsilon: a sweep of many federations and what they compare with."""
