"""The methods: how a difference is judged, each in PostHog's own form and in the corrected one."""

from __future__ import annotations

from typing import Literal, TypeAlias

from exp_jupyter.engine.always_valid import Sequential
from exp_jupyter.engine.bayesian import Bayesian
from exp_jupyter.engine.frequentist import Frequentist
from exp_jupyter.engine.intervals import DEFAULT_TUNING_N
from exp_jupyter.engine.posterior import Prior

__all__ = [
    "DEFAULT_TUNING_N",
    "Bayesian",
    "Frequentist",
    "Method",
    "MethodName",
    "Prior",
    "Sequential",
]

Method: TypeAlias = Frequentist | Sequential | Bayesian
MethodName = Literal["frequentist", "sequential", "bayesian"]
