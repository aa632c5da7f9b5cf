"""Magics about the project itself."""
