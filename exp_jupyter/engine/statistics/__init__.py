"""Sums per arm: what every comparison is computed from."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.engine.statistics.base import Statistic
    from exp_jupyter.engine.statistics.covariates import Covariate, RatioCovariate
    from exp_jupyter.engine.statistics.means import Mean, Proportion
    from exp_jupyter.engine.statistics.ratio import Ratio

__all__ = ["Covariate", "Mean", "Proportion", "Ratio", "RatioCovariate", "Statistic"]

_HOME = {
    "Covariate": "covariates",
    "RatioCovariate": "covariates",
    "Statistic": "base",
    "Mean": "means",
    "Proportion": "means",
    "Ratio": "ratio",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
