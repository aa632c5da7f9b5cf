"""How stored results are computed again: the method and what a call says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Recomputation:
    """A method by its name and its options; None where the call says nothing.

    Parameters
    ----------
    method
        None keeps the project's own numbers.
    mode, interval, tuning_n, alpha
        As ``exp_jupyter.analysis.results.series.Series.from_wire`` takes them.
    """

    method: str | None
    mode: Literal["compat", "recommended"] | None
    interval: str | None
    tuning_n: float | None
    alpha: float | None = None

    def settings(self) -> dict[str, Any]:
        """Return the arguments of the analysis."""
        return {
            "method": self.method,
            "mode": self.mode or "compat",
            "interval": self.interval,
            "tuning_n": self.tuning_n,
            "alpha": self.alpha,
        }
