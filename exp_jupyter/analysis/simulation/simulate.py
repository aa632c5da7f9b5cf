"""A/A and power runs: experiments drawn from one's own units, judged by the method one will use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from exp_jupyter._reproduce import reproducible
from exp_jupyter.analysis.definition.methods import InferenceOptions, method_named
from exp_jupyter.analysis.simulation.results import MetricSimulation, SimulatedExperiments
from exp_jupyter.analysis.units.analyze import value_of
from exp_jupyter.analysis.units.arm_effect import quantile_rule
from exp_jupyter.analysis.units.bounds import value_bounds
from exp_jupyter.analysis.units.checks import check_numbers
from exp_jupyter.analysis.units.metrics import UnitMetric, check_exists, read_metrics
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.number_text import NumberFormat
from exp_jupyter.warehouse.request.suggestions import meant
from exp_jupyter.warehouse.sources.open_units import unit_source
from exp_jupyter.warehouse.sql.execution import Progress
from exp_jupyter.warehouse.units.sums import Missing, key_of
from exp_jupyter.warehouse.units.unit_values import UnitValues, unit_values

LEAST_UNITS = 10
MANY_LOOKS = 1000


@reproducible(
    "exp_jupyter.simulate",
    data="data",
    always=("metrics",),
    metrics=lambda given: list(given) if isinstance(given, (list, tuple)) else given,
)
def simulate(
    source: Any,
    *,
    metrics: str | Sequence[str | UnitMetric] | Mapping[str, str | UnitMetric] = (),
    mde: float = 0.0,
    units: int | None = None,
    split: Sequence[float] | None = None,
    variant: str | None = None,
    control: Any = "control",
    covariate: str | Mapping[str, str] | None = None,
    missing: Missing = "refuse",
    winsorize: Any = None,
    cap: Any = None,
    decimal: str | None = None,
    thousands: str | None = None,
    method: Any = "frequentist",
    alpha: float = 0.05,
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
    difference: Literal["relative", "absolute"] = "relative",
    mode: Literal["recommended", "compat"] = "recommended",
    interval: str | None = None,
    tuning_n: float | None = None,
    replications: int = 2000,
    looks: int = 1,
    seed: int = 0,
    table: str | None = None,
    dialect: str | None = None,
    progress: Progress | None = None,
) -> SimulatedExperiments:
    """Try a method on your own units: draw experiments from them and see how often it errs.

    Every experiment draws both arms, with replacement, from the same units, so that nothing
    differs between them: a method that promises 5 % false positives must not decide in more of
    them. With ``mde`` a second run puts that effect on the treatment, which gives the power, how
    often a winner has the wrong sign (type S) and how much winners exaggerate (type M).

    Parameters
    ----------
    source
        A table with one row a unit, in any form that ``analyze`` takes.
    metrics
        One or several short forms such as ``"revenue:mean"``, as in ``analyze``.
    mde
        The effect of the power run in percent of the mean, such as 5; 0 for an A/A run alone.
    units
        Units of both arms together in each experiment; by default as many as the two arms of the
        table, or all units of a table without variants.
    split
        Shares of control and treatment, such as ``(90, 10)``; by default as in the table.
    variant, control
        The variant's column and the control's value: only the control's units are drawn, for the
        others may carry an effect. By default ``"variant"`` where there is such a column, else all
        units are drawn.
    covariate, missing, winsorize, cap, decimal, thousands
        As in ``analyze``; quantiles take no covariate. Bounds are those of all units.
    method, alpha, alternative, difference, mode, interval, tuning_n
        How every experiment is judged, as in ``analyze``.
    replications
        Experiments for each metric and run, at most 10,000,000.
    looks
        Evenly spaced looks at each experiment; it counts as decided if ever. 1 for quantiles.
    seed
        The same seed draws the same experiments.
    table, dialect
        With a connection, as in ``analyze``.
    progress
        Called with the share done and a sentence.

    Returns
    -------
    SimulatedExperiments
        One row per metric.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is missing, the control is unknown, there are too few units, or a metric cannot
        carry the effect; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> spent = np.random.default_rng(1).lognormal(2.0, 1.0, 3000)
    >>> found = simulate({"spent": spent}, metrics="spent:mean", units=1000, replications=400)
    >>> found.trustworthy, found.results[0].null.sizes
    (True, (500, 500))
    """
    chosen = method_named(
        InferenceOptions(method, alpha, difference, mode, interval, tuning_n, alternative)
    )
    data = unit_source(
        source,
        table=table,
        dialect=dialect,
        text=[variant or "variant"],
        numbers=NumberFormat.of(decimal, thousands),
    )
    column = _variant(variant, data.columns)
    wanted = read_metrics(
        metrics,
        {name: kind for name, kind in data.columns.items() if name != column},
        covariate=covariate,
        winsorize=winsorize,
        cap=cap,
        text=data.numbers is not None,
    )
    lift = _lift(mde)
    warnings = check_numbers(data, wanted, missing)
    bounds, clamped = value_bounds(data, wanted, missing)
    runs = _Runs(progress, len(wanted) * (2 if lift else 1))
    results, whose, sizes = [], "", (0, 0)
    for metric, own in zip(wanted, bounds, strict=True):
        arms = unit_values(data, value_of(metric, own), variant=column, missing=missing)
        _check_missing(metric, arms, missing)
        whose, pool = _pool(arms, column, control)
        if pool.values.size < LEAST_UNITS:
            raise InputError(
                f"Metric {metric.label!r} has {pool.values.size:,} units to draw from; expected "
                f"at least {LEAST_UNITS}.",
                hint="Give more units; a few hundred tell something.",
            )
        sizes = _sizes(units, split, arms, whose if column else "")
        about = {
            "sizes": sizes,
            "method": chosen,
            "replications": replications,
            "looks": looks,
            "seed": seed,
        }
        null = _simulated(metric, pool, 0.0, about, runs.of(f"{metric.label}, no effect"))
        lifted = None
        if lift:
            lifted = _simulated(metric, pool, lift, about, runs.of(f"{metric.label}, {mde:+g} %"))
        results.append(MetricSimulation(metric, int(pool.values.size), null, lifted))
    return SimulatedExperiments(
        results=tuple(results),
        alpha=float(1 - chosen.level),
        mde=float(mde),
        method=chosen.name,
        mode=chosen.mode,
        difference=chosen.difference,
        replications=results[0].null.replications,
        looks=results[0].null.looks,
        seed=results[0].null.seed,
        sizes=sizes,
        drawn_from=f"the units of {whose}" if column else "all units",
        warnings=tuple(dict.fromkeys([*warnings, *clamped])),
        source=data.label,
    )


class _Runs:
    """Tells a reader how far all runs together are."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.place = progress, total, -1

    def of(self, words: str) -> Any:
        """Return the callback of the next run; None where nobody reads it."""
        self.place += 1
        progress, place = self.progress, self.place
        if progress is None:
            return None
        said = f"Drawing experiments: {words}"
        return lambda done, of: progress((place + done / of) / self.total, said)


