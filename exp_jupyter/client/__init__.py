"""The project API client."""
