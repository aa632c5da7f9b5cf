"""The interval of a method: which there are, and which one a mode takes by default."""

from __future__ import annotations

import numpy as np

from exp_jupyter.engine.comparison.contrast import (
    Mode,
)
from exp_jupyter.engine.comparison.methods.fixed_horizon import (
    Interval,
)
from exp_jupyter.engine.inference.effect_test import EffectTest
from exp_jupyter.engine.statistics.arguments import choose
from exp_jupyter.engine.statistics.arrays import Floats
from exp_jupyter.errors import InputError

INTERVALS = ("test", "delta", "fieller", "log")
MODES = ("recommended", "compat")

ANYTIME_INTERVALS = ("test", "delta")

DEFAULT_TUNING_N = 5000.0
"""Total units at which a confidence sequence is narrowest, unless a plan says better."""

COMPAT_LEAST_UNITS = 5


def check_interval(given: str | None, mode: Mode, allowed: tuple[str, ...]) -> None:
    """Refuse an interval that a method or PostHog does not have."""
    if given is None:
        return
    choose("interval", given, allowed)
    if given != "delta" and mode == "compat":
        raise InputError(f'PostHog has no interval="{given}"', hint='Use mode="recommended".')


def chosen_interval(given: Interval | None, mode: Mode) -> Interval:
    """Return the interval to form: the one given, or the mode's own."""
    return given or ("delta" if mode == "compat" else "test")


def null_error(test: EffectTest, null: float) -> Floats:
    """Return the standard error of the gap at the null value, over the baseline without an effect.

    Unlike the standard error at the observed effect it does not move with the effect, so effects
    of several segments may be weighted by it.
    """
    return np.asarray(np.sqrt(test.variance(null)) / test.baseline)
