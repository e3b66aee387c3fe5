"""Faults for a custodian, and whether its guarantee holds after each of them."""
