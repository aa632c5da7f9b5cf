"""Metric definitions as the API writes them, checked and typed.

Unknown fields are kept, as everywhere in the API's objects. The field names are the API's own,
camel case included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from exp_jupyter.errors import InputError

TimeUnit = Literal["second", "minute", "hour", "day", "week", "month"]
Math = Literal[
    "total", "sum", "unique_session", "min", "max", "avg", "dau", "unique_group", "hogql"
]

METRIC_TYPES = ("mean", "funnel", "ratio", "retention")

LEGACY_KINDS = ("ExperimentTrendsQuery", "ExperimentFunnelsQuery")
"""Kinds of metrics from before the present ones; they are shown, and computed nowhere."""

SECONDS: dict[str, int] = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2592000,
}
"""Seconds of a window's unit; a month is 30 days."""


class _Definition(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)


class PropertyFilter(_Definition):
    """A condition on an event, or on its person.

    ``type`` is ``event``, ``person``, ``cohort``, ``session``, ``group``, ``feature`` or
    ``hogql``; for ``hogql`` the ``key`` is the whole expression, for ``cohort`` the ``value`` is
    the cohort's id.
    """

    key: str
    type: str = "event"
    operator: str | None = None
    value: Any = None


class _Source(_Definition):
    math: Math | None = None
    math_property: str | None = None
    math_property_type: str | None = None
    math_hogql: str | None = None
    math_group_type_index: int | None = Field(default=None, ge=0, le=4)
    properties: tuple[PropertyFilter, ...] | None = None

    @property
    def filters(self) -> tuple[PropertyFilter, ...]:
        """The node's conditions, all of which must hold."""
        return self.properties or ()


