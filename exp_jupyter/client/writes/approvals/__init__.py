"""What approvals mean for a write: the policy ahead of it, the request behind it, the votes."""
