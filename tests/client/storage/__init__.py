"""Tests of client/storage/."""
