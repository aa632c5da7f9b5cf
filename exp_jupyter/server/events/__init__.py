"""The events of a project folder."""
