"""What the project's endpoints take: one class per request body.

The fields stand in the order in which the API reports the first error. Unknown keys are ignored,
as the API ignores them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from exp_jupyter.schema.metrics.prompt_metrics import TEMPLATE_KEYS
from exp_jupyter.schema.requests.fields import (
    Anything,
    Choice,
    Flag,
    Integer,
    Items,
    Level,
    Mapping,
    Moment,
    Number,
    Repository,
    SavedReference,
    Text,
    Uuid,
    refuse,
)

METRIC_TYPES = ("funnel", "mean_count", "mean_sum_or_avg", "ratio", "retention")
CONCLUSIONS = ("won", "lost", "inconclusive", "stopped_early", "invalid")
EXPERIMENT_TYPES = ("web", "product")
RUNTIMES = ("server", "client", "all")
RECALCULATION_TRIGGERS = (
    "manual",
    "agent_mcp",
    "cold_run",
    "stale_refresh",
    "auto_refresh",
    "config_change",
    "experiment_launch",
    "experiment_stop",
    "experiment_update",
)
TAG_ACTIONS = ("add", "remove", "set")

Json = dict[str, Any]
OptionalJson = Annotated[Json, Mapping()] | None
JsonList = Annotated[list[Any], Items()]
Ids = Annotated[list[Annotated[int, Integer()]], Items()]
Uuids = Annotated[list[Annotated[str, Text()]], Items()]
Roles = Annotated[list[Annotated[str, Uuid()]], Items()]
Levels = Annotated[list[Annotated[int, Level()]], Items()]
Tags = Annotated[list[Annotated[str, Text(longest=255)]], Items()]
ContextFilters = Annotated[list[Annotated[Json, Mapping()]], Items(most=10)]
Conclusion = Annotated[str, Choice(CONCLUSIONS)] | None
Comment = Annotated[str, Text(longest=4000, blank=True)] | None


class Request(BaseModel):
    """A request body."""

    # A validator is built when a request first needs it: importing them all costs a notebook time.
    model_config = ConfigDict(extra="ignore", defer_build=True)

    def given(self) -> Json:
        """Return the fields that the request names, checked; without those it left out."""
        return self.model_dump(exclude_unset=True, mode="python")


# ---------------------------------------------------------------- planning


class BaselineStats(Request):
    """Sums of the control group, to derive a baseline from."""

    number_of_samples: Annotated[int, Integer(least=0)]
    sum: Annotated[float, Number()]
    sum_squares: Annotated[float, Number()] = 0.0
    denominator_sum: Annotated[float, Number()] | None = None
    denominator_sum_squares: Annotated[float, Number()] | None = None
    numerator_denominator_sum_product: Annotated[float, Number()] | None = None
    step_counts: Annotated[list[Annotated[float, Number()]], Items()] = Field(default_factory=list)


class RunningTimeRequest(Request):
    """``calculate_running_time``."""

    metric_type: Annotated[str, Choice(METRIC_TYPES)]
    minimum_detectable_effect: Annotated[float, Number(least=0, positive=True)]
    number_of_variants: Annotated[int, Integer(least=2)] = 2
    exposure_rate_per_day: Annotated[float, Number(least=0)] | None = None
    baseline_value: Annotated[float, Number()] | None = None
    variance: Annotated[float, Number()] | None = None
    baseline_stats: BaselineStats | None = None

    @model_validator(mode="after")
    def _sized_from_something(self) -> Self:
        if self.baseline_value is None and self.baseline_stats is None:
            raise refuse("invalid", "Provide either baseline_value or baseline_stats.")
        if self.metric_type not in ("ratio", "retention"):
            return self
        if self.baseline_stats is None:
            if self.baseline_value is None or self.variance is None:
                raise refuse(
                    "invalid",
                    "Ratio and retention metrics require baseline_stats, "
                    "or both baseline_value and variance.",
                )
        elif not self.baseline_stats.denominator_sum:
            raise refuse(
                "invalid",
                "Required to size ratio and retention metrics.",
                "baseline_stats__denominator_sum",
            )
        return self


# ---------------------------------------------------------------- experiments


class PromptExperimentRequest(Request):
    """``create_from_prompt``."""

    prompt_name: Annotated[str, Text()]
    versions: Annotated[
        list[Annotated[int, Integer(least=1)]], Items(least=2, most=10, distinct="versions")
    ]
    templates: Annotated[
        list[Annotated[str, Choice(TEMPLATE_KEYS)]], Items(least=1, most=3, distinct="templates")
    ]
    name: Annotated[str, Text(longest=400, blank=True)] = ""
    feature_flag_key: Annotated[str, Text(longest=400, blank=True)] = ""
    description: Annotated[str, Text(longest=3000, blank=True)] = ""


class ExperimentUpdate(Request):
    """PATCH of an experiment; every field may be left out."""

    name: Annotated[str, Text(longest=400)] = ""
    description: Annotated[str, Text(longest=3000, blank=True)] | None = None
    start_date: Annotated[str, Moment()] | None = None
    end_date: Annotated[str, Moment()] | None = None
    feature_flag_key: Annotated[str, Text(longest=400)] = ""
    feature_flag: OptionalJson = None
    holdout_id: Annotated[int, Integer()] | None = None
    parameters: OptionalJson = None
    running_time_calculation: OptionalJson = None
    excluded_variants: Annotated[list[Annotated[str, Text()]], Items()] | None = None
    secondary_metrics: JsonList | None = None
    saved_metrics_ids: Annotated[list[Annotated[Json, SavedReference()]], Items()] | None = None
    filters: OptionalJson = None
    archived: Annotated[bool, Flag()] = False
    deleted: Annotated[bool, Flag()] | None = None
    type: Annotated[str, Choice(EXPERIMENT_TYPES)] | None = None
    exposure_criteria: OptionalJson = None
    metrics: Annotated[Any, Anything()] | None = None
    metrics_secondary: Annotated[Any, Anything()] | None = None
    stats_config: OptionalJson = None
    scheduling_config: OptionalJson = None
    allow_unknown_events: Annotated[bool, Flag()] = False
    conclusion: Conclusion = None
    conclusion_comment: Comment = None
    primary_metrics_ordered_uuids: Uuids | None = None
    secondary_metrics_ordered_uuids: Uuids | None = None
    only_count_matured_users: Annotated[bool, Flag()] = False
    update_feature_flag_params: Annotated[bool, Flag()] = False
    tags: Tags = Field(default_factory=list)
    repository: Annotated[str, Repository()] | None = None
    version: Annotated[int, Integer()] | None = None
    original_experiment: OptionalJson = None


class ExperimentCreate(ExperimentUpdate):
    """POST of an experiment."""

    name: Annotated[str, Text(longest=400)]
    feature_flag_key: Annotated[str, Text(longest=400)]


class EndRequest(Request):
    """``end``."""

    conclusion: Conclusion = None
    conclusion_comment: Comment = None
    open_cleanup_pr: Annotated[bool, Flag()] = False
    repository: Annotated[str, Repository()] | None = None
    set_repository_as_team_default: Annotated[bool, Flag()] = False


class BulkTagsRequest(Request):
    """``bulk_update_tags``."""

    ids: Annotated[list[Annotated[int, Integer()]], Items(least=1, most=500)]
    action: Annotated[str, Choice(TAG_ACTIONS)]
    tags: Annotated[list[Annotated[str, Text(longest=255)]], Items(most=100)]


class SetupContextRequest(Request):
    """``setup_context``; every field may be left out."""

    target_event: Annotated[str, Text()] | None = None
    target_url_contains: Annotated[str, Text()] | None = None
    target_properties: ContextFilters | None = None
    metric_event: Annotated[str, Text()] | None = None
    metric_properties: ContextFilters | None = None
    previous_experiments_limit: Annotated[int, Integer(least=1, most=25)] = 10
    shared_metrics_limit: Annotated[int, Integer(least=1, most=25)] = 10

    @model_validator(mode="after")
    def _belonging_together(self) -> Self:
        if self.target_url_contains is not None and self.target_event != "$pageview":
            raise refuse(
                "invalid",
                "target_url_contains requires target_event to be $pageview.",
                "target_url_contains",
            )
        if self.target_properties and not self.target_event:
            raise refuse("invalid", "target_properties requires target_event.", "target_properties")
        if self.metric_event is not None and self.metric_event == self.target_event:
            raise refuse("invalid", "metric_event must differ from target_event.", "metric_event")
        if self.metric_properties and not self.metric_event:
            raise refuse("invalid", "metric_properties requires metric_event.", "metric_properties")
        for name in ("target_properties", "metric_properties"):
            for item in getattr(self, name) or ():
                if item.get("type", "event") not in ("event", "person"):
                    raise refuse("invalid", "Only event and person properties are supported.", name)
        return self


class ArchiveRequest(Request):
    """``archive``."""

    disable_feature_flag: Annotated[bool, Flag()] = False


class ShipRequest(EndRequest):
    """``ship_variant``."""

    variant_key: Annotated[str, Text()]
    release_to_everyone: Annotated[bool, Flag()] = False


class DuplicateRequest(Request):
    """``duplicate``."""

    feature_flag_key: Annotated[str, Text(longest=400)] | None = None
    name: Annotated[str, Text(longest=400)] | None = None


class CopyRequest(DuplicateRequest):
    """``copy_to_project``."""

    target_team_id: Annotated[int, Integer()]


class RecalculateSeriesRequest(Request):
    """``recalculate_timeseries``; what is missing is refused in the endpoint's own words."""

    metric: OptionalJson = None
    fingerprint: Annotated[str, Text(blank=True)] | None = None


