"""Two arms from their counts."""
