"""What somebody wants to know before an experiment."""
