"""Deterministic property tests: the same examples on every machine."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

settings.register_profile("exp_jupyter", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("exp_jupyter")

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)
