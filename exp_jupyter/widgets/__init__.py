"""Forms and confirmations made of core ipywidgets."""
