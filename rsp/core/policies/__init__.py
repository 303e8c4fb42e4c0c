"""Balancing policies."""