class EventsNode(_Source):
    """Events of one name; every event when ``event`` is None or blank."""

    kind: Literal["EventsNode"] = "EventsNode"
    event: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_id(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "id" in data:
            raise ValueError("'id' is forbidden on an EventsNode; name the event in 'event'")
        return data


class ActionsNode(_Source):
    """Events that match an action, named by its id."""

    kind: Literal["ActionsNode"]
    id: int


class DataWarehouseNode(_Source):
    """Rows of a warehouse table, joined to the exposed units by a key.

    ``events_join_key`` is a field of an event, for example ``properties.customer``; its value on
    a unit's first exposure is the unit's key. ``math_property`` is an expression over the table.
    """

    kind: Literal["ExperimentDataWarehouseNode"]
    table_name: str = Field(min_length=1)
    timestamp_field: str = Field(min_length=1)
    events_join_key: str = Field(min_length=1)
    data_warehouse_join_key: str = Field(min_length=1)
    fixedProperties: tuple[PropertyFilter, ...] | None = None  # noqa: N815 - the wire's name

    @property
    def filters(self) -> tuple[PropertyFilter, ...]:
        """The node's conditions, all of which must hold."""
        return (*(self.properties or ()), *(self.fixedProperties or ()))


class ExposureNode(_Definition):
    """The exposure itself, as the start of a retention metric."""

    kind: Literal["ExperimentExposureNode"]


Source = Annotated[EventsNode | ActionsNode | DataWarehouseNode, Field(discriminator="kind")]
StartSource = Annotated[
    EventsNode | ActionsNode | DataWarehouseNode | ExposureNode, Field(discriminator="kind")
]


class Outliers(_Definition):
    """Winsorization bounds as fractions of the pooled distribution."""

    lower_bound_percentile: float | None = Field(default=None, ge=0, le=1)
    upper_bound_percentile: float | None = Field(default=None, ge=0, le=1)
    ignore_zeros: bool | None = None

    @property
    def active(self) -> bool:
        """Whether there is a bound at all."""
        return self.lower_bound_percentile is not None or self.upper_bound_percentile is not None


NULL_LABEL = "$$_posthog_breakdown_null_$$"
"""The breakdown value of units or events without the property, on the wire."""

OTHER_LABEL = "$$_posthog_breakdown_other_$$"
"""The breakdown value that stands for all beyond the limit, on the wire."""

_BREAKDOWN_LIMIT = 25
_MOST_BREAKDOWNS = 3


class Breakdown(_Definition):
    """A property of an event, or of its person; without a type, or with null, of the event."""

    property: str
    type: str | None = None

    @field_validator("property", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class BreakdownFilter(_Definition):
    """Up to three properties to break the result down by.

    ``breakdown_limit`` is how many combinations of values are told apart where they come from a
    metric's events; null and 0 mean 25.
    """

    breakdowns: tuple[Breakdown, ...] | None = None
    breakdown_limit: int | None = Field(default=None, ge=0)

    @property
    def limit(self) -> int:
        """How many combinations of values keep their own."""
        return self.breakdown_limit or _BREAKDOWN_LIMIT

    @field_validator("breakdowns")
    @classmethod
    def _few(cls, breakdowns: tuple[Breakdown, ...] | None) -> tuple[Breakdown, ...] | None:
        if len(breakdowns or ()) > _MOST_BREAKDOWNS:
            raise ValueError(
                f"Maximum of {_MOST_BREAKDOWNS} breakdowns are supported for experiment metrics"
            )
        return breakdowns


class _Metric(_Definition):
    kind: Literal["ExperimentMetric"]
    uuid: str | None = None
    fingerprint: str | None = None
    name: str | None = None
    goal: Literal["increase", "decrease"] | None = None
    conversion_window: int | None = Field(default=None, ge=0)
    conversion_window_unit: TimeUnit | None = None
    breakdownFilter: BreakdownFilter | None = None  # noqa: N815 - the wire's name

    @property
    def window_seconds(self) -> int:
        """The conversion window in seconds; 0 without one."""
        if not self.conversion_window or self.conversion_window_unit is None:
            return 0
        return self.conversion_window * SECONDS[self.conversion_window_unit]

    @property
    def breakdowns(self) -> tuple[Breakdown, ...]:
        """The properties to break down by, possibly none."""
        return (self.breakdownFilter.breakdowns or ()) if self.breakdownFilter else ()


class MeanMetric(_Metric, Outliers):
    """A value per unit: a count, a sum, an average, a number of distinct things.

    ``value_breakdown_property`` names a property of the metric's events that splits the *value*:
    a unit's purchases of one plan, of another.
    """

    metric_type: Literal["mean"]
    source: Source
    threshold: float | None = None
    value_breakdown_property: str | None = None

    @model_validator(mode="after")
    def _threshold_rules(self) -> MeanMetric:
        if self.threshold is None:
            return self
        if self.source.math not in (None, "total", "sum"):
            raise ValueError("threshold is only supported for count and sum metrics")
        if self.threshold <= 0:
            raise ValueError("threshold must be greater than 0")
        if self.active:
            raise ValueError("threshold cannot be combined with outlier handling")
        return self


_MOST_TABLE_STEPS, _MOST_STEP_TABLES = 3, 2


class FunnelMetric(_Metric):
    """The share of exposed units that walked through every step."""

    metric_type: Literal["funnel"]
    series: tuple[Source, ...] = Field(min_length=1)
    funnel_order_type: Literal["ordered", "unordered", "strict"] | None = None
    breakdownAttributionType: (  # noqa: N815 - the wire's name
        Literal["first_touch", "last_touch", "step", "all_events"] | None
    ) = None
    breakdownAttributionValue: int | None = None  # noqa: N815 - the wire's name

    @property
    def table_steps(self) -> tuple[DataWarehouseNode, ...]:
        """The steps that read warehouse tables."""
        return tuple(step for step in self.series if isinstance(step, DataWarehouseNode))

    @model_validator(mode="after")
    def _table_rules(self) -> FunnelMetric:
        steps = self.table_steps
        if len(steps) > _MOST_TABLE_STEPS:
            raise ValueError(
                f"a funnel takes at most {_MOST_TABLE_STEPS} data warehouse steps, not {len(steps)}"
            )
        tables = sorted({step.table_name for step in steps})
        if len(tables) > _MOST_STEP_TABLES:
            raise ValueError(
                f"the data warehouse steps of a funnel take at most {_MOST_STEP_TABLES} tables, "
                f"not {', '.join(tables)}"
            )
        keys = sorted({step.events_join_key for step in steps})
        if len(keys) > 1:
            raise ValueError(
                "the data warehouse steps of a funnel take the same events_join_key, "
                f"not {', '.join(keys)}"
            )
        return self


class RatioMetric(_Metric):
    """A sum over units divided by another sum over the same units."""

    metric_type: Literal["ratio"]
    numerator: Source
    denominator: Source
    numerator_outlier_handling: Outliers | None = None
    denominator_outlier_handling: Outliers | None = None


class RetentionMetric(_Metric):
    """The share of units that came back in a window after they started."""

    metric_type: Literal["retention"]
    start_event: StartSource
    completion_event: Source
    retention_window_start: int = Field(ge=0)
    retention_window_end: int = Field(ge=0)
    retention_window_unit: TimeUnit
    start_handling: Literal["first_seen", "last_seen"] = "first_seen"


Metric = MeanMetric | FunnelMetric | RatioMetric | RetentionMetric

METRIC: TypeAdapter[Metric] = TypeAdapter(
    Annotated[Metric, Field(discriminator="metric_type")], config=ConfigDict(defer_build=True)
)
"""Validates one metric; its ``ValidationError`` lists every field at fault."""


def parse_metric(definition: Mapping[str, Any] | Metric) -> Metric:
    """Read a metric definition.

    Parameters
    ----------
    definition
        The metric as the API writes it.

    Returns
    -------
    MeanMetric, FunnelMetric, RatioMetric or RetentionMetric

    Raises
    ------
    exp_jupyter.errors.InputError
        The definition is not a metric. The message names the metric and the first field at
        fault; the ``ValidationError`` with all of them is its cause.

    Examples
    --------
    >>> metric = parse_metric(
    ...     {
    ...         "kind": "ExperimentMetric",
    ...         "metric_type": "mean",
    ...         "source": {"kind": "EventsNode", "event": "$pageview"},
    ...         "conversion_window": 2,
    ...         "conversion_window_unit": "week",
    ...     }
    ... )
    >>> metric.metric_type, metric.window_seconds
    ('mean', 1209600)
    """
    if isinstance(definition, _Metric):
        return definition
    if isinstance(definition, Mapping):
        _check_kind(definition)
    else:
        raise InputError(
            f"A metric must be an object, not {type(definition).__name__}.",
            hint="Give the metric as the API writes it, with kind, metric_type and its source.",
        )
    try:
        return METRIC.validate_python(dict(definition))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "definition"
        name = definition.get("name") or definition.get("uuid") or "without a name"
        raise InputError(
            f"Metric {name!r} is not usable: {where}: {first['msg']}.",
            hint="A metric needs kind 'ExperimentMetric', a metric_type of mean, funnel, ratio or "
            "retention, and the source fields of that type.",
        ) from error


def _check_kind(definition: Mapping[str, Any]) -> None:
    """Refuse what is no metric of the present kind, in a sentence of its own."""
    name = definition.get("name") or definition.get("uuid") or "without a name"
    kind, metric_type = definition.get("kind"), definition.get("metric_type")
    if isinstance(kind, str) and kind in LEGACY_KINDS:
        raise InputError(
            f"Metric {name!r} is a legacy metric ({kind}), which cannot be computed here.",
            hint="Read its results in the project, or make an experiment with metrics of kind "
            "'ExperimentMetric'.",
        )
    if not isinstance(metric_type, str) or metric_type not in METRIC_TYPES:
        said = "has no metric_type" if metric_type is None else f"has metric_type {metric_type!r}"
        raise InputError(
            f"Metric {name!r} {said}.",
            hint=f"The metric_type is one of {', '.join(METRIC_TYPES)}.",
        )
