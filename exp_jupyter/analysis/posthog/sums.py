"""The sums of a metric by variant and day, and their effects: stated, or computed by the engine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.engine.comparison.methods import Method
    from exp_jupyter.engine.posthog.settings import Settings
    from exp_jupyter.schema.metrics.metric import Metric
    from exp_jupyter.warehouse.events.fold import DailySums

Kind = Literal["mean", "funnel", "ratio", "retention"]
Sums = Mapping[str, Any]
"""The sums of one variant, by the names the API gives them."""

CUBES = "sum_cubes"
"""Σy³, which an analysis of events adds up and the API does not state."""

_WIRE = {"n": "number_of_samples", "s": "sum", "ss": "sum_squares"}
_BELOW = {
    "b": "denominator_sum",
    "bb": "denominator_sum_squares",
    "ab": "numerator_denominator_sum_product",
}
_BEFORE = {"x": "covariate_sum", "xx": "covariate_sum_squares", "xy": "covariate_sum_product"}


@dataclass(frozen=True)
class SumsTable:
    """Named sums of every variant at the end of every day.

    Parameters
    ----------
    kind
        The metric's kind.
    variants
        The variants, in the order of the arrays.
    dates
        The days.
    values
        The sums by the names the API gives them, each an array of shape (variants, days), NaN where
        a variant has no result; ``step_counts`` has the steps on a third axis.
    baseline
        The place of the variant that the others are compared with.
    stated
        By place of variant and day what the API says of it, where the sums come from there.
    errors
        By place of day why it has no result.
    """

    kind: Kind
    variants: tuple[str, ...]
    dates: tuple[date, ...]
    values: Mapping[str, NDArray[np.float64]]
    baseline: int = 0
    stated: Mapping[tuple[int, int], Sums] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of_events(
        cls,
        metric: Metric,
        sums: DailySums,
        variants: Sequence[str],
        *,
        baseline: str | None = None,
        covariate: bool,
        dates: Sequence[date] = (),
        breakdown: int = 0,
        cubes: bool = False,
    ) -> SumsTable:
        """Return what was added up of events.

        Parameters
        ----------
        metric, sums
            The metric and its sums.
        variants, baseline
            The variants in the order of the sums, and the one the others are compared with, by
            default the first.
        covariate
            Whether to take a covariate's sums along.
        dates
            The days of the sums.
        breakdown
            Which combination of breakdown values.
        cubes
            Whether to take Σy³ along.
        """
        from exp_jupyter.schema.metrics.metric import FunnelMetric
        from exp_jupyter.warehouse.events.statements import takes_covariate

        of = {name: sums.values[breakdown, :, :, place] for place, name in enumerate(sums.names)}
        names = dict(_WIRE)
        if metric.metric_type in ("ratio", "retention"):
            names |= _BELOW
        values = {wire: of[name] for name, wire in names.items()}
        values["number_of_samples"] = np.rint(values["number_of_samples"])
        if isinstance(metric, FunnelMetric):
            steps = [np.rint(of[f"k{k}"]) for k in range(1, len(metric.series) + 1)]
            values["step_counts"] = np.stack(steps, axis=-1)
        if covariate and takes_covariate(metric):
            values |= {wire: of[name] for name, wire in _BEFORE.items()}
        if cubes:
            values[CUBES] = of["sss"]
        keys = tuple(variants)
        place = 0 if baseline is None else keys.index(baseline)
        return cls(metric.metric_type, keys, tuple(dates), values, place)

    def row(self, variant: int, day: int) -> dict[str, Any]:
        """Return one variant's sums of one day as the API writes them, and what else it says."""
        if (variant, day) in self.stated:
            return dict(self.stated[variant, day])
        found = {name: array[variant, day].tolist() for name, array in self.values.items()}
        return {"key": self.variants[variant]} | {
            name: value if name == CUBES else _whole(value) for name, value in found.items()
        }

    def known(self, variant: int) -> NDArray[np.bool_]:
        """Return on which days a variant has sums."""
        return np.asarray(~np.isnan(self.values["number_of_samples"][variant]))

    def value(self, variant: int, day: int) -> float | None:
        """Return what a variant's sums amount to; see ``value``."""
        return value(self.kind, self.row(variant, day))

    def failures(self, variant: int, day: int) -> list[str]:
        """Return why a variant is not compared on a day, in the API's words."""
        from exp_jupyter.engine.posthog.named_sums import validation_failures

        row = self.row(variant, day)
        return validation_failures(self.kind, row, baseline=variant == self.baseline)

    def statistic(self, variant: int, days: Sequence[int], *, checked: bool = True) -> Any:
        """Return the engine's statistic on these days: scalar for one, else one element each."""
        from exp_jupyter.engine.posthog.named_sums import COVARIATE_SUMS, statistic_of
        from exp_jupyter.engine.posthog.settings import ADJUSTABLE

        places = days[0] if len(days) == 1 else list(days)
        own = {
            name: float(array[variant, places]) if len(days) == 1 else array[variant, places]
            for name, array in self.values.items()
            if name != "step_counts"
        }
        complete = {name for name, part in own.items() if not np.isnan(part).any()}
        more = {CUBES: own[CUBES]} if self.kind == "mean" and CUBES in complete else {}
        adjusted = self.kind in ADJUSTABLE and complete.issuperset(COVARIATE_SUMS)
        return statistic_of(self.kind, own, adjusted=adjusted, checked=checked, **more)

    def effects(self, variant: int, method: Method) -> dict[int, Effect]:
        """Return a variant's effect on every day that has one, in one comparison.

        Days the project does not validate have none; the recommended methods answer few events
        too, so there only too few exposures count.

        Parameters
        ----------
        variant
            The place of the variant.
        method
            A method of the engine.
        """
        from exp_jupyter.engine.comparison.compare import compare
        from exp_jupyter.engine.posthog.named_sums import FEW_EXPOSURES, refused_by_project

        n, total = self.values["number_of_samples"], self.values["sum"]
        usable = self.known(self.baseline) & self.known(variant)
        for place in (self.baseline, variant):
            refused = refused_by_project(
                self.kind, n[place], total[place], baseline=place == self.baseline
            )
            for code, days in refused.items():
                if code == FEW_EXPOSURES or method.mode != "recommended":
                    usable &= ~days
        places = np.flatnonzero(usable).tolist()
        if not places:
            return {}
        below, above = (
            self.statistic(place, places, checked=False) for place in (self.baseline, variant)
        )
        together = compare(below, above, method, on_refusal="mask")
        each = [together] if len(places) == 1 else [together.at(i) for i in range(len(places))]
        return {day: effect for day, effect in zip(places, each, strict=True) if not effect.refusal}

    def stated_effects(self, variant: int, settings: Settings) -> dict[int, Effect]:
        """Return a variant's effect on every day on which its result states one.

        Parameters
        ----------
        variant
            The place of the variant.
        settings
            The experiment's settings.
        """
        effects = {
            day: stated(self.kind, self.row(self.baseline, day), self.row(variant, day), settings)
            for day in np.flatnonzero(self.known(self.baseline) & self.known(variant)).tolist()
        }
        return {day: effect for day, effect in effects.items() if effect is not None}


