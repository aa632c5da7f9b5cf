"""What a page says: its parts, its numbers and its colours, not yet how it looks."""
