"""Experiments: made, changed, and moved through their life."""
