"""One arm of a comparison as it enters the difference."""

from __future__ import annotations

from dataclasses import dataclass

from exp_jupyter.engine.statistics.arrays import Floats


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm as it enters the difference.

    Parameters
    ----------
    n
        Units.
    value
        Its mean, adjusted if there is a covariate.
    variance
        Variance per unit of that mean.
    share
        Variance per unit that the arm contributes to the difference, on the difference's scale.
    mean
        Its mean before any adjustment.
    """

    n: Floats
    value: Floats
    variance: Floats
    share: Floats
    mean: Floats
