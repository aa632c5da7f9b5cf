"""Feature flags: their rules, and what they answer."""
