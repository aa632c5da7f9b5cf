"""Adapters from the peers' reference cases to the engine: planning, multiplicity and the rest.

Each takes a case's inputs and returns what the engine says, in the case's words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.estimates.clusters import cluster_robust
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.engine.comparison.estimates.quantiles import Quantile, compare_quantiles
from exp_jupyter.engine.comparison.estimates.regression import regression_adjusted
from exp_jupyter.engine.comparison.methods import Frequentist
from exp_jupyter.engine.multiple.corrections import adjust
from exp_jupyter.engine.planning.design import Design
from exp_jupyter.engine.planning.pooled import pooled_power, pooled_size
from exp_jupyter.engine.planning.power import detectable_effect, power_of, required_size
from exp_jupyter.engine.sequential.bounded import (
    bernoulli_sequence,
    cdf_band,
    empirical_bernstein_sequence,
    hoeffding_sequence,
    predictable_bernstein_sequence,
    quantile_boundary,
)
from exp_jupyter.engine.sequential.group_sequential import alpha_spending
from exp_jupyter.engine.small_samples.exact import rate_interval
from exp_jupyter.engine.small_samples.rank import rank_sum
from exp_jupyter.engine.statistics.means import Proportion
from exp_jupyter.engine.statistics.ratio import Ratio

Adapter = Callable[[dict[str, Any]], dict[str, Any]]

CORRECTIONS = {
    "bonferroni": "bonferroni",
    "sidak": "sidak",
    "holm": "holm",
    "holm-sidak": "holm-sidak",
    "simes-hochberg": "hochberg",
    "hommel": "hommel",
    "fdr_bh": "benjamini-hochberg",
    "fdr_by": "benjamini-yekutieli",
    "fdr_tsbh": "two-stage-bh",
    "fdr_tsbky": "two-stage-bky",
}
ALTERNATIVES = {
    "two-sided": "two-sided",
    "larger": "greater",
    "greater": "greater",
    "smaller": "less",
    "less": "less",
}


# ------------------------------------------------------------------------------------ planning


def power_two_sample(given: dict[str, Any]) -> dict[str, Any]:
    ratio = given["ratio"]
    alternative = ALTERNATIVES[given["alternative"]]
    design = Design(
        alpha=given["alpha"],
        alternative=alternative,
        difference="absolute",
        split=(1.0, ratio),
        wrong_direction=True,
        degrees_of_freedom=given["distribution"],
    )
    effect = given["effect_size_sd"] * (-1 if alternative == "less" else 1)
    total = required_size(0.0, effect, variance=1.0, power=given["power"], design=design)
    return {"n_control": total / (1 + ratio)}


def power_proportions(given: dict[str, Any]) -> dict[str, Any]:
    common = {"ratio": given["ratio"], "alpha": given["alpha"]}
    baseline, difference = given["baseline"], given["difference"]
    return {
        "power": pooled_power(baseline, difference, given["n_control_side"], **common),
        "n1_for_target_power": pooled_size(
            baseline, difference, power=given["target_power"], **common
        ),
    }


def power_solve(given: dict[str, Any]) -> dict[str, Any]:
    sample = given["sample"]
    mean, variance = sample["mean"]["orders"], sample["variance"]["orders"]
    if given.get("covariate"):
        shared = sample["covariance"][f"orders,{given['covariate']}"]
        variance -= shared**2 / sample["variance"][given["covariate"]]
    alternative = ALTERNATIVES[given["alternative"]]
    design = Design(
        alpha=given["alpha"],
        alternative=alternative,
        difference="absolute",
        split=(1.0, given["ratio"]),
        wrong_direction=True,
        degrees_of_freedom="welch" if given["use_t"] else "normal",
    )
    size, power = given.get("n_obs"), given.get("power")
    relative = given.get("rel_effect_size")
    effect = None if relative is None else relative * mean
    if given["solve_for"] == "n_obs":
        size = math.ceil(required_size(mean, effect, variance=variance, power=power, design=design))
    elif given["solve_for"] == "power":
        power = power_of(mean, effect, size, variance=variance, design=design)
        if _far_tail_has_no_number(effect * math.sqrt(size / variance), size, design):
            power = math.nan
    else:
        effect = detectable_effect(mean, size, variance=variance, power=power, design=design)
    return {
        "power": power,
        "effect_size": effect,
        "relative_effect_size": effect / mean,
        "n_total": size,
    }


def _far_tail_has_no_number(scaled_effect: float, size: float, design: Design) -> bool:
    """Tell whether the peer has no power: scipy's non-central t gives NaN in the far tail."""
    if design.alternative != "two-sided" or design.degrees_of_freedom == "normal":
        return False
    control, treatment = design.shares
    shift = scaled_effect / math.sqrt(1 / control + 1 / treatment)
    df = design.freedom(size)
    return bool(np.isnan(special.nctdtr(df, shift, special.stdtrit(df, design.tail))))


