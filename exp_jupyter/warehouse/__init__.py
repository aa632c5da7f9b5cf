"""From events to sufficient statistics."""
