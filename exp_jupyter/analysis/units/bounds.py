"""Bounds that a table's metrics are clamped to, and what to say of the units they move."""

from __future__ import annotations

from collections.abc import Sequence

from exp_jupyter.analysis.units.metrics import UnitMetric
from exp_jupyter.warehouse.sources.open_units import UnitSource
from exp_jupyter.warehouse.units.bounds import clamped_units, quantile_bounds
from exp_jupyter.warehouse.units.sums import Bounds, Missing


def value_bounds(
    data: UnitSource, metrics: Sequence[UnitMetric], missing: Missing
) -> tuple[list[dict[str, Bounds]], list[str]]:
    """Return every metric's bounds by column, and a sentence for each column that has some.

    A ratio's levels hold for both of its parts, its cap for the numerator.
    """
    found: list[dict[str, Bounds]] = []
    said: list[str] = []
    for metric in metrics:
        own: dict[str, Bounds] = {}
        if metric.cap is not None:
            own[metric.column] = (None, metric.cap)
        elif metric.winsorize is not None:
            for name in metric.columns:
                own[name] = quantile_bounds(data, name, metric.winsorize, missing)
        for name, bounds in own.items():
            n = clamped_units(data, name, bounds, missing)
            sides = [
                f"{word} {bound:g}"
                for word, bound in zip(("at least", "at most"), bounds, strict=True)
                if bound is not None
            ]
            said.append(
                f"{metric.label!r} counts {name!r} as {' and '.join(sides)}: {n:,} units are moved"
            )
        found.append(own)
    return found, said