def _simulated(
    metric: UnitMetric, pool: UnitValues, effect: float, about: dict[str, Any], progress: Any
) -> Any:
    from exp_jupyter.engine.simulation import simulate as draw
    from exp_jupyter.engine.simulation import simulate_quantile

    if metric.kind == "quantile" and about["looks"] != 1:
        raise InputError(
            f"{metric.label}: a quantile can be looked at once.", hint="Leave looks out."
        )
    try:
        if metric.kind != "quantile":
            return draw(
                pool.values,
                denominator=pool.denominator,
                covariate=pool.covariate,
                effect=effect,
                progress=progress,
                **about,
            )
        own = {name: about[name] for name in ("sizes", "replications", "seed")}
        rule = quantile_rule(about["method"], metric)
        level = float(metric.level or 0.5)
        return simulate_quantile(
            pool.values, level, effect=effect, rule=rule, progress=progress, **own
        )
    except InputError as error:
        if metric.label in error.message:
            raise
        raise InputError(f"{metric.label}: {error.message}", hint=error.hint) from error


def _variant(variant: str | None, columns: Mapping[str, str]) -> str | None:
    if variant is None:
        return "variant" if "variant" in columns else None
    check_exists(variant, columns, "the variant")
    return str(variant)


def _lift(mde: Any) -> float:
    if isinstance(mde, bool) or not isinstance(mde, (int, float)) or not math.isfinite(mde):
        raise InputError(
            f"mde is {mde!r}; expected a number in percent of the mean.", hint="For example mde=5."
        )
    if mde <= -100:
        raise InputError(
            f"mde is {mde:g}, percent of the mean; expected more than -100.",
            hint="For example mde=-5.",
        )
    return float(mde) / 100


def _pool(
    arms: Mapping[str, UnitValues], column: str | None, control: Any
) -> tuple[str, UnitValues]:
    """Return whose units are drawn, and their values."""
    if not arms:
        raise InputError("The table has no rows.", hint="There is nothing to draw from yet.")
    if column is None:
        return "", arms[""]
    key = str(key_of(control))
    if key not in arms:
        listed = ", ".join(sorted(arms))
        raise InputError(
            f"No unit has the control {control!r} in column {column!r}.",
            hint=f"{meant(key, arms)}The variants are: {listed}. Say which is the control: "
            "control='…'.",
        )
    return key, arms[key]


def _sizes(
    units: Any, split: Sequence[float] | None, arms: Mapping[str, UnitValues], control: str
) -> tuple[int, int]:
    """Return the units of control and treatment in each experiment."""
    own = _own_sizes(arms, control)
    total: int = sum(own)
    if units is not None:
        if isinstance(units, bool) or not isinstance(units, int) or units < 4:
            raise InputError(
                f"units is {units!r}; expected a whole number of units of both arms, 4 or more."
            )
        total = units
    if split is None:
        share = own[0] / sum(own) if units is None or control else 0.5
    else:
        parts = list(split)
        right = len(parts) == 2 and all(isinstance(part, (int, float)) for part in parts)
        if not right or not all(0 < part < math.inf for part in parts):
            raise InputError(
                f"split is {split!r}; expected the shares of control and treatment.",
                hint="For example split=(90, 10).",
            )
        share = parts[0] / sum(parts)
    first = min(max(round(total * share), 2), total - 2)
    return first, total - first


def _own_sizes(arms: Mapping[str, UnitValues], control: str) -> tuple[int, int]:
    """Return the units of the control and of the largest other arm; of one arm, its halves."""
    others = [arm.values.size for key, arm in arms.items() if key != control]
    if not control or not others:
        n = sum(arm.values.size for arm in arms.values())
        return n // 2, n - n // 2
    return int(arms[control].values.size), int(max(others))


def _check_missing(metric: UnitMetric, arms: Mapping[str, UnitValues], missing: Missing) -> None:
    lost = sum(arm.missing for arm in arms.values())
    if lost and missing == "refuse":
        raise InputError(
            f"Metric {metric.label!r} is missing for {lost:,} units.",
            hint="Say what that means: missing='zero' if they did nothing, missing='drop' if they "
            "were not measured.",
        )
