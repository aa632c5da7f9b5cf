"""What an experiment may be: the checks of its fields, one by one."""

from __future__ import annotations

from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.exposure import parse_exposure
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services import flags
from exp_jupyter.server.store import Document, Work

METHODS = ("bayesian", "frequentist")
_ESTIMATE_KEYS = (
    "minimum_detectable_effect",
    "recommended_running_time",
    "recommended_sample_size",
)
_EXPOSURE_ESTIMATE = {
    "conversionRateInputType": ("manual", "automatic"),
    "manualMetricType": ("funnel", "mean_count", "mean_sum_or_avg"),
    "manualBaselineValue": None,
    "manualExposureRate": None,
}


def check(work: Work, experiment: Document, flag: Document) -> None:
    """Refuse an experiment whose fields contradict each other or the flag."""
    start, end = experiment["start_date"], experiment["end_date"]
    if start and end and start >= end:
        raise invalid("End date must be after start date")
    check_holdout(work, experiment["holdout_id"])
    check_running_time(experiment["running_time_calculation"])
    if "properties" in (experiment["filters"] or {}):
        raise invalid("Experiments do not support global filter properties", attr="filters")
    check_exposure(experiment["exposure_criteria"])
    check_stats(experiment["stats_config"], flag)
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
    for key, value in (settings or {}).items():
        if key in _ESTIMATE_KEYS:
            if value is not None and not _is_number(value):
                raise invalid(f"{key} must be a number.", attr="running_time_calculation")
        elif key == "exposure_estimate_config":
            _check_exposure_estimate(value)
        else:
            raise invalid(f"Unsupported key '{key}'.", attr="running_time_calculation")


def _check_exposure_estimate(config: Any) -> None:
    if config is None:
        return
    if not isinstance(config, dict):
        raise invalid(
            "exposure_estimate_config must be an object.", attr="running_time_calculation"
        )
    for key, value in config.items():
        if key not in _EXPOSURE_ESTIMATE:
            raise invalid(f"Unsupported key '{key}'.", attr="running_time_calculation")
        words = _EXPOSURE_ESTIMATE[key]
        fits = _is_number(value) if words is None else value in words
        if value is not None and not fits:
            raise invalid(f"{key} has an unsupported value.", attr="running_time_calculation")


def check_exposure(criteria: Document | None) -> None:
    """Refuse exposure criteria of the wrong shape."""
    try:
        parse_exposure(criteria)
    except InputError as error:
        raise invalid(error.message, attr="exposure_criteria") from error


def check_stats(config: Document | None, flag: Document) -> None:
    """Refuse statistics settings with an unknown method, level or baseline."""
    config = config or {}
    method = config.get("method")
    if method is not None and method not in METHODS:
        raise invalid(
            f"Invalid stats method: '{method}'. Must be one of: {', '.join(METHODS)}",
            attr="stats_config",
        )
    for name, level in (("bayesian", "ci_level"), ("frequentist", "alpha")):
        part = config.get(name) or {}
        if not isinstance(part, dict):
            raise invalid(f"stats_config.{name} must be an object.", attr="stats_config")
        value = part.get(level)
        if value is not None and not (_is_number(value) and 0 < value < 1):
            raise invalid(
                f"stats_config.{name}.{level} must be between 0 and 1.", attr="stats_config"
            )
    baseline = config.get("baseline_variant_key")
    if baseline is not None and baseline not in flags.variant_keys(flag):
        raise invalid(
            f"Baseline variant '{baseline}' is not a variant of the feature flag.",
            attr="stats_config",
        )


def check_excluded(experiment: Document, flag: Document) -> None:
    """Refuse exclusions that are no variants, or that leave nothing to compare."""
    excluded = experiment["excluded_variants"] or []
    baseline = baseline_key(experiment)
    keys = flags.variant_keys(flag)
    for key in excluded:
        if key.startswith("holdout-"):
            raise invalid("Holdout variants cannot be excluded.", attr="excluded_variants")
        if key not in keys:
            raise invalid(f"Unknown variant '{key}'.", attr="excluded_variants")
        if key == baseline:
            raise invalid("The baseline variant cannot be excluded.", attr="excluded_variants")
    if excluded and not set(keys) - {baseline, *excluded}:
        raise invalid("At least one test variant must remain.", attr="excluded_variants")


def baseline_key(experiment: Document) -> str:
    """Return the key of the variant that the others are compared with."""
    return str((experiment["stats_config"] or {}).get("baseline_variant_key") or "control")


def with_stats_defaults(work: Work, config: Document | None) -> Document:
    """Return the statistics settings of a new experiment, the project's defaults filled in."""
    settings = work.project["settings"]
    filled = dict(config or {})
    filled.setdefault("method", settings.get("default_experiment_stats_method") or "bayesian")
    level = settings.get("default_experiment_confidence_level")
    if level is not None:
        filled["bayesian"] = {"ci_level": level, **(filled.get("bayesian") or {})}
        alpha = round(1 - float(level), 10)
        filled["frequentist"] = {"alpha": alpha, **(filled.get("frequentist") or {})}
    return filled


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
