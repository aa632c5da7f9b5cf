"""The project's own results: sums stated by the API, and computed again."""
