"""Whether an experiment can be believed: its split and its assumptions."""
