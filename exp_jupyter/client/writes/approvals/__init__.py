"""What approvals mean for a write: the policy ahead of it, and the request behind it."""
