"""Effects of what is estimated by other means than sums: regressions, strata, quantiles."""
