"""Pages of what came out: results, series, exposures, health."""
