"""Every public call of the engine, with every argument replaced by odd values in turn.

An odd value gives a result, or an error of the package that says what was expected; never an
error of Python or numpy that speaks of their insides.
"""

from __future__ import annotations

import datetime as dt
import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from exp_jupyter import engine
from exp_jupyter.engine import (
    Bayesian,
    Covariate,
    Effect,
    Frequentist,
    Mean,
    MixtureSPRT,
    Prior,
    Proportion,
    Ratio,
    RatioCovariate,
    Sequential,
    compare,
)
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.engine.comparison.estimates.quantiles import Quantile
from exp_jupyter.engine.planning.power import required_size
from exp_jupyter.engine.sequential.group_sequential import alpha_spending
from exp_jupyter.errors import ExpError

ODD: dict[str, Any] = {
    "None": None,
    "true": True,
    "an empty string": "",
    "a word": "many",
    "a number as text": "0.05",
    "bytes": b"0.05",
    "NaN": math.nan,
    "infinity": math.inf,
    "minus one": -1,
    "zero": 0,
    "a half": 0.5,
    "seven": 7,
    "too large": 1e308,
    "too large for a float": 10**400,
    "too small": 5e-324,
    "complex": 1j,
    "a decimal": Decimal("0.05"),
    "a date": dt.date(2026, 3, 1),
    "an object": object(),
    "a function": lambda *given: None,
    "a set": {0.1, 0.2},
    "no list": [],
    "a list of one": [0.1],
    "a list of two": [0.1, 0.2],
    "a tuple of two": (0.1, 0.2),
    "a list of three": [10.0, 20.0, 30.0],
    "a list of None": [None, None],
    "a list of words": ["a", "b"],
    "a list of NaN": [math.nan, 1.0],
    "a ragged list": [[1.0, 2.0], [3.0]],
    "an array of one": np.array([0.1]),
    "an array of two": np.array([0.1, 0.2]),
    "an array without axes": np.array(0.1),
    "a matrix": np.ones((2, 3)),
    "an array of objects": np.array([object(), None], dtype=object),
    "an array of words": np.array(["a", "b"]),
    "times": np.array(["2026-01-01"], dtype="datetime64[D]"),
    "no mapping": {},
    "a mapping": {"control": 1.0, "test": 2.0},
    "a mapping of words": {"control": "a", "test": None},
    "a mapping of lists": {"control": [1.0, 2.0], "test": [3.0]},
    "a mapping of numbers": {1: 2.0},
    "a mean": Mean(10, 20.0, 50.0),
    "a list of means": [Mean(10, 20.0, 50.0)],
    "a mean of three": Mean([10, 10, 10], [20.0, 21.0, 22.0], [50.0, 51.0, 52.0]),
    "a mean with wrong sums": Mean.unchecked(10, 20.0, 1.0),
    "a method": Frequentist(),
    "the class of a method": Frequentist,
}


