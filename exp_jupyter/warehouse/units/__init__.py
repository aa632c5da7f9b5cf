"""Tables with one row a unit: sums, bounds and order statistics."""
