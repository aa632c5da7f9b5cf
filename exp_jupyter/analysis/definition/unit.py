"""What a metric is counted in, as far as its definition tells: a share, seconds, a currency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SHARE = "share"
SECONDS = "s"

_KNOWN = {
    "$session_duration": SECONDS,
    "$ai_latency": SECONDS,
    "$ai_total_cost_usd": "USD",
    "$ai_input_cost_usd": "USD",
    "$ai_output_cost_usd": "USD",
}
_SUMMED = {"sum", "avg", "median", "min", "max", "p90", "p95", "p99"}


def metric_unit(metric: Mapping[str, Any]) -> str:
    """Return a metric's unit: ``share``, ``s``, an ISO 4217 currency, or empty where unknown.

    No currency is ever guessed: it is what the metric states, or what the property's name is
    defined to hold.

    Examples
    --------
    >>> metric_unit({"metric_type": "funnel"})
    'share'
    >>> node = {"math": "sum", "math_property": "$ai_latency"}
    >>> metric_unit({"metric_type": "mean", "source": node})
    's'
    >>> metric_unit({"metric_type": "mean", "source": {"event": "purchase"}})
    ''
    """
    kind = metric.get("metric_type")
    if kind in ("funnel", "retention", "proportion"):
        return SHARE
    if kind == "mean":
        return _node_unit(metric.get("source"))
    if kind == "ratio" and not _node_unit(metric.get("denominator")):
        return _node_unit(metric.get("numerator"))
    return ""


def _node_unit(node: Any) -> str:
    if not isinstance(node, Mapping) or node.get("math") not in _SUMMED:
        return ""
    stated = node.get("math_property_revenue_currency")
    currency = stated.get("static") if isinstance(stated, Mapping) else None
    if isinstance(currency, str) and re.fullmatch("[A-Za-z]{3}", currency):
        return currency.upper()
    return _KNOWN.get(str(node.get("math_property")), "")
