"""Values per unit made tame before they are summed: winsorized, or turned into yes and no."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from exp_jupyter.engine.statistics.arguments import by_name, number, switch
from exp_jupyter.engine.statistics.arrays import Floats, floats
from exp_jupyter.engine.statistics.means import Mean
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError

Key = TypeVar("Key")


@dataclass(frozen=True, eq=False)
class Winsorized:
    """Values clamped to common bounds.

    Parameters
    ----------
    bounds
        The lower and the upper bound.
    values
        For every variant its units' clamped values.
    """

    bounds: tuple[float, float]
    values: dict[str, Floats]

    def statistics(self, covariates: Mapping[str, object] | None = None) -> dict[str, Mean]:
        """Return each variant's ``Mean``, with its covariate if there is one.

        Parameters
        ----------
        covariates
            For every variant one covariate value per unit; they are not clamped.
        """
        return {
            key: Mean.of(values, None if covariates is None else covariates[key])
            for key, values in self.values.items()
        }


def exact_quantile(values: object, level: float) -> float:
    """Return the element at position ⌊level·k⌋ of the k sorted values, the last one at level 1.

    No interpolation: the result is always one of the values.

    Parameters
    ----------
    values
        At least one number.
    level
        A fraction from 0 to 1.

    Examples
    --------
    >>> exact_quantile([5.0, 1.0, 3.0, 9.0], 0.5)
    5.0
    """
    _check_level("level", level)
    ordered = np.sort(floats(values, "values"), axis=None)
    if not ordered.size:
        raise InputError("a quantile needs at least one value")
    return float(ordered[min(math.floor(level * ordered.size), ordered.size - 1)])


def winsorize(
    values: Mapping[str, object],
    *,
    lower: float | None = None,
    upper: float | None = None,
    ignore_zeros: bool = False,
) -> Winsorized:
    """Clamp every unit's value to quantiles of all variants' values together.

    Parameters
    ----------
    values
        For every variant one value per unit, zeros included.
    lower, upper
        Levels of the bounds, fractions from 0 to 1; None leaves that side as it is.
    ignore_zeros
        Take the upper bound over the values that are not 0; the lower one is over all.

    Examples
    --------
    >>> winsorize({"control": [0.0, 1.0, 2.0], "test": [3.0, 100.0]}, upper=0.75).bounds
    (0.0, 3.0)
    """
    by_name("values", values)
    for name, level in (("lower", lower), ("upper", upper)):
        if level is not None:
            _check_level(name, level)
    switch("ignore_zeros", ignore_zeros)
    arms = {key: floats(own, "values") for key, own in values.items()}
    pooled = np.concatenate([own.ravel() for own in arms.values()]) if arms else np.zeros(0)
    if not pooled.size:
        return Winsorized((0.0, 0.0), arms)
    if not np.isfinite(pooled).all():
        raise InputError(
            "values must be finite numbers",
            hint="Count a missing value as 0, as a unit without events does.",
        )
    low = float(pooled.min()) if lower is None else exact_quantile(pooled, lower)
    counted = pooled[pooled != 0] if ignore_zeros else pooled
    if upper is None or not counted.size:
        high = float(pooled.max())
    else:
        high = exact_quantile(counted, upper)
    return Winsorized(
        (low, high), {key: np.minimum(np.maximum(low, own), high) for key, own in arms.items()}
    )


def threshold_mean(values: object, threshold: float) -> Mean:
    """Return the statistic of 1 where a unit's value reaches the threshold and 0 elsewhere.

    It is analysed as a mean, not as a proportion, as PostHog does.

    Examples
    --------
    >>> threshold_mean([0.0, 2.0, 3.0, 5.0], 3.0).sum
    2.0
    """
    return Mean.of((floats(values, "values") >= threshold).astype(np.float64))


def _check_level(name: str, level: object) -> None:
    hint = "The 99th percentile is 0.99."
    if not 0 <= number(name, level, hint=hint) <= 1:
        raise InputError(
            f"{name} is {described(level)}; expected a fraction from 0 to 1", hint=hint
        )
