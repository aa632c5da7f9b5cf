"""What an experiment may be: the checks of its fields, one by one."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.experiments.baseline import CONTROL, baseline_variant, explicit_baseline
from exp_jupyter.schema.metrics.exposure import parse_exposure
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.store import Document, Work

VARIANTS = "feature_flag_variants"
"""Names the flag's variants among what a change is about."""

METHODS = ("bayesian", "frequentist")
_ESTIMATE_KEYS = (
    "minimum_detectable_effect",
    "recommended_running_time",
    "recommended_sample_size",
)
_EXPOSURE_CONFIGS = ("ExperimentEventExposureConfig", "ActionsNode")
_LONGEST_VALUE = 80


def check(
    work: Work, experiment: Document, flag: Document, touched: Container[str] | None = None
) -> None:
    """Refuse an experiment whose fields contradict each other or the flag.

    Parameters
    ----------
    touched
        The fields that a change is about; what was stored before is not judged again. None for
        all of them.
    """

    def asked(*names: str) -> bool:
        return touched is None or any(name in touched for name in names)

    start, end = experiment["start_date"], experiment["end_date"]
    if asked("start_date", "end_date") and start and end and start >= end:
        raise invalid("End date must be after start date")
    if asked("holdout_id"):
        check_holdout(work, experiment["holdout_id"])
    if asked("running_time_calculation"):
        check_running_time(experiment["running_time_calculation"])
    if asked("filters") and (experiment["filters"] or {}).get("properties"):
        raise invalid("Experiments do not support global filter properties")
    if asked("exposure_criteria"):
        check_exposure(experiment["exposure_criteria"])
    if asked("stats_config", VARIANTS):
        check_stats(experiment["stats_config"], flag)
    if asked("excluded_variants", "stats_config", VARIANTS):
        check_excluded(experiment, flag)


def check_holdout(work: Work, identifier: int | None) -> None:
    """Refuse a holdout that does not exist."""
    if identifier is not None and work.holdouts.get(identifier) is None:
        raise invalid(
            f'Invalid pk "{identifier}" - object does not exist.',
            code="does_not_exist",
            attr="holdout_id",
        )


def check_running_time(settings: Document | None) -> None:
    """Refuse calculator settings with keys or values the calculator does not have."""
    settings = settings or {}
    unknown = sorted(set(settings) - {*_ESTIMATE_KEYS, "exposure_estimate_config"})
    if unknown:
        raise invalid(
            f"running_time_calculation got unknown keys: {unknown}",
            attr="running_time_calculation",
        )
    for key in _ESTIMATE_KEYS:
        value = settings.get(key)
        if value is not None and not _is_number(value):
            raise invalid(f"{key} must be a number", attr="running_time_calculation")
    if not isinstance(settings.get("exposure_estimate_config") or {}, dict):
        raise invalid("exposure_estimate_config must be an object", attr="running_time_calculation")


def check_exposure(criteria: Document | None) -> None:
    """Refuse exposure criteria of the wrong shape."""
    criteria = criteria or {}
    tested = criteria.get("filterTestAccounts", True)
    if not isinstance(tested, bool):
        raise invalid(
            "exposure_criteria.filterTestAccounts must be a boolean, got "
            f"{type(tested).__name__}: {_shown(tested)}.",
            attr="exposure_criteria",
        )
    config = criteria.get("exposure_config", {"kind": "ActionsNode"})
    if not isinstance(config, dict):
        raise invalid(
            "exposure_criteria.exposure_config must be an object, got "
            f"{type(config).__name__}. Give the event's name, or an action's id.",
            attr="exposure_criteria",
        )
    kind = config.get("kind", _EXPOSURE_CONFIGS[0])
    if kind not in _EXPOSURE_CONFIGS:
        raise invalid(
            "exposure_criteria.exposure_config.kind must be one of "
            f"{list(_EXPOSURE_CONFIGS)}, got {_shown(kind)}.",
            attr="exposure_criteria",
        )
    try:
        parse_exposure(criteria)
    except InputError as error:
        raise invalid(error.message, attr="exposure_criteria") from error


def check_stats(config: Document | None, flag: Document) -> None:
    """Refuse statistics settings with an unknown method, level or baseline."""
    config = config or {}
    method = config.get("method")
    if method is not None and method not in METHODS:
        raise invalid(f"Invalid stats method: '{method}'. Must be one of: {', '.join(METHODS)}")
    baseline, keys = config.get("baseline_variant_key"), flags.variant_keys(flag)
    if baseline is not None and baseline not in keys:
        raise invalid(
            f"Invalid baseline_variant_key: '{baseline}'. Must be one of: {', '.join(sorted(keys))}"
        )


def check_excluded(experiment: Document, flag: Document) -> None:
    """Refuse exclusions that are no variants, or that leave nothing to compare."""
    excluded = experiment["excluded_variants"] or []
    if not excluded:
        return
    keys = flags.variant_keys(flag)
    baseline = baseline_variant(experiment["stats_config"], keys)
    held_out = sorted({key for key in excluded if key.startswith("holdout-")})
    if held_out:
        raise invalid(f"cannot exclude holdout pseudo-variants: {held_out}")
    if baseline in excluded:
        raise invalid(f"baseline variant cannot be excluded ('{baseline}')")
    unknown = sorted(set(excluded) - set(keys))
    if unknown:
        raise invalid(f"unknown variants for this experiment: {unknown}")
    if not set(keys) - {baseline, *excluded}:
        raise invalid("at least one test variant must remain in analysis")


def with_pinned_baseline(config: Document, flag: Document) -> Document:
    """Return the statistics settings of an experiment on a new flag, its baseline written down.

    With a variant ``control`` nothing is written: that is the baseline without a word.
    """
    keys = flags.variant_keys(flag)
    if explicit_baseline(config) is not None or CONTROL in keys or not keys:
        return config
    return {**config, "baseline_variant_key": baseline_variant(config, keys)}


def with_stats_defaults(work: Work, config: Document | None) -> Document:
    """Return the statistics settings of a new experiment, the project's defaults filled in."""
    settings = work.project["settings"]
    filled = dict(config or {})
    if not filled.get("method"):
        filled["method"] = settings.get("default_experiment_stats_method") or METHODS[0]
    level = settings.get("default_experiment_confidence_level")
    if level is not None:
        _fill(filled, "bayesian", "ci_level", float(level))
        _fill(filled, "frequentist", "alpha", round(1 - float(level), 10))
    return filled


def _fill(config: Document, part: str, name: str, default: float) -> None:
    """Set a level where the settings have none; what is no settings at all is left as it is."""
    settings = config.get(part) or {}
    if isinstance(settings, dict) and settings.get(name) is None:
        config[part] = {**settings, name: default}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}...(truncated)"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
