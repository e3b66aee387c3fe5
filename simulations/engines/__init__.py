"""Engines: the same ServerApp and ClientApp, run in one process or by Flower."""
