"""The magics, one module each."""
