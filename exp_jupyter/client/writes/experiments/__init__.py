"""Writes that make an experiment, change it, or have it computed again."""
