"""Statistics: sufficient statistics in, effects out; numpy and scipy only."""
