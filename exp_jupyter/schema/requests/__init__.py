"""What the project's endpoints take."""
