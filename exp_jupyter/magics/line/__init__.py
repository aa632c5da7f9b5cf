"""A magic's line: its words, arguments, variables and completion."""
