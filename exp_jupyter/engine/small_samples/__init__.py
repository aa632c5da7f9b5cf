"""Few units: exact intervals and tests, score statistics, ranks."""
