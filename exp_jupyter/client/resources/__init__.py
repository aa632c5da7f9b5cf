"""What a project holds, by resource."""
