"""What to keep in mind when reading a comparison: a code, a sentence, and for which elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.statistics.arrays import Booleans, Floats, floats
from exp_jupyter.engine.statistics.base import Statistic

FEW_UNITS = 50
FEW_EVENTS = 5
WIDE_BASELINE = 0.2
CANCELLATION = 1e-10


@dataclass(frozen=True, eq=False)
class Caution:
    """One thing to keep in mind, for the elements where ``where`` is true."""

    code: str
    where: Booleans
    sentence: str


def arm_cautions(name: str, arm: Statistic, *, score: bool = False) -> list[Caution]:
    """Return what is weak about one arm's sums.

    Parameters
    ----------
    name
        The arm as the sentence calls it.
    arm
        Its statistic.
    score
        Whether the arm is a rate judged by the score or mid-p test, which few units or events do
        not mislead.
    """
    if score:
        return []
    n = floats(arm.n)
    found = [
        Caution(
            "few_units",
            n < FEW_UNITS,
            f"{name} has fewer than {FEW_UNITS} units: the normal approximation is rough",
        )
    ]
    variance = floats(arm.variance)
    found.append(
        Caution("zero_variance_arm", variance <= 0, f"{name} has no variance: all its units agree")
    )
    if arm.kind == "proportion":
        successes = floats(arm.mean) * n
        found.append(
            Caution(
                "few_events",
                np.minimum(successes, n - successes) < FEW_EVENTS - 1e-9,
                f"{name} has fewer than {FEW_EVENTS} successes or failures: "
                "the normal approximation is rough",
            )
        )
    elif arm.kind == "mean":
        found.append(
            Caution(
                "cancellation",
                cancelled(arm),
                f"{name} has a mean so large beside its spread that raw sums lose most digits "
                "of the variance: build it from the units' values with Mean.of",
            )
        )
    return found


def cancelled(arm: Statistic) -> Booleans:
    """Return where Σy² − (Σy)²/n has lost its digits: the two agree to within 1e-10 of Σy²."""
    if getattr(arm, "centred", None) is not None:
        return np.zeros((), dtype=np.bool_)
    total, squares = floats(arm.mean) * floats(arm.n), floats(getattr(arm, "sum_squares", 0.0))
    with np.errstate(all="ignore"):
        return np.asarray(
            (squares > 0) & (total * floats(arm.mean) / squares > 1 - CANCELLATION), dtype=np.bool_
        )


def wide_baseline(mean: Floats, variance_of_mean: Floats) -> Booleans:
    """Return where the coefficient of variation of the control mean exceeds 0.2."""
    with np.errstate(all="ignore"):
        return np.asarray(variance_of_mean > (WIDE_BASELINE * mean) ** 2, dtype=np.bool_)
