"""Settings of the magics; connection reads the files, as it needs them without a notebook too."""

from __future__ import annotations

from exp_jupyter.connection.settings import PREFIX, found, user_file

__all__ = ["PREFIX", "found", "user_file"]
