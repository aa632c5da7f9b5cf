"""The %exp magics: parse, call the twin, return its object."""
