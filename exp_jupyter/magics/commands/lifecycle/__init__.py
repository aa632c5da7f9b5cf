"""Magics that move an experiment through its life."""
