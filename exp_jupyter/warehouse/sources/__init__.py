"""Where events and tables live, and how statements run there."""
