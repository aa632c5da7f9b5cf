"""What all looks so far leave: the intersection of a sequence's intervals."""

from __future__ import annotations

import dataclasses

import numpy as np

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.statistics.arguments import instance
from exp_jupyter.engine.statistics.arrays import Booleans, flags


def running_intersection(effect: Effect) -> Effect:
    """Return a sequential effect whose every look also keeps what earlier looks excluded.

    A confidence sequence covers the truth at all looks at once, so the intersection of the
    intervals so far, and the smallest p-value so far, are valid too.

    Parameters
    ----------
    effect
        A sequential effect with the looks, in order of time, along the last axis.

    Returns
    -------
    Effect
        The same estimates; intervals that only shrink, p-values that only fall. Where the
        intervals so far have no point in common, both bounds are the point between them and a
        warning says so: the effect is not the same at all looks.

    Examples
    --------
    >>> from exp_jupyter.engine import Proportion, Sequential, compare
    >>> control = Proportion([1000, 2000, 3000], [100, 190, 310])
    >>> treatment = Proportion([1000, 2000, 3000], [160, 260, 370])
    >>> looks = compare(control, treatment, Sequential(difference="absolute"))
    >>> kept = running_intersection(looks)
    >>> bool((kept.p_value[1:] <= kept.p_value[:-1]).all())
    True
    """
    instance("effect", effect, Effect, "the Effect of a sequential comparison")
    if not effect.shape or effect.method not in ("sequential", "msprt"):
        return effect
    low = np.fmax.accumulate(np.asarray(effect.interval[0]), axis=-1)
    high = np.fmin.accumulate(np.asarray(effect.interval[1]), axis=-1)
    empty: Booleans = np.asarray(low > high)
    middle = 0.5 * (low + high)
    low, high = np.where(empty, middle, low), np.where(empty, middle, high)
    changed: dict[str, object] = {"interval": (low, high)}
    if effect.p_value is not None:
        changed["p_value"] = np.fmin.accumulate(np.asarray(effect.p_value), axis=-1)
    if effect.log_e_value is not None:
        changed["log_e_value"] = np.fmax.accumulate(np.asarray(effect.log_e_value), axis=-1)
    changed["significant"] = flags(np.logical_or.accumulate(effect.significant, axis=-1))
    if empty.any():
        changed["warnings"] = (
            *effect.warnings,
            "the intervals of the looks so far have no point in common: the effect changed",
        )
        changed["_warned"] = (*effect.warned, empty)
    return dataclasses.replace(effect, **changed)  # type: ignore[arg-type]