def sample_size_weighted_arms(given: dict[str, Any]) -> dict[str, Any]:
    weights = given["weights"]
    direction = given["preferred_direction"]
    design = Design(
        alpha=1 - given["interval_size"],
        alternative={"increase": "greater", "decrease": "less", None: "two-sided"}[direction],
        difference="absolute",
        split=tuple(weights),
        comparisons=len(weights) - 1,
        refined=False,
    )
    effect = given["relative_mde"] * given["baseline"] * (-1 if direction == "decrease" else 1)
    size = required_size(
        given["baseline"],
        effect,
        variance=None if given["binary"] else given["variance"],
        power=given["power"],
        design=design,
    )
    # The peer rounds the units of the smallest treatment arm up, then scales to all arms.
    smallest = min(weights[1:]) / sum(weights)
    return {"required_sample_size": math.ceil(size * smallest) / smallest}


# ------------------------------------------------------------------------ several tests at once


def multiple_testing(given: dict[str, Any]) -> dict[str, Any]:
    result = adjust(given["p_values"], CORRECTIONS[given["method"]], alpha=given["alpha"])
    return {"adjusted": result.adjusted.tolist(), "reject": result.significant.tolist()}


def ztest_multiple_arms(given: dict[str, Any]) -> dict[str, Any]:
    arms = {arm["group"]: Proportion(arm["n"], arm["s"]) for arm in given["groups"]}
    control = arms.pop(given["reference"])
    method = Frequentist(
        alpha=1 - given["interval_size"], difference="absolute", interval="delta", normal=True
    )
    effects = [compare(control, arm, method) for arm in arms.values()]
    adjusted = adjust([effect.p_value for effect in effects], CORRECTIONS[given["correction"]])
    return {
        "difference": [effect.estimate for effect in effects],
        "p_value": [effect.p_value for effect in effects],
        "adjusted_p": adjusted.adjusted.tolist(),
        "ci_lower": [effect.interval[0] for effect in effects],
        "ci_upper": [effect.interval[1] for effect in effects],
    }


def group_sequential_power2(given: dict[str, Any]) -> dict[str, Any]:
    design = alpha_spending(
        given["information_fractions"],
        alpha=given["alpha"],
        alternative="two-sided" if given["sides"] == 2 else "greater",
        spending="power",
        exponent=given["spending_exponent"],
        search_tolerance=1e-7,
    )
    return {"critical_z": design.critical_z.tolist()}


# ------------------------------------------------------------------- proportions and margins


def proportion_interval(given: dict[str, Any]) -> dict[str, Any]:
    compares = {"diff": "difference", "ratio": "ratio", "odds-ratio": "odds-ratio"}
    method = {"newcomb": "newcombe"}.get(given["method"], given["method"])
    if (given["compare"], method) == ("diff", "score"):
        # statsmodels' constrained rate has a misplaced coefficient; ours is checked elsewhere.
        method = "score-statsmodels"
    result = rate_interval(
        (given["successes_2"], given["n_2"]),
        (given["successes_1"], given["n_1"]),
        compare=compares[given["compare"]],
        method=method,
        level=1 - given["alpha"],
    )
    return {"lower": result.interval[0], "upper": result.interval[1]}


def non_inferiority_ztest(given: dict[str, Any]) -> dict[str, Any]:
    first, second = given["groups"]
    control = Proportion(first["n"], first["s"])
    treatment = Proportion(second["n"], second["s"])
    increase = given["preferred_direction"] == "increase"
    null = control.mean * given["relative_margin"] * (-1 if increase else 1)
    method = Frequentist(
        alpha=1 - given["interval_size"],
        alternative="greater" if increase else "less",
        difference="absolute",
        interval="delta",
        null=null,
        normal=True,
    )
    effect = compare(control, treatment, method)
    return {
        "difference": effect.estimate,
        "p_value": effect.p_value,
        "ci_lower": effect.interval[0],
        "ci_upper": effect.interval[1],
        "null_hypothesis": null,
    }


def non_inferiority_proportion(given: dict[str, Any]) -> dict[str, Any]:
    effect = compare(
        Proportion(given["control_n"], given["control_successes"]),
        Proportion(given["treatment_n"], given["treatment_successes"]),
        Frequentist(
            alternative="greater",
            difference="absolute",
            interval="delta",
            null=-given["margin_absolute"],
            normal=True,
        ),
    )
    return {"statistic": effect.statistic, "p_value": effect.p_value}


