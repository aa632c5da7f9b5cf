"""The statistical settings of an experiment, resolved from its configuration and its team's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.engine.statistics.arguments import (
    choose,
    instance,
    level,
    number,
    switch,
    whole,
)

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential

DEFAULT_ALPHA = 0.05
DEFAULT_LEVEL = 0.95
DEFAULT_TUNING = 5000.0
GREATEST_TUNING = 1e9
DEFAULT_LOOKBACK_DAYS = 14
LONGEST_LOOKBACK_DAYS = 30
ADJUSTABLE = ("mean", "funnel")
"""The metric types that PostHog adjusts with CUPED."""


@dataclass(frozen=True)
class Settings:
    """How an experiment's metrics are analysed.

    Attributes
    ----------
    method
        ``"bayesian"`` or ``"frequentist"``.
    alpha
        Level of the frequentist test.
    ci_level
        Credible level of the Bayesian interval.
    difference
        ``"relative"`` or ``"absolute"``, of the method in use.
    sequential
        Whether the frequentist test may be looked at any number of times.
    tuning_n
        Total units at which the sequential interval is narrowest.
    cuped
        Whether the metric is adjusted for what its units did before their exposure.
    cuped_lookback_days
        How many days before the exposure count; None without CUPED.
    baseline_key
        The variant that the others are compared with.
    notes
        What the configuration said that was not taken as it stood.
    """

    method: Literal["bayesian", "frequentist"] = "bayesian"
    alpha: float = DEFAULT_ALPHA
    ci_level: float = DEFAULT_LEVEL
    difference: Literal["relative", "absolute"] = "relative"
    sequential: bool = False
    tuning_n: float = DEFAULT_TUNING
    cuped: bool = False
    cuped_lookback_days: int | None = None
    baseline_key: str = "control"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        choose("method", self.method, ("bayesian", "frequentist"))
        level("alpha", self.alpha, "alpha_out_of_range", "0.05 is usual.")
        level("ci_level", self.ci_level, "ci_level_out_of_range", "0.95 is usual.")
        choose("difference", self.difference, ("relative", "absolute"))
        switch("sequential", self.sequential)
        number("tuning_n", self.tuning_n, 0)
        switch("cuped", self.cuped)
        if self.cuped_lookback_days is not None:
            whole("cuped_lookback_days", self.cuped_lookback_days, 0)
        instance("baseline_key", self.baseline_key, str, "the key of a variant")
        instance("notes", self.notes, tuple, "a tuple of sentences")

    def engine_method(
        self, mode: Literal["compat", "recommended"] = "compat"
    ) -> Frequentist | Sequential | Bayesian:
        """Return the engine's method with these settings.

        Raises
        ------
        exp_jupyter.errors.StatisticsError
            A level that is not between 0 and 1, which ``resolve`` never makes.

        Examples
        --------
        >>> resolve({"method": "frequentist"}).engine_method().alpha
        0.05
        """
        from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential

        if self.method == "bayesian":
            return Bayesian(self.ci_level, difference=self.difference, mode=mode)
        if self.sequential:
            return Sequential(self.alpha, self.tuning_n, difference=self.difference, mode=mode)
        return Frequentist(self.alpha, difference=self.difference, mode=mode)


def resolve(
    stats_config: Mapping[str, Any] | None,
    team: Mapping[str, Any] | None = None,
    *,
    metric_type: str | None = None,
) -> Settings:
    """Return the settings that an experiment's ``stats_config`` amounts to.

    Everything that is missing or not valid falls back: to the team's default where there is one,
    else to the built-in one. What was not taken as it stood is listed in ``notes``.

    Parameters
    ----------
    stats_config
        The experiment's configuration.
    team
        The team's defaults: ``cuped_enabled``, ``cuped_lookback_days``,
        ``sequential_testing_enabled``, ``sequential_tuning_parameter``.
    metric_type
        The metric's type; CUPED is off for those that cannot be adjusted.

    Examples
    --------
    >>> resolve(None).method
    'bayesian'
    >>> settings = resolve({"method": "frequentist", "frequentist": {"alpha": 0.01}})
    >>> settings.method, settings.alpha, settings.difference
    ('frequentist', 0.01, 'relative')
    >>> resolve({"frequentist": {"difference_type": "absolute"}, "method": "frequentist"}).notes
    ("difference_type 'absolute' is not RELATIVE or ABSOLUTE: relative is used",)
    """
    config, defaults = _mapping(stats_config), _mapping(team)
    notes: list[str] = []
    method: Literal["bayesian", "frequentist"] = (
        "frequentist" if config.get("method") == "frequentist" else "bayesian"
    )
    if config.get("method") not in (None, "bayesian", "frequentist"):
        notes.append(f"method {config['method']!r} is unknown: bayesian is used")
    frequentist, bayesian = _mapping(config.get("frequentist")), _mapping(config.get("bayesian"))
    chosen = frequentist if method == "frequentist" else bayesian
    cuped, lookback = _cuped(_mapping(config.get("cuped")), defaults, metric_type, notes)
    return Settings(
        method=method,
        alpha=_level("alpha", frequentist.get("alpha"), DEFAULT_ALPHA, notes),
        ci_level=_level("ci_level", bayesian.get("ci_level"), DEFAULT_LEVEL, notes),
        difference=_difference(chosen.get("difference_type"), notes),
        sequential=_switch(
            frequentist, "sequential_testing_enabled", defaults.get("sequential_testing_enabled")
        ),
        tuning_n=_tuning(frequentist, defaults),
        cuped=cuped,
        cuped_lookback_days=lookback,
        baseline_key=str(config.get("baseline_variant_key") or "control"),
        notes=tuple(notes),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _switch(own: Mapping[str, Any], name: str, team: object) -> bool:
    # An experiment that says no beats a team that says yes; so does one that says null.
    return bool(own[name]) if name in own else bool(team)


def _level(name: str, value: object, fallback: float, notes: list[str]) -> float:
    number = _number(value)
    if number is not None and 0 < number < 1:
        return number
    if value is not None:
        notes.append(f"{name} {value!r} is not a number between 0 and 1: {fallback} is used")
    return fallback


def _difference(value: object, notes: list[str]) -> Literal["relative", "absolute"]:
    if value == "ABSOLUTE":
        return "absolute"
    if value not in (None, "RELATIVE"):
        notes.append(f"difference_type {value!r} is not RELATIVE or ABSOLUTE: relative is used")
    return "relative"


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _tuning(own: Mapping[str, Any], team: Mapping[str, Any]) -> float:
    for source in (own, team):
        value = _number(source.get("sequential_tuning_parameter"))
        if value is not None and 1 <= value <= GREATEST_TUNING:
            return value
    return DEFAULT_TUNING


def _cuped(
    own: Mapping[str, Any],
    team: Mapping[str, Any],
    metric_type: str | None,
    notes: list[str],
) -> tuple[bool, int | None]:
    if not _switch(own, "enabled", team.get("cuped_enabled")):
        return False, None
    if metric_type is not None and metric_type not in ADJUSTABLE:
        notes.append(f"CUPED is on, but PostHog does not adjust a {metric_type} metric")
        return False, None
    for value in (own.get("lookback_days"), team.get("cuped_lookback_days")):
        days = _days(value)
        if days is not None:
            return True, min(max(days, 1), LONGEST_LOOKBACK_DAYS)
    return True, DEFAULT_LOOKBACK_DAYS


def _days(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None
