"""Exposure queries: what they ask about, of which only a part is the stored experiment's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from exp_jupyter.server.refusals import invalid, mismatch
from exp_jupyter.server.services import actions
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.store import Document, Work

if TYPE_CHECKING:
    from exp_jupyter.analysis.definition.experiment import ExperimentSpec

GROUP_TYPES = range(5)


@dataclass(frozen=True)
class ExposureQuery:
    """An ExperimentExposureQuery, checked.

    Attributes
    ----------
    start, end
        The window; nothing is exposed without a start.
    shares
        Rollout percentage per variant, in the flag's order.
    group_index
        The group type that is the unit, or None for persons.
    criteria
        The exposure criteria; None takes the defaults.
    """

    start: datetime | None
    end: datetime | None
    shares: dict[str, float]
    group_index: int | None
    criteria: Document | None

    def spec(self, work: Work, experiment: Document) -> ExperimentSpec:
        """Return what decides the numbers.

        The flag's key and the variants that are left out are those of the stored experiment;
        everything else is the query's own.
        """
        from exp_jupyter.analysis.definition.experiment import ExperimentSpec

        stored = experiment_view.full(work, experiment)
        return ExperimentSpec(
            flag_key=str(stored["feature_flag_key"]),
            variants=tuple(self.shares),
            split=self.shares,
            start=self.start,
            end=self.end,
            exposure_criteria=self.criteria,
            excluded_variants=tuple(stored["excluded_variants"] or ()),
            test_account_filters=tuple(work.project["settings"].get("test_account_filters") or ()),
            group_index=self.group_index,
            timezone=work.project["timezone"],
            actions=actions.steps_by_id(work),
        )


def read(query: Document) -> ExposureQuery:
    """Read an exposure query, or refuse it with 400."""
    from exp_jupyter.analysis.definition.experiment import instant

    flag = _object(query, "feature_flag")
    key = flag.get("key")
    if not isinstance(key, str) or not key.strip():
        raise invalid("feature_flag key is required")
    filters = _object(flag, "filters")
    shares = _shares(_object(filters, "multivariate").get("variants") or [])
    group = filters.get("aggregation_group_type_index")
    if group is not None and (isinstance(group, bool) or group not in GROUP_TYPES):
        raise mismatch("aggregation_group_type_index must be one of 0 to 4")
    try:
        start, end = instant(query.get("start_date")), instant(query.get("end_date"))
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise mismatch("start_date and end_date must be moments: 2026-03-02T09:15:00Z") from error
    if not shares and end is None:
        raise invalid(f"Feature flag '{key}' has no variants")
    criteria = _object(query, "exposure_criteria")
    return ExposureQuery(start, end, shares, group, criteria or None)


def _object(within: Document, name: str) -> Document:
    found = within.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise mismatch(f"{name} must be an object")
    return found


def _shares(variants: Any) -> dict[str, float]:
    """Return the rollout percentages of variants by key."""
    shares: dict[str, float] = {}
    for variant in variants if isinstance(variants, list) else [None]:
        key = variant.get("key") if isinstance(variant, dict) else None
        share = (variant.get("rollout_percentage") or 0) if isinstance(variant, dict) else None
        if not isinstance(key, str) or not isinstance(share, int | float):
            raise mismatch("multivariate.variants must be a list of objects with key and share")
        shares[key] = float(share)
    return shares
