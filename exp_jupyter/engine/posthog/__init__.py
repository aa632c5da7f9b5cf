"""PostHog's own shapes: settings, results, running time."""
