"""What an experiment says about its analysis: who is in it, in which arms, since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from exp_jupyter.errors import InputError
from exp_jupyter.schema.experiments.baseline import baseline_variant
from exp_jupyter.warehouse.request.population import BreakdownsFrom


@dataclass(frozen=True)
class ExperimentSpec:
    """Everything about an experiment that decides its numbers, besides the metric.

    Parameters
    ----------
    flag_key
        The feature flag's key.
    variants
        The flag's variant keys in the flag's order.
    split
        Rollout percentage per variant.
    start
        When the experiment started, with its time zone; None for a draft.
    end
        When it ended, or None while it runs.
    exposure_criteria
        As the API writes them; None takes the defaults.
    excluded_variants
        Variants whose exposures do not count at all.
    test_account_filters
        The project's property filters for test accounts; all of them must hold for a unit's
        exposure to count.
    group_index
        The group type when the flag aggregates by group, else None for persons.
    timezone
        The project's time zone, an IANA name; days begin at its midnight.
    only_count_matured_users
        Count only units whose whole conversion window is over.
    actions
        Action id to its steps, each an object with ``event`` and ``properties``; an event that
        matches one step matches the action.
    baseline_key
        The variant the others are compared with.
    stats_config
        Method and levels as the API writes them.
    breakdowns_from
        ``first_exposure`` or ``metric_event``: what gives a unit its breakdown values.
    stats_defaults
        The project's own defaults where ``stats_config`` says nothing: ``cuped_enabled``,
        ``cuped_lookback_days``, ``sequential_testing_enabled``, ``sequential_tuning_parameter``.

    Examples
    --------
    >>> spec = ExperimentSpec(
    ...     "one-page-checkout",
    ...     ("control", "test"),
    ...     {"control": 50, "test": 50},
    ...     datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
    ... )
    >>> spec.kept_variants
    ('control', 'test')
    """

    flag_key: str
    variants: tuple[str, ...]
    split: Mapping[str, float]
    start: datetime | None
    end: datetime | None = None
    exposure_criteria: Mapping[str, Any] | None = None
    excluded_variants: tuple[str, ...] = ()
    test_account_filters: tuple[Mapping[str, Any], ...] = ()
    group_index: int | None = None
    timezone: str = "UTC"
    only_count_matured_users: bool = False
    actions: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    baseline_key: str = "control"
    stats_config: Mapping[str, Any] | None = None
    breakdowns_from: BreakdownsFrom = "first_exposure"
    stats_defaults: Mapping[str, Any] | None = None

    @property
    def kept_variants(self) -> tuple[str, ...]:
        """The variants that count, in the flag's order."""
        return tuple(key for key in self.variants if key not in self.excluded_variants)

    def with_timezone(self, timezone: str) -> ExperimentSpec:
        """Return the same specification with days of another time zone."""
        return replace(self, timezone=timezone)

    @classmethod
    def from_experiment(
        cls,
        experiment: Any,
        *,
        timezone: str = "UTC",
        test_account_filters: Sequence[Mapping[str, Any]] = (),
        actions: Mapping[int, Sequence[Mapping[str, Any]]] | None = None,
        breakdowns_from: BreakdownsFrom = "first_exposure",
        stats_defaults: Mapping[str, Any] | None = None,
    ) -> ExperimentSpec:
        """Read the specification off an experiment.

        Parameters
        ----------
        experiment
            The experiment as the API writes it (with its ``feature_flag``), or that object typed.
        timezone, test_account_filters, actions, breakdowns_from, stats_defaults
            The project's settings, which an experiment does not carry.

        Raises
        ------
        exp_jupyter.errors.InputError
            The experiment's flag has no variants.
        """
        body = as_mapping(experiment)
        flag = as_mapping(body.get("feature_flag") or {})
        filters = as_mapping(flag.get("filters") or {})
        variants = (filters.get("multivariate") or {}).get("variants") or (
            body.get("parameters") or {}
        ).get("feature_flag_variants")
        if not variants:
            raise InputError(
                f"The flag of experiment {body.get('name')!r} has no variants.",
                hint="Only a multivariate flag can be analysed.",
            )
        stats = body.get("stats_config") or {}
        return cls(
            flag_key=str(body.get("feature_flag_key") or flag.get("key")),
            variants=tuple(str(variant["key"]) for variant in variants),
            split={str(v["key"]): float(v.get("rollout_percentage") or 0) for v in variants},
            start=instant(body.get("start_date")),
            end=instant(body.get("end_date")),
            exposure_criteria=body.get("exposure_criteria") or None,
            excluded_variants=tuple(body.get("excluded_variants") or ()),
            test_account_filters=tuple(test_account_filters),
            group_index=filters.get("aggregation_group_type_index"),
            timezone=timezone,
            only_count_matured_users=bool(body.get("only_count_matured_users")),
            actions=dict(actions or {}),
            baseline_key=baseline_variant(stats, [str(variant["key"]) for variant in variants]),
            stats_config=stats,
            breakdowns_from=breakdowns_from,
            stats_defaults=stats_defaults,
        )


def as_mapping(thing: Any) -> dict[str, Any]:
    """Return an API object, typed or not, as the dictionary the API writes."""
    if hasattr(thing, "to_dict"):
        return cast("dict[str, Any]", thing.to_dict())
    if hasattr(thing, "model_dump"):
        return cast("dict[str, Any]", thing.model_dump(mode="json"))
    return dict(thing)


def planned_split(experiment: Any) -> dict[str, float]:
    """Return the rollout percentage of each variant that counts; empty when none is stated."""
    body = as_mapping(experiment)
    flag = as_mapping(body.get("feature_flag") or {})
    multivariate = as_mapping(as_mapping(flag.get("filters") or {}).get("multivariate") or {})
    variants = multivariate.get("variants") or (body.get("parameters") or {}).get(
        "feature_flag_variants"
    )
    excluded = set(body.get("excluded_variants") or ())
    return {
        str(variant["key"]): float(variant.get("rollout_percentage") or 0)
        for variant in variants or ()
        if variant["key"] not in excluded
    }


def instant(moment: datetime | str | None) -> datetime | None:
    """Return an aware datetime in UTC; a moment without a zone is UTC."""
    if moment is None:
        return None
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
