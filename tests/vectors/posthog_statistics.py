"""How each kind of PostHog vector about one comparison is put to the engine."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from vector_files import Case, assert_close

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.cuped import compat_adjust
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Prior, Sequential
from exp_jupyter.engine.sequential.confidence_sequence import (
    anytime_p_value,
    half_width,
    log_e_value,
    mixture_precision,
)
from exp_jupyter.engine.statistics.means import Covariate, Mean, Proportion, Ratio, Statistic
from exp_jupyter.engine.statistics.refusals import raise_first

Answer = dict[str, Any]


def arm(spec: dict[str, Any]) -> Statistic:
    """Return the statistic that a vector describes."""
    if "post" in spec:
        pre = spec["pre"]
        covariate = Covariate(
            pre["sum"],
            pre.get("sum_squares", pre["sum"]),
            spec["sum_of_cross_products"],
            n=pre.get("n"),
        )
        return dataclasses.replace(arm(spec["post"]), covariate=covariate)  # type: ignore[call-arg]
    if spec["type"] == "mean":
        return Mean(spec["n"], spec["sum"], spec["sum_squares"])
    if spec["type"] == "proportion":
        return Proportion(spec["n"], spec["sum"])
    parts = [arm({"n": spec.get("n")} | spec[name]) for name in ("numerator", "denominator")]
    return Ratio.from_parts(parts[0], parts[1], spec["sum_of_products"])


def _effect(inputs: dict[str, Any], method: Any) -> Effect:
    return compare(arm(inputs["control"]), arm(inputs["treatment"]), method)


def _test(effect: Effect) -> Answer:
    return {
        "point_estimate": effect.estimate,
        "standard_error": effect.standard_error,
        "confidence_interval": list(effect.interval),
        "p_value": effect.p_value,
        "test_statistic": effect.statistic,
        "degrees_of_freedom": effect.df,
        "significant": effect.significant,
    }


def frequentist(inputs: dict[str, Any]) -> Answer:
    method = Frequentist(alpha=inputs["alpha"], difference=inputs["difference_type"], mode="compat")
    return _test(_effect(inputs, method))


def sequential(inputs: dict[str, Any]) -> Answer:
    method = Sequential(
        alpha=inputs["alpha"],
        tuning_n=inputs["tuning_parameter"],
        difference=inputs["difference_type"],
        mode="compat",
    )
    return _test(_effect(inputs, method))


def bayesian(inputs: dict[str, Any]) -> Answer:
    method = Bayesian(
        credible_level=inputs["ci_level"],
        difference=inputs["difference_type"],
        prior=Prior(**inputs["prior"]),
        inverse=inputs.get("inverse", False),
        mode="compat",
    )
    effect = _effect(inputs, method)
    return {
        "effect": effect.estimate,
        "credible_interval": list(effect.interval),
        "chance_to_win": effect.chance_to_win,
        "risk_choose_control": effect.expected_loss_control,
        "risk_choose_treatment": effect.expected_loss,
        "posterior_variance": np.square(effect.standard_error),
        "posterior_std": effect.standard_error,
        "significant": effect.significant,
    }


def sequential_primitives(inputs: dict[str, Any]) -> Answer:
    n, alpha = inputs["n_total"], inputs["alpha"]
    precision = mixture_precision(alpha, inputs["tuning_parameter"])
    variance = inputs["variance_per_observation"] / n
    evidence = log_e_value(inputs["point_estimate"], variance, n, precision)
    return {
        "rho": np.sqrt(precision),
        "halfwidth": half_width(variance, n, precision, alpha),
        "p_value": anytime_p_value(evidence),
    }


def cuped_adjust(inputs: dict[str, Any]) -> Answer:
    control, treatment = arm(inputs["control"]), arm(inputs["treatment"])
    adjusted = compat_adjust(control, treatment)
    raise_first(adjusted.refusals)

    def told(statistic: Mean) -> Answer:
        return {
            "n": statistic.n,
            "mean": statistic.mean,
            "variance": statistic.variance,
            "sum": statistic.sum,
            "sum_squares": statistic.sum_squares,
        }

    return {
        "theta": adjusted.theta,
        "treatment_adjusted": told(adjusted.treatment),
        "control_adjusted": told(adjusted.control),
        "treatment_unadjusted_mean": treatment.mean,
        "control_unadjusted_mean": control.mean,
        "variance_reduction_treatment": adjusted.treatment_reduction,
        "variance_reduction_control": adjusted.control_reduction,
    }


def check(case: Case, got: Answer) -> None:
    """Compare an answer with the expected one, each number by its own tolerance."""
    sigma = case["expected"].get("posterior_std", 0.0)
    for name, wanted in case["expected"].items():
        tolerance = {"relative": 1e-9, "absolute": 1e-12}
        if name == "p_value":
            tolerance["relative"] = 0.0
        elif name.startswith("risk_"):
            tolerance = {"relative": 1e-7, "absolute": 1e-9 * sigma}
        assert_close(got[name], wanted, name, **tolerance)


KINDS = {
    "frequentist_two_sided": frequentist,
    "frequentist_sequential": sequential,
    "sequential_primitives": sequential_primitives,
    "bayesian": bayesian,
    "cuped_adjust": cuped_adjust,
    "cuped_frequentist": frequentist,
    "cuped_sequential": sequential,
    "cuped_bayesian": bayesian,
}
