"""The coordinator's machine: certificates, Flower's SuperLink, nodes, runs."""
