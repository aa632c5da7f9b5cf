"""Approval policies, and the gate they stand at."""
