"""Measurements: speed against other packages, and whether the methods hold their word."""
