"""The project's own check that nobody else changed an experiment between reading and writing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exp_jupyter.client.writes.diff import cell, label
from exp_jupyter.errors import ChangedMeanwhileError
from exp_jupyter.schema.experiments.experiment import Experiment

_COMPARED = (
    *("name", "description", "start_date", "end_date", "metrics", "metrics_secondary"),
    *("exposure_criteria", "stats_config", "running_time_calculation", "holdout_id"),
    *("conclusion", "conclusion_comment", "parameters", "excluded_variants"),
    "only_count_matured_users",
)
"""What the project compares, by the API's names."""

_MOST_NAMED = 5


def versioned(one: Experiment, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a change says about the state it was planned on.

    With its version and the values it was planned on, a project refuses a change of what somebody
    else has changed meanwhile, and keeps other people's changes of everything else. A project
    without versions is sent none of it.
    """
    version = getattr(one, "version", None)
    if not isinstance(version, int):
        return {}
    told = one.to_dict()
    base = {name: told[name] for name in _COMPARED if name in fields and name in told}
    if "saved_metrics_ids" in fields:
        base["saved_metrics_ids"] = [
            {"id": link.saved_metric, "metadata": link.metadata} for link in one.saved_metrics
        ]
    return {"version": version, "original_experiment": base}


def changed_meanwhile(
    refusal: ChangedMeanwhileError, before: Experiment, now: Experiment
) -> ChangedMeanwhileError:
    """Return the refusal of a change with what somebody else has changed meanwhile."""
    was, has = before.to_dict(), now.to_dict()
    told = [
        f"{label(name)} was {_shown(was.get(name))} and is now {_shown(has.get(name))}"
        for name in _COMPARED
        if was.get(name) != has.get(name)
    ]
    listed = "; ".join(told[:_MOST_NAMED])
    error = ChangedMeanwhileError(
        f'"{now.name}" was changed meanwhile, so nothing was written'
        f"{f': {listed}' if listed else ''}.",
        hint="Make the write again, and look at its plan.",
        status=refusal.status,
        kind=refusal.kind,
        code=refusal.code,
        attr=refusal.attr,
        detail=refusal.detail,
        body=refusal.body,
    )
    error.current_version, error.fields = refusal.current_version, refusal.fields
    return error


def _shown(value: Any) -> str:
    text = cell(value)
    return "nothing" if text is None else f'"{text}"' if isinstance(value, str) else text
