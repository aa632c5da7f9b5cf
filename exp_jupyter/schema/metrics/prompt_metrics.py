"""The metrics of a prompt experiment, one per template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exp_jupyter.errors import InputError

TEMPLATE_KEYS = ("cost", "latency", "eval_pass_rate")
"""The prompt templates there are."""

_RESULT_IS_TRUE = "JSONExtractBool(properties, '$ai_evaluation_result')"
_APPLICABLE = "JSONExtractRaw(properties, '$ai_evaluation_applicable') != 'false'"
_BOOLEAN_TYPE = "JSONExtractString(properties, '$ai_evaluation_result_type') IN ('', 'boolean')"


def prompt_metrics(template_keys: Sequence[str], prompt_name: str) -> list[dict[str, Any]]:
    """Return the metric definitions of these templates, in this order.

    Parameters
    ----------
    template_keys
        Of ``cost``, ``latency`` and ``eval_pass_rate``.
    prompt_name
        The prompt whose generations and evaluations count.

    Returns
    -------
    list of dict
        Metrics as the API writes them, without the ``uuid`` and ``fingerprint`` that the project
        gives them.

    Raises
    ------
    exp_jupyter.errors.InputError
        A template does not exist.

    Examples
    --------
    >>> [metric["name"] for metric in prompt_metrics(["latency", "cost"], "support-reply")]
    ['Latency', 'Cost']
    """
    return [_metric(key, prompt_name) for key in template_keys]


def _metric(key: str, prompt_name: str) -> dict[str, Any]:
    if key == "cost":
        return _sum("Cost", "$ai_total_cost_usd", prompt_name)
    if key == "latency":
        return _sum("Latency", "$ai_latency", prompt_name)
    if key == "eval_pass_rate":
        return {
            "kind": "ExperimentMetric",
            "metric_type": "ratio",
            "name": "Eval pass rate",
            "numerator": _evaluations(prompt_name, _RESULT_IS_TRUE, _APPLICABLE, _BOOLEAN_TYPE),
            "denominator": _evaluations(prompt_name, _APPLICABLE, _BOOLEAN_TYPE),
        }
    raise InputError(
        f"There is no prompt template {key!r}.", hint=f"Choose from {', '.join(TEMPLATE_KEYS)}."
    )


def _of_prompt(prompt_name: str) -> dict[str, Any]:
    return {
        "key": "$ai_prompt_name",
        "operator": "exact",
        "type": "event",
        "value": prompt_name,
    }


def _sum(name: str, math_property: str, prompt_name: str) -> dict[str, Any]:
    return {
        "kind": "ExperimentMetric",
        "metric_type": "mean",
        "name": name,
        "goal": "decrease",
        "source": {
            "kind": "EventsNode",
            "event": "$ai_generation",
            "math": "sum",
            "math_property": math_property,
            "properties": [_of_prompt(prompt_name)],
        },
    }


def _evaluations(prompt_name: str, *conditions: str) -> dict[str, Any]:
    return {
        "kind": "EventsNode",
        "event": "$ai_evaluation",
        "properties": [
            _of_prompt(prompt_name),
            *({"type": "hogql", "key": condition} for condition in conditions),
        ],
    }
