"""Looking more than once: confidence sequences and planned looks."""