@dataclass(frozen=True)
class Call:
    """A call that works, whose arguments are replaced one by one."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    then: Callable[[Any], Any] = field(default=lambda result: result)

    def run(self, **replaced: Any) -> Any:
        return self.then(self.function(**(dict(self.arguments) | replaced)))


CONTROL, TREATMENT = Mean(100, 500.0, 2900.0), Mean(110, 560.0, 3300.0)
RATES = Proportion(1000, 100), Proportion(1000, 130)
RNG = np.random.default_rng(5)
VALUES = RNG.poisson(3.0, 60).astype(float)
TREATED = np.arange(60) % 2
COVARIATE = Covariate(8.0, 20.0, 24.0)


def against_itself(arm: Any) -> list[Effect]:
    methods = (Frequentist(), Sequential(difference="absolute"), Bayesian())
    return [compare(arm, arm, method) for method in methods]


def tried(method: Any) -> list[Effect]:
    adjusted = Mean(4, 10.0, 30.0, COVARIATE), Mean(5, 12.0, 35.0, COVARIATE)
    return [compare(*arms, method) for arms in ((CONTROL, TREATMENT), RATES, adjusted)]


def listed(effect: Effect) -> Effect:
    return effect.at(0) if effect.shape else effect


RATIO = {
    "n": 10, "numerator_sum": 20.0, "numerator_sum_squares": 50.0, "denominator_sum": 30.0,
    "denominator_sum_squares": 100.0, "cross": 61.0,
}  # fmt: skip
RATIO_COVARIATE = {
    "numerator_sum": 20.0, "numerator_sum_squares": 50.0, "denominator_sum": 30.0,
    "denominator_sum_squares": 100.0, "cross": 61.0, "numerator_by_numerator": 45.0,
    "numerator_by_denominator": 61.0, "denominator_by_numerator": 61.0,
    "denominator_by_denominator": 95.0,
}  # fmt: skip
SPENT = alpha_spending([0.5, 1.0])
PLAN = engine.sample_size("funnel", baseline=0.12, mde=5, rate=1800)
ROWS = [
    {"key": "control", "number_of_samples": 1000, "sum": 100, "sum_squares": 100},
    {"key": "test", "number_of_samples": 1000, "sum": 130, "sum_squares": 130},
]
LOOKS = compare(
    Proportion([1000, 2000], [100, 190]), Proportion([1000, 2000], [160, 260]), Sequential()
)

CALLS: dict[str, Call] = {
    "Mean": Call(
        Mean,
        {"n": 4, "sum": 10.0, "sum_squares": 30.0, "covariate": COVARIATE, "centred": 5.0,
         "sum_cubes": 100.0, "signed": False},
        against_itself,
    ),
    "Mean.of": Call(Mean.of, {"values": [1.0, 2.0, 4.0], "covariate": [1.0, 2.0, 3.0]},
                    against_itself),
    "Mean.from_moments": Call(
        Mean.from_moments, {"n": 100, "mean": 5.0, "variance": 4.0}, against_itself
    ),
    "Mean.at": Call(Mean([10, 10], [20.0, 21.0], [50.0, 51.0]).at, {"index": 0}),
    "Proportion": Call(
        Proportion, {"n": 40, "sum": 20, "covariate": Covariate(80.0, 200.0, 45.0)}, against_itself
    ),
    "Ratio": Call(
        Ratio,
        RATIO | {"covariate": Covariate(20.0, 50.0, 45.0, 61.0), "numerator_kind": "mean",
                 "denominator_kind": "mean", "centred": (10.0, 10.0, 1.0),
                 "third_sums": (40.0, 30.0, 30.0, 40.0)},
        against_itself,
    ),
    "Ratio.of": Call(
        Ratio.of, {"numerator": [2.0, 4.0, 7.0], "denominator": [1.0, 2.0, 3.0]}, against_itself
    ),
    "Ratio.from_parts": Call(
        Ratio.from_parts,
        {"numerator": Mean(10, 30.0, 120.0), "denominator": Proportion(10, 6), "cross": 25.0,
         "covariate": None},
        against_itself,
    ),
    "Covariate": Call(
        Covariate,
        {"sum": 8.0, "sum_squares": 20.0, "cross": 24.0, "denominator_cross": 1.0,
         "centred": (4.0, 4.0), "n": 4, "third_sums": (56.0, 64.0, 76.0)},
        lambda covariate: against_itself(Mean(4, 10.0, 30.0, covariate)),
    ),
    "RatioCovariate": Call(
        RatioCovariate,
        RATIO_COVARIATE,
        lambda covariate: against_itself(Ratio(**RATIO, covariate=covariate)),
    ),
    "Prior": Call(
        Prior,
        {"mean": 0.0, "variance": 0.09, "proper": True, "scale": "relative"},
        lambda prior: tried(Bayesian(prior=prior, difference="absolute")),
    ),
    "Frequentist": Call(
        Frequentist,
        {"alpha": 0.05, "alternative": "two-sided", "difference": "relative", "interval": None,
         "null": 0.0, "equal_variances": False, "normal": False, "mode": "recommended"},
        tried,
    ),
    "Sequential": Call(
        Sequential,
        {"alpha": 0.05, "tuning_n": 5000.0, "alternative": "two-sided", "difference": "relative",
         "null": 0.0, "interval": None, "mode": "recommended"},
        tried,
    ),
    "GroupSequentialTest": Call(
        engine.GroupSequentialTest,
        {"planned_n": 5000.0, "looks": 3, "spending": "obrien-fleming", "futility": 0.5,
         "alpha": 0.05, "alternative": "two-sided", "difference": "relative", "null": 0.0},
        tried,
    ),
    "Bayesian": Call(
        Bayesian,
        {"credible_level": 0.95, "difference": "relative", "prior": Prior(), "inverse": False,
         "loss_tolerance": None, "interval": None, "mode": "recommended"},
        tried,
    ),
    "MixtureSPRT": Call(
        MixtureSPRT, {"tau": 0.1, "alpha": 0.05, "difference": "relative", "null": 0.0}, tried
    ),
    "compare": Call(
        compare,
        {"control": CONTROL, "treatment": TREATMENT, "method": None, "on_refusal": "raise"},
        listed,
    ),
    "Effect.at": Call(LOOKS.at, {"index": 0}),
    "running_intersection": Call(engine.running_intersection, {"effect": LOOKS}),
    "non_inferiority": Call(
        engine.non_inferiority,
        {"control": CONTROL, "treatment": TREATMENT, "margin": 0.05, "method": None,
         "goal": "increase"},
    ),
    "equivalence": Call(
        engine.equivalence,
        {"control": CONTROL, "treatment": TREATMENT, "margin": 0.05, "method": None},
    ),
    "compare_quantiles": Call(
        engine.compare_quantiles,
        {"control": Quantile(4000, 0.9, 27.1, 2188.7), "treatment": Quantile(4000, 0.9, 24.7, 2000),
         "rule": Rule(), "interval": "test"},
    ),
    "Quantile": Call(
        Quantile,
        {"n": 4000, "level": 0.9, "value": 27.1, "variance": 2188.7},
        lambda arm: engine.compare_quantiles(arm, arm, Rule(difference="relative")),
    ),
    "Quantile.of": Call(
        Quantile.of,
        {"values": RNG.normal(9, 2, 60), "level": 0.5, "clusters": np.arange(60) // 2},
        lambda arm: engine.compare_quantiles(arm, arm),
    ),
    "Quantile.from_bounds": Call(
        Quantile.from_bounds,
        {"n": 4000, "level": 0.9, "value": 27.1, "lower": 25.4, "upper": 28.3, "bounds_n": 4000,
         "share": None},
        lambda arm: engine.compare_quantiles(arm, arm),
    ),
    "Rule": Call(
        Rule,
        {"alpha": 0.05, "alternative": "two-sided", "difference": "absolute", "null": 0.0},
        lambda rule: engine.cluster_robust(VALUES, TREATED, np.arange(60), rule=rule),
    ),
    "regression_adjusted": Call(
        engine.regression_adjusted,
        {"values": VALUES, "treated": TREATED, "covariates": np.arange(60.0), "covariance": "HC2",
         "student": True, "rule": Rule()},
    ),
    "cluster_robust": Call(
        engine.cluster_robust,
        {"values": VALUES, "treated": TREATED, "clusters": np.arange(60) // 2 * 2 + TREATED,
         "covariates": None, "denominators": None, "correction": "CR2", "student": True,
         "bootstrap": None, "draws": 199, "seed": 0, "rule": Rule()},
    ),
    "post_stratified": Call(
        engine.post_stratified,
        {"control": [CONTROL, RATES[0]], "treatment": [TREATMENT, RATES[1]], "rule": Rule()},
    ),
    "compare_segments": Call(
        engine.compare_segments,
        {"estimates": [0.1, 0.2], "standard_errors": [0.05, 0.06], "segments": ["a", "b"],
         "alpha": 0.05},
    ),
    "Design": Call(
        engine.Design,
        {name: parameter.default
         for name, parameter in inspect.signature(engine.Design).parameters.items()},
        lambda design: required_size(20.0, 0.05, variance=400.0, power=0.8, design=design),
    ),
    "sample_size": Call(
        engine.sample_size,
        {"kind": "mean", "baseline": 20.0, "variance": 400.0, "stats": None, "mde": 5,
         "variants": 2, "rate": 1800, "alpha": 0.05, "power": 0.8, "alternative": "two-sided",
         "margin": None, "correlation": 0.5, "split": None, "sequential": False,
         "comparisons": 1, "effect": "additive", "icc": 0.05, "cluster_size": 20,
         "mode": None},
    ),
    "SizePlan.curve": Call(PLAN.curve, {"max_days": 14}),
    "SizePlan.detectable": Call(PLAN.detectable, {"units": 6400}),
    "alpha_spending": Call(
        alpha_spending,
        {"information": [0.5, 1.0], "alpha": 0.05, "alternative": "two-sided",
         "spending": "power", "exponent": 2.0, "search_tolerance": 0.0, "overrunning": False},
    ),
    "GroupSequential.crossed": Call(SPENT.crossed, {"z_statistics": [2.1, 2.2]}),
    "GroupSequential.stopping": Call(SPENT.stopping, {"drift": 2.8}),
    "GroupSequential.power": Call(SPENT.power, {"drift": 2.8}),
    "GroupSequential.drift_for": Call(SPENT.drift_for, {"power": 0.8}),
    "GroupSequential.inflation": Call(SPENT.inflation, {"power": 0.8}),
    "sample_ratio_mismatch": Call(
        engine.sample_ratio_mismatch,
        {"counts": {"control": 5100, "test": 4900}, "split": {"control": 50, "test": 50},
         "excluded": (), "least": 100, "threshold": 0.001},
    ),
    "anytime_sample_ratio_mismatch": Call(
        engine.anytime_sample_ratio_mismatch,
        {"counts": {"control": [500, 5000], "test": [510, 5300]},
         "split": {"control": 1, "test": 1}, "excluded": (), "concentration": 100.0,
         "threshold": 0.001},
    ),
    "even_split": Call(engine.even_split, {"variants": 3}),
    "multiple_variant_bias": Call(
        engine.multiple_variant_bias,
        {"counts": {"control": 500, "test": 496, "$multiple": 4}, "rollout": [90, 10],
         "handling": "exclude", "ended": False},
    ),
    "assumption_checks": Call(
        engine.assumption_checks,
        {"control": CONTROL, "treatment": TREATMENT, "split": (0.5, 0.5), "values": [[1.0, 2.0]],
         "mature_shares": (0.9, 0.8), "multiple_share": 0.01, "planned_n": 1000.0,
         "sequential": False},
    ),
    "winsorize": Call(
        engine.winsorize,
        {"values": {"control": [0.0, 1.0], "test": [3.0, 100.0]}, "lower": 0.1, "upper": 0.75,
         "ignore_zeros": False},
    ),
    "simulate": Call(
        engine.simulate,
        {"values": VALUES, "sizes": (20, 20), "effect": 0.1, "denominator": None,
         "covariate": None, "method": None, "replications": 10, "looks": 1, "seed": 0,
         "progress": None},
    ),
    "assemble": Call(
        engine.assemble,
        {"metric_kind": "funnel", "rows": ROWS, "settings": engine.resolve({}),
         "baseline_key": None, "variants_order": None, "mode": "compat"},
    ),
    "Settings": Call(
        engine.Settings,
        {name: parameter.default
         for name, parameter in inspect.signature(engine.Settings).parameters.items()},
        lambda settings: engine.assemble("funnel", ROWS, settings, mode="recommended"),
    ),
    "resolve": Call(
        engine.resolve,
        {"stats_config": {"method": "frequentist"}, "team": {}, "metric_type": "mean"},
    ),
}  # fmt: skip


def test_every_public_name_is_called_with_every_parameter():
    assert {name.split(".")[0] for name in CALLS} - {"Quantile", "Rule", "alpha_spending"} >= (
        set(engine.__all__)
    )
    for name, call in CALLS.items():
        parameters = set(inspect.signature(call.function).parameters)
        left_out = {"Quantile": {"tied", "near", "share_error"}}.get(name, set())
        assert parameters - left_out == set(call.arguments), name


@pytest.mark.parametrize("name", CALLS)
def test_the_call_itself_works(name):
    CALLS[name].run()


@pytest.mark.parametrize(
    ("name", "argument"),
    [(name, argument) for name, call in CALLS.items() for argument in call.arguments],
)
def test_odd_values_give_a_result_or_an_error_of_the_package(name, argument):
    answers = {what: outcome(CALLS[name], {argument: value}) for what, value in ODD.items()}
    assert {what: raw for what, raw in answers.items() if raw} == {}


def outcome(call: Call, replaced: Mapping[str, Any]) -> str:
    """Return the error that is none of the package's; nothing where all is well."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call.run(**replaced)
    except ExpError as error:
        return "" if error.message else "an error without a message"
    except Exception as error:  # noqa: BLE001 - any other error is the defect looked for
        return f"{type(error).__name__}: {error}"
    return ""
