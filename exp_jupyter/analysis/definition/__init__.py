"""What an analysis is asked: experiment, period, correction."""
