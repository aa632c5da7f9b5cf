"""Who is in the experiment: the exposure definition, and the request a statement answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from exp_jupyter.schema.metrics.exposure import FLAG_CALLED, ExposureCriteria
from exp_jupyter.schema.metrics.metric import Metric
from exp_jupyter.warehouse.request.days import Days, microseconds

BreakdownsFrom = Literal["first_exposure", "metric_event"]
WindowRule = Literal["compat", "recommended"]


@dataclass(frozen=True)
class Population:
    """What makes a unit a member of an arm.

    Parameters
    ----------
    flag_key
        The feature flag.
    variants
        The variants that count, in the flag's order; excluded ones left out.
    criteria
        The exposure criteria.
    test_account_filters
        Property filters, all of which an exposure must pass when test accounts are left out.
    group_index
        The group type that is the unit, or None for persons.
    actions
        Action id to its steps (``event``, ``properties``).
    matured_only
        Count only units whose window is over.
    variant_from
        The property an exposure names its variant in, where it is not the usual one.
    """

    flag_key: str
    variants: tuple[str, ...]
    criteria: ExposureCriteria = field(default_factory=ExposureCriteria)
    test_account_filters: tuple[Mapping[str, Any], ...] = ()
    group_index: int | None = None
    actions: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    matured_only: bool = False
    variant_from: str | None = None

    @property
    def default_event(self) -> bool:
        """Whether exposures are flag calls, which name the variant in their response."""
        return self.criteria.default_event

    @property
    def exposure_event(self) -> str | None:
        """The event that exposes, or None when it is an action."""
        config = self.criteria.exposure_config
        return FLAG_CALLED if config is None else config.event

    @property
    def variant_property(self) -> str:
        """The property an exposure names its variant in."""
        if self.variant_from is not None:
            return self.variant_from
        return "$feature_flag_response" if self.default_event else f"$feature/{self.flag_key}"


@dataclass(frozen=True)
class Covariates:
    """A pre-exposure covariate (CUPED): how many days before the exposure it looks."""

    lookback_days: int = 14

    @property
    def lookback(self) -> int:
        """The lookback in microseconds."""
        return self.lookback_days * 86_400_000_000


@dataclass(frozen=True)
class Request:
    """What to compute: metrics of a population over the days of a window.

    Parameters
    ----------
    population
        Who counts.
    metrics
        What is measured; they share the scan.
    days
        The window and its days.
    covariates
        The covariate to carry along where a metric allows one, or None.
    now
        The wall clock in microseconds, for matured units; by default the window's stop.
    breakdowns_from
        The event that gives a unit's breakdown values: its first exposure, or one that the metric
        counts; see ``exp_jupyter.warehouse.events.attribution``.
    window_rule
        What a conversion window W is, as times t after a unit's first exposure e. ``recommended``
        is one rule for every metric: e ≤ t < e + W. ``compat`` is PostHog's, by metric: means and
        ratios as above; a funnel lets t be up to W after *any* exposure, that instant included; a
        retention lets its start be up to W after e, that instant included.
    reading
        How the events are read where that is not as usual; part of what a kept state belongs to.
    """

    population: Population
    metrics: tuple[Metric, ...]
    days: Days
    covariates: Covariates | None = None
    now: int | None = None
    breakdowns_from: BreakdownsFrom = "first_exposure"
    window_rule: WindowRule = "compat"
    reading: str = ""

    @property
    def clock(self) -> int:
        """The wall clock in microseconds."""
        return microseconds(self.days.stop) if self.now is None else self.now
