"""Tests of client/training/."""
