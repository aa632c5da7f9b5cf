"""Analyses of raw events."""
