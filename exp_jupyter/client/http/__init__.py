"""The wire: one transport, and what it must never do."""
