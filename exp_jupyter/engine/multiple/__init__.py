"""Several arms, metrics or segments at once."""
