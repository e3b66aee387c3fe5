"""Mirrors common/doctor."""
