"""The charts, as SVG and as matplotlib axes."""