class RecalculateMetricsRequest(Request):
    """``metrics_recalculation``."""

    trigger: Annotated[str, Choice(RECALCULATION_TRIGGERS)] = "manual"


# ---------------------------------------------------------------- flags, prompts and the rest

_KEY = re.compile(r"[a-zA-Z0-9_-]+")
KEY_RULE = "Only letters, numbers, hyphens (-) & underscores (_) are allowed."


def is_flag_key(key: str) -> bool:
    """Tell whether ``key`` may name a flag."""
    return _KEY.fullmatch(key) is not None


class FlagUpdate(Request):
    """PATCH of a feature flag."""

    key: Annotated[str, Text(longest=400)] = ""
    name: Annotated[str, Text(blank=True)] = ""
    filters: Annotated[Json, Mapping()] = Field(default_factory=dict)
    deleted: Annotated[bool, Flag()] = False
    active: Annotated[bool, Flag()] = True
    archived: Annotated[bool, Flag()] = False
    ensure_experience_continuity: Annotated[bool, Flag()] | None = None
    rollback_conditions: Annotated[Any, Anything()] | None = None
    tags: Annotated[list[Annotated[str, Text()]], Items()] = Field(default_factory=list)
    evaluation_contexts: Annotated[list[Annotated[str, Text()]], Items()] = Field(
        default_factory=list
    )
    creation_context: Annotated[str, Text()] = "feature_flags"
    is_remote_configuration: Annotated[bool, Flag()] | None = None
    has_encrypted_payloads: Annotated[bool, Flag()] | None = None
    evaluation_runtime: Annotated[str, Choice((*RUNTIMES, ""))] | None = None
    bucketing_identifier: Annotated[str, Choice(("distinct_id", "device_id", ""))] | None = None
    version: Annotated[int, Integer()] | None = None

    @model_validator(mode="after")
    def _legal_key(self) -> Self:
        if "key" in self.model_fields_set and not is_flag_key(self.key):
            raise refuse("invalid_key", KEY_RULE, "key")
        return self


