"""Magics that make and change experiments, and what they are made of."""
