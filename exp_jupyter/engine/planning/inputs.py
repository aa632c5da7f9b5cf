"""What a plan starts from: the metric's baseline and variance, given or read from observed sums."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exp_jupyter.engine.planning.design import arm_shares
from exp_jupyter.engine.posthog.running_time import baseline_from_stats, variance_of
from exp_jupyter.engine.statistics.arguments import inside, number, whole
from exp_jupyter.errors import InputError, StatisticsError

_SUMS = (
    "number_of_samples",
    "sum",
    "sum_squares",
    "denominator_sum",
    "denominator_sum_squares",
    "numerator_denominator_sum_product",
)
_RATIO_KINDS = ("ratio", "retention")


@dataclass(frozen=True)
class SizedMetric:
    """A metric as planning sees it.

    Attributes
    ----------
    kind
        One of the planning kinds.
    baseline
        Control's value.
    variance
        Variance per unit, or None for a proportion with its own variance.
    observed_variance
        The variance of the observed sums, where they are given.
    """

    kind: str
    baseline: float
    variance: float | None
    observed_variance: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def own_variance(self) -> float | None:
        """The variance for the general formula; None makes it a proportion."""
        if self.kind == "funnel":
            return None
        return self.variance if self.observed_variance is None else self.observed_variance


def sized_metric(
    kind: str, baseline: float | None, variance: float | None, stats: Any, mode: str
) -> SizedMetric:
    """Return the metric from what was given, or refuse with what is missing.

    Examples
    --------
    >>> sized_metric("mean_count", 4.0, None, None, "compat").variance
    8.0
    """
    baseline = None if baseline is None else number("baseline", baseline)
    variance = None if variance is None else number("variance", variance)
    sums = None if stats is None else as_baseline_stats(kind, stats)
    if sums is not None and baseline is None:
        baseline = baseline_from_stats(_api_kind(kind), sums)
    if baseline is None:
        raise InputError(
            "There is no baseline to plan from."
            if sums is None
            else "The observed sums hold no units, so they give no baseline.",
            hint="Give baseline=, control's value so far, or stats= with observed sums.",
        )
    _check_baseline(kind, baseline)
    guessed = None if kind == "mean" else variance_of(kind, baseline, sums)
    observed = None if sums is None or variance is not None else observed_variance(kind, sums)
    if variance is not None:
        inside("variance", variance, 0, math.inf)
    warnings: tuple[str, ...] = ()
    if kind == "retention" and mode == "recommended" and variance is None and observed is None:
        observed = guessed if guessed else baseline * (1 - baseline)
    used = variance if variance is not None else guessed
    if mode == "recommended" and variance is None and observed is not None:
        used = observed
    elif kind in ("mean_count", "mean_sum_or_avg") and variance is None:
        warnings = (
            "The variance is guessed from the baseline; plan with your own by variance= or stats=.",
        )
    if kind != "funnel" and (used is None or not used > 0):
        raise _no_variance(kind, used)
    return SizedMetric(kind, float(baseline), used, observed, warnings)


def observed_variance(kind: str, sums: Mapping[str, Any]) -> float | None:
    """Return the sample variance per unit of the observed sums; None when they do not tell."""
    n = sums["number_of_samples"]
    if kind in _RATIO_KINDS or kind == "funnel" or n < 2 or not sums.get("sum_squares"):
        return None
    centred = float(sums["sum_squares"]) - float(sums["sum"]) ** 2 / n
    return centred / (n - 1) if centred > 0 else None


def as_baseline_stats(kind: str, stats: Any) -> Mapping[str, Any]:
    """Return observed sums in the API's words, from a mapping or a sufficient statistic."""
    if isinstance(stats, Mapping):
        sums: Mapping[str, Any] = stats
    elif hasattr(stats, "numerator_sum"):
        sums = {
            "number_of_samples": stats.n,
            "sum": stats.numerator_sum,
            "sum_squares": stats.numerator_sum_squares,
            "denominator_sum": stats.denominator_sum,
            "denominator_sum_squares": stats.denominator_sum_squares,
            "numerator_denominator_sum_product": stats.cross,
        }
    elif hasattr(stats, "n") and hasattr(stats, "sum"):
        sums = {
            "number_of_samples": stats.n,
            "sum": stats.sum,
            "sum_squares": getattr(stats, "sum_squares", stats.sum),
        }
    else:
        raise InputError(
            f"stats is a {type(stats).__name__}; expected observed sums.",
            hint="Give a Mean, Proportion or Ratio, or the API's baseline_stats mapping.",
        )
    for name in ("number_of_samples", "sum"):
        if sums.get(name) is None:
            raise InputError(f"stats has no {name}.", hint="It is needed to read the baseline.")
    for name in _SUMS:
        if sums.get(name) is not None:
            number(f"stats {name}", sums[name])
    inside("stats number_of_samples", sums["number_of_samples"], 0, math.inf, closed=True)
    if kind in _RATIO_KINDS and not sums.get("denominator_sum"):
        raise InputError(
            f"A {kind} metric's stats need a denominator_sum other than 0.",
            hint="Give the sums of numerator and denominator, or baseline= and variance=.",
        )
    return sums