def _whole(value: Any) -> Any:
    # Counts are whole: 37 rather than 37.0, as the API writes them.
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if value.is_integer() else value


def value(kind: Kind, row: Sums) -> float | None:
    """Return what a variant's sums amount to: a mean, a share or a ratio; None when undefined."""
    below = row.get("denominator_sum") if kind in ("ratio", "retention") else None
    below = row.get("number_of_samples") if below is None else below
    return float(row.get("sum") or 0.0) / float(below) if below else None


def stated(kind: Kind, baseline: Sums, row: Sums, settings: Settings) -> Effect | None:
    """Return the effect a variant's result states; None when its comparison is absent.

    The API gives no point estimate and no standard error: the midpoint of its interval is the
    estimate, as on its own pages, and the standard error is NaN.
    """
    from exp_jupyter.engine.comparison.effect import Effect

    bayesian = row.get("credible_interval") is not None
    interval = row.get("credible_interval") or row.get("confidence_interval")
    if not interval:
        return None
    low, high = float(interval[0]), float(interval[1])
    sequential = not bayesian and settings.sequential
    kinds = {True: "credible", False: "confidence_sequence" if sequential else "delta"}
    below, above = value(kind, baseline), value(kind, row)
    return Effect(
        method="bayesian" if bayesian else "sequential" if sequential else "frequentist",
        mode="compat",
        difference=settings.difference,
        alternative="two-sided",
        interval_kind=kinds[bayesian],
        estimate=(low + high) / 2,
        standard_error=math.nan,
        interval=(low, high),
        level=settings.ci_level if bayesian else 1 - settings.alpha,
        significant=bool(row.get("significant")),
        control_mean=math.nan if below is None else below,
        treatment_mean=math.nan if above is None else above,
        control_n=float(baseline.get("number_of_samples") or 0),
        treatment_n=float(row.get("number_of_samples") or 0),
        p_value=row.get("p_value"),
        chance_to_win=row.get("chance_to_win"),
    )
