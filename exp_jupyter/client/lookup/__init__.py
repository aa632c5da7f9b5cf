"""What is there already, found by what a person calls it or by what a write would make."""
