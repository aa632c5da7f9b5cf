"""What an analysis says: results, series, health and words."""
