"""Statistics: sufficient statistics in, effects out; numpy and scipy only.

Every name below is imported at its first use, so asking for a sample size loads no scipy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.engine.adjustment import cluster_robust, post_stratified, regression_adjusted
    from exp_jupyter.engine.assembly import assemble
    from exp_jupyter.engine.assumptions import assumption_checks
    from exp_jupyter.engine.comparison import compare
    from exp_jupyter.engine.design import Design
    from exp_jupyter.engine.effect import Effect
    from exp_jupyter.engine.group_sequential import GroupSequential
    from exp_jupyter.engine.heterogeneity import compare_segments
    from exp_jupyter.engine.intersection import running_intersection
    from exp_jupyter.engine.margins import equivalence, non_inferiority
    from exp_jupyter.engine.methods import Bayesian, Frequentist, Sequential
    from exp_jupyter.engine.msprt import MixtureSPRT
    from exp_jupyter.engine.planning import SizePlan, sample_size
    from exp_jupyter.engine.posterior import Prior
    from exp_jupyter.engine.quality import (
        anytime_sample_ratio_mismatch,
        even_split,
        multiple_variant_bias,
        sample_ratio_mismatch,
    )
    from exp_jupyter.engine.quantiles import compare_quantiles
    from exp_jupyter.engine.settings import Settings, resolve
    from exp_jupyter.engine.simulation import simulate
    from exp_jupyter.engine.statistics import Covariate, Mean, Proportion, Ratio, RatioCovariate
    from exp_jupyter.engine.winsorization import winsorize

_HOME = {
    "Bayesian": "methods",
    "Covariate": "statistics",
    "Design": "design",
    "Effect": "effect",
    "Frequentist": "methods",
    "GroupSequential": "group_sequential",
    "Mean": "statistics",
    "MixtureSPRT": "msprt",
    "Prior": "posterior",
    "Proportion": "statistics",
    "Ratio": "statistics",
    "RatioCovariate": "statistics",
    "Sequential": "methods",
    "Settings": "settings",
    "SizePlan": "planning",
    "anytime_sample_ratio_mismatch": "quality",
    "assemble": "assembly",
    "assumption_checks": "assumptions",
    "cluster_robust": "adjustment",
    "compare": "comparison",
    "compare_quantiles": "quantiles",
    "compare_segments": "heterogeneity",
    "equivalence": "margins",
    "even_split": "quality",
    "multiple_variant_bias": "quality",
    "non_inferiority": "margins",
    "post_stratified": "adjustment",
    "regression_adjusted": "adjustment",
    "resolve": "settings",
    "running_intersection": "intersection",
    "sample_ratio_mismatch": "quality",
    "sample_size": "planning",
    "simulate": "simulation",
    "winsorize": "winsorization",
}

__all__ = [
    "Bayesian",
    "Covariate",
    "Design",
    "Effect",
    "Frequentist",
    "GroupSequential",
    "Mean",
    "MixtureSPRT",
    "Prior",
    "Proportion",
    "Ratio",
    "RatioCovariate",
    "Sequential",
    "Settings",
    "SizePlan",
    "anytime_sample_ratio_mismatch",
    "assemble",
    "assumption_checks",
    "cluster_robust",
    "compare",
    "compare_quantiles",
    "compare_segments",
    "equivalence",
    "even_split",
    "multiple_variant_bias",
    "non_inferiority",
    "post_stratified",
    "regression_adjusted",
    "resolve",
    "running_intersection",
    "sample_ratio_mismatch",
    "sample_size",
    "simulate",
    "winsorize",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
