"""Links from experiments to saved metrics, and what each makes of the saved definition."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exp_jupyter.schema.metrics.metric import Breakdown
from exp_jupyter.schema.requests.fields import UNKNOWN_SAVED_METRIC
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services import activity
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.services.results import metrics
from exp_jupyter.server.store import Document, Work

ROLES = {"primary": "metrics", "secondary": "metrics_secondary"}
"""The roles of metrics, and the field that holds an experiment's own metrics of each."""

_ATTRIBUTION, _ATTRIBUTED_STEP = "breakdownAttributionType", "breakdownAttributionValue"


class _Overrides(BaseModel):
    """What a link may set beside the role; other keys of its metadata are free."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)

    breakdowns: list[Breakdown] | None = Field(default=None, max_length=3)
    breakdown_limit: int | None = None
    breakdownAttributionType: (  # noqa: N815 - the wire's name
        str | None
    ) = Field(default=None, pattern="^(first_touch|last_touch|all_events|step)$")
    breakdownAttributionValue: int | None = None  # noqa: N815 - the wire's name


def of(work: Work, experiment: Document) -> list[Document]:
    """Return the links from an experiment to its saved metrics, oldest first."""
    return list(work.saved_metric_links.find("experiment_id = ?", [experiment["id"]]))


def check(work: Work, given: list[Document] | None) -> None:
    """Refuse references to saved metrics that do not exist, or that set what no metric has."""
    numbers = {reference["id"] for reference in given or []}
    known = [number for number in numbers if work.saved_metrics.get(number)]
    if len(known) != len(given or []):
        raise invalid(UNKNOWN_SAVED_METRIC, attr="saved_metrics_ids")
    for reference in given or []:
        try:
            _Overrides.model_validate(reference.get("metadata") or {})
        except ValidationError as error:
            raise invalid(
                f"Invalid saved metric {reference['id']}: {metrics.listed_errors(error)}",
                attr="saved_metrics_ids",
            ) from error


def replace(work: Work, actor: Actor, experiment: Document, given: list[Document] | None) -> None:
    """Give an experiment these saved metrics in place of those it has; links that stay are kept."""
    now = work.stamp()
    wanted = {
        reference["id"]: reference.get("metadata") or {"type": "primary"}
        for reference in given or []
    }
    for link in of(work, experiment):
        metadata = wanted.pop(link["saved_metric_id"], None)
        if metadata is None:
            work.saved_metric_links.delete(link["id"])
            _note(work, actor, now, experiment, link["saved_metric_id"], link["metadata"], None)
        elif metadata != link["metadata"]:
            work.saved_metric_links.save({**link, "metadata": metadata})
            _note(work, actor, now, experiment, link["saved_metric_id"], link["metadata"], metadata)
    for number, metadata in wanted.items():
        work.saved_metric_links.add(
            {
                "experiment_id": experiment["id"],
                "saved_metric_id": number,
                "metadata": metadata,
                "created_at": now,
            }
        )
        _note(work, actor, now, experiment, number, None, metadata)


def _note(
    work: Work,
    actor: Actor,
    at: str,
    experiment: Document,
    number: int,
    before: Document | None,
    after: Document | None,
) -> None:
    saved = work.saved_metrics.get(number) or {"name": ""}
    activity.note(
        work,
        actor,
        experiment["id"],
        saved["name"],
        activity.CREATED if before is None else activity.UPDATED if after else activity.DELETED,
        at,
        activity.changes_between({"metadata": before}, {"metadata": after}),
        kind=activity.SAVED_METRIC_LINK,
    )


def role(link: Document) -> str:
    """Return ``secondary`` where a link says exactly that; everything else is ``primary``."""
    metadata = link["metadata"] if isinstance(link["metadata"], dict) else {}
    return "secondary" if metadata.get("type") == "secondary" else "primary"


def uuids(work: Work, experiment: Document) -> dict[str, list[str]]:
    """Return the uuids of an experiment's saved metrics by role."""
    found: dict[str, list[str]] = {name: [] for name in ROLES}
    for link in of(work, experiment):
        saved = work.saved_metrics.get(link["saved_metric_id"])
        if saved:
            found[role(link)].append(saved["query"]["uuid"])
    return found


def effective_query(query: Document, metadata: Document | None) -> Document:
    """Return a saved metric as an experiment computes it.

    Breakdowns are the link's own, whatever the saved definition has; their limit and, of a funnel,
    their attribution come from the link where it has breakdowns and sets them.

    Examples
    --------
    >>> saved = {"metric_type": "mean", "breakdownFilter": {"breakdowns": [{"property": "plan"}]}}
    >>> effective_query(saved, {"type": "primary"})["breakdownFilter"]
    {'breakdowns': []}
    """
    metadata = metadata or {}
    breakdowns = metadata.get("breakdowns") or []
    filters = {**(query.get("breakdownFilter") or {}), "breakdowns": breakdowns}
    effective = {**query, "breakdownFilter": filters}
    if not breakdowns:
        return effective
    if metadata.get("breakdown_limit") is not None:
        filters["breakdown_limit"] = metadata["breakdown_limit"]
    if query.get("metric_type") == "funnel" and metadata.get(_ATTRIBUTION) is not None:
        effective[_ATTRIBUTION] = metadata[_ATTRIBUTION]
        effective.pop(_ATTRIBUTED_STEP, None)
        if metadata.get(_ATTRIBUTED_STEP) is not None:
            effective[_ATTRIBUTED_STEP] = metadata[_ATTRIBUTED_STEP]
    return effective


def is_current(query: Any) -> bool:
    """Tell whether a saved definition is one that can be computed: no legacy one, and typed."""
    return (
        isinstance(query, dict)
        and query.get("kind") == "ExperimentMetric"
        and query.get("metric_type") in metrics.TYPES
    )
