"""Magics that analyse a person's own numbers."""
