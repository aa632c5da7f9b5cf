"""Notebooks as files: a new one from the template, and the check of those that are there."""
