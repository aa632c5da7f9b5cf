"""Statistics: sufficient statistics in, effects out; numpy and scipy only.

Every name below is imported at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison import compare
    from exp_jupyter.engine.effect import Effect
    from exp_jupyter.engine.methods import Bayesian, Frequentist, Sequential
    from exp_jupyter.engine.posterior import Prior
    from exp_jupyter.engine.statistics import Covariate, Mean, Proportion, Ratio, RatioCovariate

_HOME = {
    "Bayesian": "methods",
    "Covariate": "statistics",
    "Effect": "effect",
    "Frequentist": "methods",
    "Mean": "statistics",
    "Prior": "posterior",
    "Proportion": "statistics",
    "Ratio": "statistics",
    "RatioCovariate": "statistics",
    "Sequential": "methods",
    "compare": "comparison",
}

__all__ = [
    "Bayesian",
    "Covariate",
    "Effect",
    "Frequentist",
    "Mean",
    "Prior",
    "Proportion",
    "Ratio",
    "RatioCovariate",
    "Sequential",
    "compare",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
