"""What a method did on one's own units: how often it erred, and what it would find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from exp_jupyter._version import __version__
from exp_jupyter.analysis.units.metrics import UnitMetric
from exp_jupyter.engine.simulation import Simulation
from exp_jupyter.shown import Shown

Reliability = Literal["holds", "errs", "cautious", "unknown"]
BAND = 1.24
"""Errors up to this many times the promised rate are called a little too many."""


@dataclass(frozen=True)
class MetricSimulation:
    """One metric's experiments.

    Attributes
    ----------
    metric
        Its definition.
    units
        The units that the experiments are drawn from.
    null
        The experiments without an effect.
    lifted
        The experiments with one; None where no effect was asked for.
    """

    metric: UnitMetric
    units: int
    null: Simulation
    lifted: Simulation | None = None

    def reliability(self, alpha: float) -> Reliability:
        """Return whether the false positives are as many as promised.

        ``errs`` and ``cautious`` are said where the share's own 95 % interval leaves the promised
        rate out; ``unknown`` where more than a tenth of the experiments had no answer.
        """
        low, high = self.null.interval
        if self.null.refused > 0.1 * self.null.replications:
            return "unknown"
        return "errs" if low > alpha else "cautious" if high < alpha else "holds"


@dataclass(frozen=True, repr=False, eq=False)
class SimulatedExperiments(Shown):
    """A method tried on one's own units, many times, with and without an effect.

    Attributes
    ----------
    results
        One per metric.
    alpha
        The false-positive rate that the method promises.
    mde
        The effect of the power runs in percent of the mean; 0 without one.
    method, mode, difference
        How every experiment was judged.
    replications, looks, seed
        Experiments drawn for each metric, looks at each of them, and the seed.
    sizes
        Units of control and treatment in each experiment.
    drawn_from
        Whose units were drawn, in words.
    warnings
        What to keep in mind when reading the numbers.
    source
        What was read.
    """

    results: tuple[MetricSimulation, ...]
    alpha: float
    mde: float
    method: str
    mode: str
    difference: str
    replications: int
    looks: int
    seed: int
    sizes: tuple[int, int]
    drawn_from: str
    warnings: tuple[str, ...]
    source: str
    version: str = __version__

    @property
    def trustworthy(self) -> bool:
        """Whether no metric errs more often than promised."""
        kinds = {result.reliability(self.alpha) for result in self.results}
        return not kinds & {"errs", "unknown"}
