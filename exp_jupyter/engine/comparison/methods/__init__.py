"""The methods: how a difference is judged, each in PostHog's own form and in the corrected one."""

from __future__ import annotations

from typing import Literal, TypeAlias

from exp_jupyter.engine.comparison.methods.always_valid import Sequential
from exp_jupyter.engine.comparison.methods.bayesian import Bayesian
from exp_jupyter.engine.comparison.methods.frequentist import Frequentist
from exp_jupyter.engine.comparison.methods.group_sequential import GroupSequentialTest
from exp_jupyter.engine.comparison.methods.intervals import DEFAULT_TUNING_N
from exp_jupyter.engine.inference.prior import Prior

__all__ = [
    "DEFAULT_TUNING_N",
    "Bayesian",
    "Frequentist",
    "GroupSequentialTest",
    "Method",
    "MethodName",
    "Prior",
    "Sequential",
]

Method: TypeAlias = Frequentist | Sequential | Bayesian | GroupSequentialTest
MethodName = Literal["frequentist", "sequential", "bayesian"]
