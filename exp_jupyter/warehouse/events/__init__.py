"""The statements over events: exposure, scan, metrics, and the fold of their rows."""
