"""Analyses of tables with one row a unit."""
