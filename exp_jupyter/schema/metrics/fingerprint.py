"""The fingerprint under which a metric's daily results are stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

_NOT_DEFINITION = frozenset({"uuid", "name", "kind", "fingerprint", "only_count_matured_users"})


def fingerprint(
    metric: Mapping[str, Any],
    start_date: datetime | str | None,
    stats_method: str | None = "bayesian",
    exposure_criteria: Mapping[str, Any] | None = None,
    only_count_matured_users: bool = False,
    excluded_variants: Iterable[str] | None = None,
) -> str:
    """Return the SHA-256 of everything that decides a metric's stored results.

    A metric keeps its results when it is renamed, and loses them when its definition, the start
    date, the method, the exposure criteria, the matured-users setting or the excluded variants
    change.

    Parameters
    ----------
    metric
        The metric as the API writes it.
    start_date
        When the experiment started, a datetime or ISO 8601; without a zone it is UTC. None for
        a draft.
    stats_method
        ``bayesian`` (also when None or blank) or ``frequentist``.
    exposure_criteria
        As the API writes them; empty is the same as None.
    only_count_matured_users
        Whether only units with a complete window count.
    excluded_variants
        Variant keys left out of the analysis, in any order.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> metric = {
    ...     "kind": "ExperimentMetric",
    ...     "metric_type": "mean",
    ...     "name": "Page views",
    ...     "source": {"kind": "EventsNode", "event": "$pageview"},
    ... }
    >>> fingerprint(metric, None)[:16]
    '8c74aa4b959dd3c9'
    """
    content: dict[str, Any] = {
        "metric": _definition(metric),
        "start_date": _instant(start_date),
        "stats_method": stats_method or "bayesian",
    }
    if exposure_criteria:
        content["exposure_criteria"] = exposure_criteria
    if only_count_matured_users:
        content["only_count_matured_users"] = True
    if excluded := sorted(set(excluded_variants or ())):
        content["excluded_variants"] = excluded
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _definition(metric: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in metric.items() if key not in _NOT_DEFINITION}
    if "breakdownFilter" in kept:
        breakdown = dict(kept.pop("breakdownFilter") or {})
        if not breakdown.get("breakdowns"):
            breakdown.pop("breakdowns", None)
        if breakdown:
            kept["breakdownFilter"] = breakdown
    return kept


def _instant(moment: datetime | str | None) -> str | None:
    if moment is None:
        return None
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat()
