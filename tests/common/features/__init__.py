"""Tests of public features."""