def whole_variants(variants: int, shares: tuple[float, ...] | None) -> int:
    """Return the number of variants, which a split may imply."""
    hint = "Control counts as one of the variants."
    variants = whole("variants", variants, 2, hint=hint)
    if shares is not None:
        if len(shares) < 2:
            raise InputError(f"A split needs at least two arms, not {len(shares)}.")
        if variants not in (2, len(shares)):
            raise InputError(f"The split has {len(shares)} shares for {variants} variants.")
        return len(shares)
    return variants


def checked_mde(mde: float | None, margin: float | None) -> float:
    """Return the minimum detectable effect in percent; with a margin, the assumed effect."""
    if margin is not None:
        number("margin", margin, 0, hint="The margin is in percent of the baseline.")
        return 0.0 if mde is None else number("mde", mde)
    hint = "The minimum detectable effect is in percent of the baseline: 5 means 5 %."
    if mde is None:
        raise InputError("mde is missing.", hint=hint)
    return number("mde", mde, 0, hint=hint)


def shares_of(split: Sequence[float] | Mapping[str, float] | None) -> tuple[float, ...] | None:
    """Return the shares with control first, or None for an even split."""
    if split is None:
        return None
    if isinstance(split, Mapping):
        others = [share for key, share in split.items() if key != "control"]
        if "control" not in split:
            raise InputError(
                f"The split has no control: {', '.join(map(str, split))}.",
                hint="Name it control, or give the shares as a sequence with control first.",
            )
        split = [split["control"], *others]
    return tuple(number("split", share, 0) for share in arm_shares(split))


def _check_baseline(kind: str, baseline: float) -> None:
    if kind in ("funnel", "retention"):
        percent = isinstance(baseline, (int, float)) and 1 < baseline <= 100
        inside(
            "baseline",
            baseline,
            0,
            1,
            hint=f"A {kind} baseline is a fraction: {baseline:g} % is {baseline / 100:g}."
            if percent
            else f"A {kind} baseline is the fraction of units that convert: 12 % is 0.12.",
        )
        return
    inside("baseline", baseline, -math.inf, math.inf)
    if baseline <= 0:
        raise StatisticsError(
            "control_mean_not_positive",
            f"baseline is {baseline:g}; an effect in percent needs a baseline above 0.",
            hint="Plan an absolute effect with exp_jupyter.engine.planning.power.required_size.",
        )


def _no_variance(kind: str, used: float | None) -> InputError:
    if used is not None:
        return StatisticsError("zero_variance", f"The variance is {used:g}; expected above 0.")
    return InputError(
        f"A {kind} metric cannot be sized from its baseline alone: its variance is missing.",
        hint="Give variance= per unit, or stats= with the observed sums.",
    )


def _api_kind(kind: str) -> str:
    return "mean_sum_or_avg" if kind == "mean" else kind
