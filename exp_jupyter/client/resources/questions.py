"""Questions that name no experiment: flags, templates, running time, and how many run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.calls import call

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi
    from exp_jupyter.schema.experiments.overview import ExperimentStats, FlagImplementation
    from exp_jupyter.schema.experiments.planning import RunningTime
    from exp_jupyter.schema.flags.feature_flag import EligibleFlags
    from exp_jupyter.schema.metrics.prompt import PromptTemplates


class ExperimentQuestions:
    """What can be asked without naming an experiment."""

    def __init__(self, api: ProjectApi) -> None:
        self._api = api

    def stats(self) -> ExperimentStats:
        """Return how many experiments were launched, run and were completed lately."""
        from exp_jupyter.schema.experiments.overview import ExperimentStats

        path = self._api.path("experiments", "stats")
        return self._api.read(ExperimentStats, path).coded(call("experiments.stats"))

    def eligible_flags(
        self,
        search: str | None = None,
        active: bool | None = None,
        order: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        created_by: int | Sequence[int] | None = None,
        evaluation_runtime: str | None = None,
        has_evaluation_contexts: bool | None = None,
    ) -> EligibleFlags:
        """Return flags an experiment can be built on.

        Parameters
        ----------
        search
            Part of the key or the name.
        active
            Only active, or only inactive flags.
        order
            ``created_at``, ``key`` or ``name``, with ``-`` for descending.
        limit, offset
            Which page; the project gives 20 by default and at most 100.
        created_by
            Ids of the people who made them.
        evaluation_runtime
            ``server``, ``client`` or ``all``.
        has_evaluation_contexts
            Only with, or only without evaluation contexts.
        """
        from exp_jupyter.schema.flags.feature_flag import EligibleFlags

        creators: str | None = None
        if created_by is not None:
            ids = [created_by] if isinstance(created_by, int) else created_by
            creators = ",".join(str(one) for one in ids)
        shared = {"search": search, "active": active, "order": order, "limit": limit}
        shared |= {"offset": offset, "evaluation_runtime": evaluation_runtime}
        shared |= {"has_evaluation_contexts": has_evaluation_contexts}
        path = self._api.path("experiments", "eligible_feature_flags")
        found = self._api.read(EligibleFlags, path, {**shared, "created_by_id": creators})
        return found.coded(call("experiments.eligible_flags", **shared, created_by=created_by))

    def prompt_templates(self) -> PromptTemplates:
        """Return the metric templates that a prompt experiment can use."""
        from exp_jupyter.client.lookup.prompts import prompt_templates

        return prompt_templates(self._api).coded(call("experiments.prompt_templates"))

    def requires_flag_implementation(
        self,
        events: Sequence[str] | None = None,
        actions: Sequence[int] | None = None,
        limit: int | None = None,
    ) -> FlagImplementation:
        """Return whether recent events look as if the flag had not been built in yet.

        Parameters
        ----------
        events, actions
            Event names and action ids that the metrics count.
        limit
            How many recent events of each kind are looked at; 20 by default.
        """
        from exp_jupyter.schema.experiments.overview import FlagImplementation

        params: dict[str, str | int | None] = {"limit": limit}
        if events:
            params["events"] = json.dumps([{"id": one, "type": "events"} for one in events])
        if actions:
            params["actions"] = json.dumps([{"id": one, "type": "actions"} for one in actions])
        path = self._api.path("experiments", "requires_flag_implementation")
        shown = call(
            "experiments.requires_flag_implementation", events=events, actions=actions, limit=limit
        )
        return self._api.read(FlagImplementation, path, params).coded(shown)

    def calculate_running_time(
        self,
        metric_type: str,
        minimum_detectable_effect: float,
        *,
        number_of_variants: int | None = None,
        exposure_rate_per_day: float | None = None,
        baseline_value: float | None = None,
        variance: float | None = None,
        baseline_stats: dict[str, Any] | None = None,
    ) -> RunningTime:
        """Ask the project itself how many units and days are needed.

        Parameters
        ----------
        metric_type
            ``funnel``, ``mean_count``, ``mean_sum_or_avg``, ``ratio`` or ``retention``.
        minimum_detectable_effect
            In percent of the baseline.
        number_of_variants
            Control included; 2 by default.
        exposure_rate_per_day
            New units per day.
        baseline_value, variance
            Control's value and its variance per unit.
        baseline_stats
            Control's sums instead.
        """
        from exp_jupyter.schema.experiments.planning import RunningTime

        optional = {
            "number_of_variants": number_of_variants,
            "exposure_rate_per_day": exposure_rate_per_day,
            "baseline_value": baseline_value,
            "variance": variance,
            "baseline_stats": baseline_stats,
        }
        body: dict[str, Any] = {
            "metric_type": metric_type,
            "minimum_detectable_effect": minimum_detectable_effect,
        } | {name: value for name, value in optional.items() if value is not None}
        path = self._api.path("experiments", "calculate_running_time")
        shown = call(
            "experiments.calculate_running_time", metric_type, minimum_detectable_effect, **optional
        )
        return self._api.read(RunningTime, path, body=body).coded(shown)
