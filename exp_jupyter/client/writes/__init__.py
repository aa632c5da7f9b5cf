"""Calls that change a project: planned in words, sent at most once."""
