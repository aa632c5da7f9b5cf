"""Values that split a metric or its units."""
