"""The embedded project: the same HTTP contract over a real store."""
