"""Metrics: definitions, short forms, templates, fingerprints, exposure."""
