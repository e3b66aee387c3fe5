"""The model zoo: architectures that train under differential privacy."""
