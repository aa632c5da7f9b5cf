"""Statistics: sufficient statistics in, effects out; numpy and scipy only.

Every name below is imported at its first use, so asking for a sample size loads no scipy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.engine.checks.assumptions import assumption_checks
    from exp_jupyter.engine.checks.sample_ratio import (
        anytime_sample_ratio_mismatch,
        even_split,
        multiple_variant_bias,
        sample_ratio_mismatch,
    )
    from exp_jupyter.engine.comparison.compare import compare
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.engine.comparison.estimates.clusters import cluster_robust
    from exp_jupyter.engine.comparison.estimates.quantiles import compare_quantiles
    from exp_jupyter.engine.comparison.estimates.regression import regression_adjusted
    from exp_jupyter.engine.comparison.estimates.strata import post_stratified
    from exp_jupyter.engine.comparison.intersection import running_intersection
    from exp_jupyter.engine.comparison.margins import equivalence, non_inferiority
    from exp_jupyter.engine.comparison.methods import (
        Bayesian,
        Frequentist,
        GroupSequentialTest,
        Sequential,
    )
    from exp_jupyter.engine.comparison.methods.msprt import MixtureSPRT
    from exp_jupyter.engine.inference.prior import Prior
    from exp_jupyter.engine.multiple.segments import compare_segments
    from exp_jupyter.engine.planning.design import Design
    from exp_jupyter.engine.planning.sample_size import SizePlan, sample_size
    from exp_jupyter.engine.posthog.assembly import assemble
    from exp_jupyter.engine.posthog.settings import Settings, resolve
    from exp_jupyter.engine.sequential.group_sequential import GroupSequential
    from exp_jupyter.engine.simulation import simulate
    from exp_jupyter.engine.statistics.means import (
        Covariate,
        Mean,
        Proportion,
        Ratio,
        RatioCovariate,
    )
    from exp_jupyter.engine.statistics.winsorization import winsorize

_HOME = {
    "Bayesian": "comparison.methods",
    "Covariate": "statistics.means",
    "Design": "planning.design",
    "Effect": "comparison.effect",
    "Frequentist": "comparison.methods",
    "GroupSequentialTest": "comparison.methods",
    "GroupSequential": "sequential.group_sequential",
    "Mean": "statistics.means",
    "MixtureSPRT": "comparison.methods.msprt",
    "Prior": "inference.prior",
    "Proportion": "statistics.means",
    "Ratio": "statistics.means",
    "RatioCovariate": "statistics.means",
    "Sequential": "comparison.methods",
    "Settings": "posthog.settings",
    "SizePlan": "planning.sample_size",
    "anytime_sample_ratio_mismatch": "checks.sample_ratio",
    "assemble": "posthog.assembly",
    "assumption_checks": "checks.assumptions",
    "cluster_robust": "comparison.estimates.clusters",
    "compare": "comparison.compare",
    "compare_quantiles": "comparison.estimates.quantiles",
    "compare_segments": "multiple.segments",
    "equivalence": "comparison.margins",
    "even_split": "checks.sample_ratio",
    "multiple_variant_bias": "checks.sample_ratio",
    "non_inferiority": "comparison.margins",
    "post_stratified": "comparison.estimates.strata",
    "regression_adjusted": "comparison.estimates.regression",
    "resolve": "posthog.settings",
    "running_intersection": "comparison.intersection",
    "sample_ratio_mismatch": "checks.sample_ratio",
    "sample_size": "planning.sample_size",
    "simulate": "simulation",
    "winsorize": "statistics.winsorization",
}

__all__ = [
    "Bayesian",
    "Covariate",
    "Design",
    "Effect",
    "Frequentist",
    "GroupSequential",
    "GroupSequentialTest",
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
