"""What a project answered, kept in a file and replayed."""
