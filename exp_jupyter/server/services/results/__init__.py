"""Metrics, and what is computed from events."""