# ------------------------------------------------------------------------- always-valid bounds


def bernoulli(given: dict[str, Any]) -> dict[str, Any]:
    lower, upper = bernoulli_sequence(
        given["successes"], given["trials"], tightest_at=given["t_opt"], alpha=given["alpha"]
    )
    return {"lower": lower, "upper": upper}


def _last(bounds: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    return {"lower_last": float(bounds[0][-1]), "upper_last": float(bounds[1][-1])}


def hoeffding(given: dict[str, Any]) -> dict[str, Any]:
    return _last(hoeffding_sequence(given["x"], tightest_at=given["t_opt"], alpha=given["alpha"]))


def gamma_mixture(given: dict[str, Any]) -> dict[str, Any]:
    return _last(
        empirical_bernstein_sequence(
            given["x"], tightest_at_variance=given["v_opt"], alpha=given["alpha"]
        )
    )


def predictable_mixture(given: dict[str, Any]) -> dict[str, Any]:
    return _last(predictable_bernstein_sequence(given["x"], alpha=given["alpha"]))


def double_stitching(given: dict[str, Any]) -> dict[str, Any]:
    bound = quantile_boundary(
        given["quantile_p"], given["t"], tightest_at=given["t_opt"], alpha=given["alpha"]
    )
    return {"bound": float(bound)}


def empirical_process(given: dict[str, Any]) -> dict[str, Any]:
    band = cdf_band(given["t"], alpha=given["alpha"], start=given["t_min"])
    return {"cdf_halfwidth": float(band)}


# ------------------------------------------------------------------- quantiles, ranks, regression


def _quantile(arm: dict[str, Any]) -> Quantile:
    share = None
    if "n_clusters" in arm:
        share = Ratio(
            arm["n_clusters"],
            arm["main_sum"],
            arm["main_sum_squares"],
            arm["denominator_sum"],
            arm["denominator_sum_squares"],
            arm["main_denominator_sum_product"],
        )
    return Quantile.from_bounds(
        arm["n"],
        arm["nu"],
        arm["quantile_hat"],
        arm["quantile_lower"],
        arm["quantile_upper"],
        bounds_n=arm["n_star"],
        share=share,
    )


def quantile_effect(given: dict[str, Any]) -> dict[str, Any]:
    control, treatment = _quantile(given["control"]), _quantile(given["treatment"])
    rule = Rule(alpha=given["alpha"], difference=given["difference_type"])
    effect = compare_quantiles(control, treatment, rule, interval="delta")
    return {
        "point_estimate": effect.estimate,
        "confidence_interval": list(effect.interval),
        "p_value": effect.p_value,
        "standard_error": effect.standard_error,
        "variance_control": control.variance,
        "variance_treatment": treatment.variance,
    }


def ranks(given: dict[str, Any]) -> dict[str, Any]:
    result = rank_sum(given["control"], given["treatment"])
    return {"statistic": result.statistic, "p_value": result.p_value}


def lin(given: dict[str, Any]) -> dict[str, Any]:
    effect = regression_adjusted(
        given["y"], given["treated"], given["x"], covariance=given["covariance"]
    )
    return {"ate": effect.estimate, "standard_error": effect.standard_error}


def clustered(given: dict[str, Any]) -> dict[str, Any]:
    effect = cluster_robust(
        given["y"],
        given["treated"],
        given["cluster"],
        correction="CR1" if given["small_sample_correction"] else "CR0",
    )
    return {"ate": effect.estimate, "standard_error": effect.standard_error}


ADAPTERS: dict[str, Adapter] = {
    "power_two_sample": power_two_sample,
    "power_proportions": power_proportions,
    "power_solve": power_solve,
    "sample_size_weighted_arms": sample_size_weighted_arms,
    "multiple_testing": multiple_testing,
    "ztest_multiple_arms": ztest_multiple_arms,
    "group_sequential_power2_spending": group_sequential_power2,
    "proportion_two_sample_ci": proportion_interval,
    "non_inferiority_ztest": non_inferiority_ztest,
    "non_inferiority_proportion": non_inferiority_proportion,
    "bernoulli_cs": bernoulli,
    "bounded_mean_cs_hoeffding_mixture": hoeffding,
    "bounded_mean_cs_empirical_bernstein_gamma_mixture": gamma_mixture,
    "bounded_mean_cs_empirical_bernstein_predmix": predictable_mixture,
    "quantile_cs_double_stitching": double_stitching,
    "quantile_cs_empirical_process_bound": empirical_process,
    "quantile_effect": quantile_effect,
    "quantile_effect_clustered": quantile_effect,
    "rank_sum": ranks,
    "lin_regression_adjustment": lin,
    "cluster_robust_ate": clustered,
}
