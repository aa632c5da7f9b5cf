"""Writes on flags, and what any write does to a flag."""
