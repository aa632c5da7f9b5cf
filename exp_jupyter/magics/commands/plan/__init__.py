"""Magics that plan."""
