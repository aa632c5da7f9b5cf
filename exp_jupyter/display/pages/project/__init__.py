"""Pages of what a project holds: experiments, flags, approvals and writes."""
