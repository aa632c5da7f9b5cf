"""SQL of every engine: dialects, properties and conditions."""
