"""Experiments, with their shared metrics and holdouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field, model_validator

from exp_jupyter.schema.base import ApiObject, Moment, Number
from exp_jupyter.schema.experiments.baseline import baseline_variant
from exp_jupyter.schema.experiments.health import ExperimentHealth
from exp_jupyter.schema.flags.flag import MinimalFeatureFlag
from exp_jupyter.schema.listing import Page
from exp_jupyter.schema.people import UserBasic


class Holdout(ApiObject):
    """Units kept out of every experiment that uses the holdout."""

    id: int
    name: str = ""
    description: str | None = None
    filters: list[dict[str, Any]] = Field(default_factory=list)
    created_by: UserBasic | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    user_access_level: str | None = None


class SavedMetric(ApiObject):
    """A metric that several experiments share."""

    id: int
    name: str = ""
    description: str | None = None
    query: dict[str, Any] = Field(default_factory=dict)
    created_by: UserBasic | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    tags: list[str] = Field(default_factory=list)
    user_access_level: str | None = None


class SavedMetricLink(ApiObject):
    """A shared metric's place in one experiment."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "name", "saved_metric")

    id: int
    experiment: int | None = None
    saved_metric: int | None = None
    metadata: dict[str, Any] | None = None
    created_at: Moment | None = None
    query: dict[str, Any] = Field(default_factory=dict)
    name: str | None = None
    effective_query: dict[str, Any] | None = None
    """The metric as this experiment computes it: the saved one with the link's own breakdowns."""


@dataclass(frozen=True)
class MetricEntry:
    """One metric of an experiment, ready to be asked for.

    Attributes
    ----------
    role
        ``primary`` or ``secondary``.
    name
        The metric's name; made from its kind and event when it has none.
    uuid, fingerprint
        What the series endpoint asks for; None when the project sent none.
    kind
        ``mean``, ``funnel``, ``ratio`` or ``retention``; empty for a legacy metric.
    goal
        ``increase`` or ``decrease``; the API's default is an increase.
    shared
        Whether it is a shared metric.
    definition
        The whole metric as the API holds it.
    """

    role: str
    name: str
    uuid: str | None
    fingerprint: str | None
    kind: str
    goal: str
    shared: bool
    definition: dict[str, Any]


class Experiment(ApiObject):
    """An experiment. A list holds the basic fields only; ``get`` brings all of them."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "name", "status")

    id: int
    name: str
    description: str | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None
    feature_flag_key: str = ""
    feature_flag: MinimalFeatureFlag | None = None
    holdout: Holdout | None = None
    holdout_id: int | None = None
    exposure_cohort: int | None = None
    parameters: dict[str, Any] | None = None
    running_time_calculation: dict[str, Any] | None = None
    excluded_variants: list[str] | None = None
    secondary_metrics: list[Any] | None = None
    saved_metrics: list[SavedMetricLink] = Field(default_factory=list)
    saved_metrics_ids: list[Any] | None = None
    filters: dict[str, Any] | None = None
    archived: bool = False
    deleted: bool | None = None
    created_by: UserBasic | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    type: str | None = None
    exposure_criteria: dict[str, Any] | None = None
    metrics: list[dict[str, Any]] | None = None
    metrics_secondary: list[dict[str, Any]] | None = None
    stats_config: dict[str, Any] | None = None
    scheduling_config: Any = None
    conclusion: str | None = None
    conclusion_comment: str | None = None
    primary_metrics_ordered_uuids: list[str] | None = None
    secondary_metrics_ordered_uuids: list[str] | None = None
    only_count_matured_users: bool = False
    status: str = "draft"
    is_legacy: bool = False
    user_access_level: str | None = None
    version: int | None = None
    """How often the experiment was changed; None where the project does not count."""
    tags: list[str] = Field(default_factory=list)
    repository: str | None = None
    can_freeze_exposure: bool | None = None
    resolved_exposure_event: str | None = None
    health: ExperimentHealth | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_status(cls, data: Any) -> Any:
        """Read the status off the dates where the project sends null, as for old experiments."""
        if not isinstance(data, dict) or data.get("status", "") is not None:
            return data
        started, ended = data.get("start_date"), data.get("end_date")
        return {**data, "status": ("stopped" if ended else "running") if started else "draft"}

    @property
    def variants(self) -> tuple[str, ...]:
        """The variant keys in the flag's order, the baseline as the flag has it."""
        return (
            tuple(variant.key for variant in self.feature_flag.variants)
            if self.feature_flag
            else ()
        )

    @property
    def split(self) -> dict[str, float]:
        """Each variant's share in percent."""
        return self.feature_flag.split if self.feature_flag else {}

    @property
    def baseline_key(self) -> str:
        """The variant the others are compared with: the one named, ``control``, or the first."""
        return baseline_variant(self.stats_config, self.variants)

    @property
    def stats_method(self) -> str:
        """``bayesian`` or ``frequentist``, as configured in the project."""
        return str((self.stats_config or {}).get("method") or "bayesian")

    @property
    def prompt_metadata(self) -> dict[str, Any] | None:
        """For a prompt experiment: prompt name, versions and templates."""
        found = (self.parameters or {}).get("prompt_metadata")
        return found if isinstance(found, dict) else None

    @property
    def minimum_detectable_effect(self) -> Number | None:
        """The planned minimum detectable effect in percent, if one was saved."""
        found = (self.running_time_calculation or {}).get("minimum_detectable_effect")
        return found if isinstance(found, (int, float)) else None

    @property
    def metric_entries(self) -> tuple[MetricEntry, ...]:
        """Every metric, primary before secondary, in the order the project shows them."""
        primary = [_entry("primary", metric) for metric in self.metrics or []]
        secondary = [_entry("secondary", metric) for metric in self.metrics_secondary or []]
        for link in self.saved_metrics:
            role = str((link.metadata or {}).get("type") or "primary")
            entry = _entry(role, link.query, name=link.name, shared=True)
            (secondary if role == "secondary" else primary).append(entry)
        return (
            *_ordered(primary, self.primary_metrics_ordered_uuids),
            *_ordered(secondary, self.secondary_metrics_ordered_uuids),
        )


class ExperimentList(Page[Experiment]):
    """Experiments with their basic fields."""

    note: str = ""
    """What to know about the list as a whole; the client's own word, not the project's."""


def _ordered(entries: list[MetricEntry], uuids: list[str] | None) -> list[MetricEntry]:
    place = {uuid: index for index, uuid in enumerate(uuids or [])}
    return sorted(entries, key=lambda entry: place.get(entry.uuid or "", len(place)))


def _entry(
    role: str, metric: dict[str, Any], *, name: str | None = None, shared: bool = False
) -> MetricEntry:
    return MetricEntry(
        role=role,
        name=str(metric.get("name") or name or _described(metric)),
        uuid=metric.get("uuid"),
        fingerprint=metric.get("fingerprint"),
        kind=str(metric.get("metric_type") or ""),
        goal=str(metric.get("goal") or "increase"),
        shared=shared or bool(metric.get("isSharedMetric")),
        definition=metric,
    )


def _described(metric: dict[str, Any]) -> str:
    kind = str(metric.get("metric_type") or metric.get("kind") or "metric")
    node = metric.get("source") or metric.get("numerator") or metric.get("completion_event")
    series = metric.get("series")
    if node is None and isinstance(series, list) and series:
        node = series[-1]
    event = node.get("event") or node.get("name") if isinstance(node, dict) else None
    return f"{kind} of {event}" if event else kind
