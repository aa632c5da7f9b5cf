"""Pages of analyses of a person's own tables and events."""
