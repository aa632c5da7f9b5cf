"""How the vectors of other packages about means, shares, ratios and looks are put to the engine."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from exp_jupyter.engine.checks.sample_ratio import binomial_mismatch_p_value, sample_ratio_mismatch
from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.contrast import Contrast, contrast, delta_shares
from exp_jupyter.engine.comparison.cuped import adjust
from exp_jupyter.engine.comparison.margins import non_inferiority
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Prior, Sequential
from exp_jupyter.engine.sequential.confidence_sequence import (
    mixture_precision,
    normal_log_mixture,
    normal_mixture_boundary,
)
from exp_jupyter.engine.statistics.means import (
    Covariate,
    Mean,
    Proportion,
    RatioCovariate,
    Statistic,
)
from exp_jupyter.engine.statistics.ratio import Ratio

Inputs = dict[str, Any]
Answer = dict[str, Any]


def arm(spec: Inputs) -> Statistic:
    """Return the statistic that a GrowthBook vector describes."""
    if spec["type"] == "mean":
        return Mean(spec["n"], spec["sum"], spec["sum_squares"])
    if spec["type"] == "proportion":
        return Proportion(spec["n"], spec["sum"])
    if spec["type"] == "regression_adjusted":
        pre, post = spec["pre"], spec["post"]
        carried = Covariate(pre["sum"], pre.get("sum_squares", pre["sum"]), spec["sum_of_products"])
        if post["type"] == "proportion":
            return Proportion(spec["n"], post["sum"], covariate=carried)
        return Mean(spec["n"], post["sum"], post["sum_squares"], covariate=carried)
    top, bottom = spec["numerator"], spec["denominator"]
    return Ratio(
        spec["n"],
        top["sum"],
        top.get("sum_squares", top["sum"]),
        bottom["sum"],
        bottom.get("sum_squares", bottom["sum"]),
        spec["sum_of_products"],
        numerator_kind=top["type"],
        denominator_kind=bottom["type"],
    )


def growthbook(inputs: Inputs, method: Any) -> Answer:
    """Judge a GrowthBook case, whose relative CUPED variance takes both means unadjusted."""
    control, treatment = arm(inputs["control"]), arm(inputs["treatment"])
    if inputs["difference_type"] == "relative" and control.covariate_sums is not None:
        return method.judge(_unadjusted_means(control, treatment))
    effect = compare(control, treatment, method)
    return {field.name: getattr(effect, field.name) for field in dataclasses.fields(effect)}


def _unadjusted_means(control: Statistic, treatment: Statistic) -> Contrast:
    found = contrast(
        control, treatment, difference="absolute", mode="recommended", positive_baseline=True
    )
    arms = adjust(control, treatment)
    one, two = arms.control, arms.treatment
    raw = np.asarray(control.mean), np.asarray(treatment.mean)
    shares = delta_shares(raw, (one.variance, two.variance), raw[0], "relative")
    return dataclasses.replace(
        found,
        difference="relative",
        estimate=found.estimate / raw[0],
        variance=shares[0] / one.n + shares[1] / two.n,
    )


def _tested(answer: Answer) -> Answer:
    return {
        "point_estimate": answer["estimate"],
        "standard_error": answer["standard_error"],
        "confidence_interval": list(answer["interval"]),
        "p_value": answer["p_value"],
    }


def two_sided_t(inputs: Inputs) -> Answer:
    method = Frequentist(inputs["alpha"], difference=inputs["difference_type"], mode="compat")
    return _tested(growthbook(inputs, method))


def one_sided_greater_t(inputs: Inputs) -> Answer:
    method = Frequentist(
        inputs["alpha"],
        alternative="greater",
        difference=inputs["difference_type"],
        mode="compat",
    )
    return _tested(growthbook(inputs, method))


def sequential_asymptotic_cs(inputs: Inputs) -> Answer:
    method = Sequential(
        inputs["alpha"],
        inputs["tuning_parameter"],
        difference=inputs["difference_type"],
        mode="compat",
    )
    return _tested(growthbook(inputs, method))


def bayesian_gaussian(inputs: Inputs) -> Answer:
    method = Bayesian(
        1 - inputs["alpha"],
        difference=inputs["difference_type"],
        prior=Prior(**inputs["prior"]),
        inverse=inputs["inverse"],
        interval="delta",
    )
    answer = growthbook(inputs, method)
    return {
        "posterior_mean": answer["estimate"],
        "posterior_std": answer["standard_error"],
        "credible_interval": list(answer["interval"]),
        "chance_to_win": answer["chance_to_win"],
        "risk_control_first": [answer["expected_loss_control"], answer["expected_loss"]],
    }


class Aggregates:
    """The means, variances and covariances that a tea-tasting vector gives for one arm."""

    def __init__(self, spec: Inputs) -> None:
        self.n = spec["n"]
        self.means = spec["mean"]
        self.variances = spec["variance"]
        self.covariances = spec["covariance"]

    def sum(self, name: str) -> float:
        return self.n * self.means[name]

    def product(self, one: str, two: str) -> float:
        if one == two:
            shared = self.variances[one]
        else:
            pair = ",".join(sorted((one, two)))
            shared = self.covariances[pair]
        return shared * (self.n - 1) + self.n * self.means[one] * self.means[two]


def _mean(spec: Inputs, metric: str, covariate: str | None = None) -> Mean:
    told = Aggregates(spec)
    carried = None
    if covariate is not None:
        carried = Covariate(
            told.sum(covariate),
            told.product(covariate, covariate),
            told.product(metric, covariate),
        )
    return Mean(told.n, told.sum(metric), told.product(metric, metric), covariate=carried)


def _ratio(spec: Inputs, metric: tuple[str, str], covariate: tuple[str, str] | None) -> Ratio:
    told = Aggregates(spec)
    a, b = metric
    carried = None
    if covariate is not None:
        w, u = covariate
        carried = RatioCovariate(
            told.sum(w),
            told.product(w, w),
            told.sum(u),
            told.product(u, u),
            told.product(w, u),
            told.product(a, w),
            told.product(a, u),
            told.product(b, w),
            told.product(b, u),
        )
    return Ratio(
        told.n,
        told.sum(a),
        told.product(a, a),
        told.sum(b),
        told.product(b, b),
        told.product(a, b),
        covariate=carried,
    )


def tea_tasting(control: Statistic, treatment: Statistic, inputs: Inputs) -> Answer:
    """Return the absolute comparison and the interval of the logarithm of the ratio of means."""
    options: dict[str, Any] = {
        "alternative": inputs.get("alternative", "two-sided"),
        "equal_variances": inputs.get("equal_variance", False),
        "normal": not inputs.get("use_t", True),
    }
    alpha = 1 - inputs["confidence_level"]
    absolute = compare(control, treatment, Frequentist(alpha, difference="absolute", **options))
    relative = compare(control, treatment, Frequentist(alpha, interval="log", **options))
    means = _adjusted_means(control, treatment)
    return {
        "control": means[0],
        "treatment": means[1],
        "effect": absolute.estimate,
        "effect_ci": list(absolute.interval),
        "relative_effect": relative.estimate,
        "relative_ci": list(relative.interval),
        "p_value": absolute.p_value,
        "statistic": absolute.statistic,
    }


def _adjusted_means(control: Statistic, treatment: Statistic) -> tuple[Any, Any]:
    if control.covariate_sums is None:
        return control.mean, treatment.mean
    arms = adjust(control, treatment)
    return arms.control.value, arms.treatment.value


def welch_log_relative(inputs: Inputs) -> Answer:
    return tea_tasting(
        _mean(inputs["control"], "orders"), _mean(inputs["treatment"], "orders"), inputs
    )


def cuped_mean(inputs: Inputs) -> Answer:
    arms = [_mean(inputs[name], "orders", "orders_pre") for name in ("control", "treatment")]
    return tea_tasting(arms[0], arms[1], inputs)


def ratio_delta(inputs: Inputs) -> Answer:
    arms = [_ratio(inputs[name], ("orders", "sessions"), None) for name in ("control", "treatment")]
    return tea_tasting(arms[0], arms[1], inputs)


def cuped_ratio(inputs: Inputs) -> Answer:
    metric = inputs["numerator"], inputs["denominator"]
    covariate = inputs["numerator_covariate"], inputs["denominator_covariate"]
    arms = [_ratio(inputs[name], metric, covariate) for name in ("control", "treatment")]
    return tea_tasting(arms[0], arms[1], inputs)


def normal_log_mixture_case(inputs: Inputs) -> Answer:
    level = inputs["alpha_opt"] * (2 if inputs["one_sided"] else 1)
    precision = mixture_precision(level, inputs["v_opt"])
    return {
        "log_mixture": normal_log_mixture(
            inputs["sum"], inputs["intrinsic_time"], precision, one_sided=inputs["one_sided"]
        )
    }


def normal_mixture_boundary_case(inputs: Inputs) -> Answer:
    level = inputs["alpha_opt"] * (2 if inputs["one_sided"] else 1)
    precision = mixture_precision(level, inputs["v_opt"])
    return {
        "boundary": normal_mixture_boundary(
            inputs["intrinsic_time"], precision, inputs["alpha"], one_sided=inputs["one_sided"]
        )
    }


def srm_chi_square(inputs: Inputs) -> Answer:
    counts = dict(enumerate(inputs["observed"]))
    found = sample_ratio_mismatch(
        {str(key): n for key, n in counts.items()},
        {str(key): share for key, share in enumerate(inputs["weights"])},
        least=0,
    )
    return {"p_value": found.p_value, "statistic": found.statistic}


def srm_binomial(inputs: Inputs) -> Answer:
    words = {"binom": "exact", "norm": "normal", "auto": "auto"}
    ratio = inputs["ratio"]
    return {
        "p_value": binomial_mismatch_p_value(
            inputs["control_n"],
            inputs["treatment_n"],
            share=ratio / (1 + ratio),
            method=words[inputs["method"]],  # type: ignore[arg-type]
        ),
        "control": inputs["control_n"],
        "treatment": inputs["treatment_n"],
    }


def non_inferiority_proportion(inputs: Inputs) -> Answer:
    found = non_inferiority(
        Proportion(inputs["control_n"], inputs["control_successes"]),
        Proportion(inputs["treatment_n"], inputs["treatment_successes"]),
        inputs["margin_absolute"],
        Frequentist(difference="absolute", interval="delta", normal=True),
    )
    return {"statistic": found.effect.statistic, "p_value": found.p_value}


def non_inferiority_ztest(inputs: Inputs) -> Answer:
    control, treatment = (Proportion(group["n"], group["s"]) for group in inputs["groups"])
    margin = inputs["relative_margin"] * np.asarray(control.mean)
    found = non_inferiority(
        control,
        treatment,
        float(margin),
        Frequentist(
            1 - inputs["interval_size"], difference="absolute", interval="delta", normal=True
        ),
        goal=inputs["preferred_direction"],
    )
    low, high = found.effect.interval
    return {
        "difference": found.effect.estimate,
        "p_value": found.p_value,
        "ci_lower": low,
        "ci_upper": high,
        "null_hypothesis": found.effect.null,
    }


ADAPTERS = {
    "two_sided_t": two_sided_t,
    "cuped_t": two_sided_t,
    "one_sided_greater_t": one_sided_greater_t,
    "sequential_asymptotic_cs": sequential_asymptotic_cs,
    "bayesian_gaussian": bayesian_gaussian,
    "welch_log_relative": welch_log_relative,
    "cuped_mean": cuped_mean,
    "ratio_delta": ratio_delta,
    "cuped_ratio": cuped_ratio,
    "normal_log_mixture": normal_log_mixture_case,
    "normal_mixture_boundary": normal_mixture_boundary_case,
    "srm_chi_square": srm_chi_square,
    "srm_binomial": srm_binomial,
    "non_inferiority_proportion": non_inferiority_proportion,
    "non_inferiority_ztest": non_inferiority_ztest,
}
