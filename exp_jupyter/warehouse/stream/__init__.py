"""The series as one pass over the events, with a number per unit in memory."""