class FlagCreate(FlagUpdate):
    """POST of a feature flag."""

    key: Annotated[str, Text(longest=400)]


class PromptCreate(Request):
    """POST of a prompt."""

    name: Annotated[str, Text(longest=255)]
    prompt: Annotated[Any, Anything()]


class PromptUpdate(Request):
    """PATCH of a prompt: publishes its next version."""

    prompt: Annotated[Any, Anything()]
    base_version: Annotated[int, Integer(least=1)]


class ActionUpdate(Request):
    """PATCH of an action."""

    name: Annotated[str, Text(longest=400, blank=True)] | None = None
    description: Annotated[str, Text(blank=True)] = ""
    steps: Annotated[list[Annotated[Json, Mapping()]], Items()] = Field(default_factory=list)
    tags: Annotated[list[Annotated[str, Text()]], Items()] = Field(default_factory=list)
    deleted: Annotated[bool, Flag()] = False


class SavedMetricUpdate(Request):
    """PATCH of a saved metric."""

    name: Annotated[str, Text(longest=400)] = ""
    description: Annotated[str, Text(longest=400, blank=True)] | None = None
    query: Annotated[Json, Mapping()] = Field(default_factory=dict)
    tags: Annotated[list[Annotated[str, Text()]], Items()] = Field(default_factory=list)


class SavedMetricCreate(SavedMetricUpdate):
    """POST of a saved metric."""

    name: Annotated[str, Text(longest=400)]
    query: Annotated[Json, Mapping()]


class HoldoutUpdate(Request):
    """PATCH of a holdout."""

    name: Annotated[str, Text(longest=400)] = ""
    description: Annotated[str, Text(longest=400, blank=True)] | None = None
    filters: JsonList = Field(default_factory=list)


class HoldoutCreate(HoldoutUpdate):
    """POST of a holdout."""

    name: Annotated[str, Text(longest=400)]


# ---------------------------------------------------------------- approvals


class ApproverConfig(Request):
    """Who approves, and how many it takes."""

    quorum: Annotated[int, Integer()]
    users: Ids = Field(default_factory=list)
    roles: Uuids = Field(default_factory=list)

    @model_validator(mode="after")
    def _quorum_of_one(self) -> Self:
        if self.quorum < 1:
            raise refuse("invalid", "Quorum must be at least 1")
        return self


class PolicyUpdate(Request):
    """PATCH of an approval policy."""

    action_key: Annotated[str, Text(longest=128)] = ""
    conditions: Annotated[Json, Mapping()] = Field(default_factory=dict)
    approver_config: ApproverConfig = Field(default_factory=lambda: ApproverConfig(quorum=1))
    allow_self_approve: Annotated[bool, Flag()] = False
    bypass_org_membership_levels: Levels = Field(default_factory=list)
    bypass_roles: Roles = Field(default_factory=list)
    expires_after: Annotated[str, Text()] = "14 00:00:00"
    enabled: Annotated[bool, Flag()] = True


class PolicyCreate(PolicyUpdate):
    """POST of an approval policy."""

    action_key: Annotated[str, Text(longest=128)]
    approver_config: ApproverConfig


class VoteRequest(Request):
    """``approve``, ``reject`` and ``cancel`` of a change request."""

    reason: Annotated[str, Text(blank=True)] = ""


# ---------------------------------------------------------------- queries


class QueryRequest(Request):
    """POST to ``query``."""

    query: Annotated[Json, Mapping()]
    refresh: Annotated[Any, Anything()] | None = None
    aside: Annotated[bool, Flag()] | None = Field(default=None, alias="async")
    client_query_id: Annotated[str, Text(longest=200)] | None = None
