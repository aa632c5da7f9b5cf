"""Metric, exposures and method to result objects and daily series."""
