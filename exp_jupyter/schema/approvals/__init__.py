"""Approvals, and writes in words."""
