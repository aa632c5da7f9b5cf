"""Magics that watch a project's experiments."""
