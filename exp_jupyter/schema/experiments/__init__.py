"""Experiments and what is computed about them."""
