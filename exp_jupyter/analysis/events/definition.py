"""What experiment a call over raw events means: its window, arms, metrics and judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from exp_jupyter.analysis.definition.experiment import ExperimentSpec, as_mapping
from exp_jupyter.analysis.definition.methods import (
    InferenceOptions,
    method_named,
    method_of_experiment,
)
from exp_jupyter.analysis.definition.period import When, beginning, ending
from exp_jupyter.analysis.units.checks import share_of
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.suggestions import meant
from exp_jupyter.warehouse.units.sums import key_of

Mode = Literal["compat", "recommended"]


def stated_experiment(
    experiment: Any, flag: str | None, timezone: str, **settings: Any
) -> tuple[ExperimentSpec, dict[str, Any]]:
    """Return the experiment and its metrics by name."""
    if (experiment is None) == (flag is None):
        said = "neither flag nor experiment" if flag is None else "both flag and experiment"
        raise InputError(
            f"The call gives {said}; it needs one of them.",
            hint="flag='new-checkout' with start=…, or experiment= of a project.",
        )
    if flag is not None:
        return ExperimentSpec(
            flag,
            (),
            {},
            None,
            timezone=timezone,
            test_account_filters=tuple(settings["test_account_filters"]),
            actions=dict(settings["actions"] or {}),
        ), {}
    if isinstance(experiment, ExperimentSpec):
        more: dict[str, Any] = {name: value for name, value in settings.items() if value}
        return replace(experiment, **more), {}
    from exp_jupyter.schema import Experiment

    spec = ExperimentSpec.from_experiment(experiment, timezone=timezone, **settings)
    typed = (
        experiment if isinstance(experiment, Experiment) else Experiment.model_validate(experiment)
    )
    return spec, {entry.name: entry.definition for entry in typed.metric_entries}


def in_time(spec: ExperimentSpec, start: When | None, end: When | None) -> ExperimentSpec:
    """Return the experiment in its window.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no start, or the end is not after it.
    """
    zone = spec.timezone
    if start is not None:
        spec = replace(spec, start=beginning(start, zone, "start"))
    if end is not None:
        spec = replace(spec, end=ending(end, zone, "end"))
    if spec.start is None:
        raise InputError(
            f"When did {spec.flag_key!r} start? Without start there is no first day.",
            hint="Give start='2026-03-02', the day in timezone.",
        )
    if spec.end is not None and spec.end <= spec.start:
        raise InputError(
            f"The experiment would end at {spec.end:%Y-%m-%d %H:%M} UTC, before its start at "
            f"{spec.start:%Y-%m-%d %H:%M} UTC.",
            hint="Give the first and the last day.",
        )
    return spec


def in_arms(
    spec: ExperimentSpec, variants: Sequence[str], control: Any, split: Any
) -> ExperimentSpec:
    """Return the experiment with the variants, the control and the split that were given.

    Raises
    ------
    exp_jupyter.errors.InputError
        One of them is of no known form, or a variant has no share.
    """
    if isinstance(variants, str):
        raise InputError(
            f"variants is {variants!r}; expected several.", hint="variants=('control', 'test')."
        )
    if split is not None and split != "equal" and not isinstance(split, Mapping):
        raise InputError(
            f"split is {split!r}; expected the share of each variant.",
            hint="For example split={'control': 50, 'test': 50}, or split='equal'.",
        )
    if isinstance(split, Mapping):
        shares = {str(key_of(key)): share_of(key, share) for key, share in split.items()}
        spec = replace(spec, split=shares, variants=spec.variants or tuple(shares))
    if variants:
        keys = tuple(str(key_of(key)) for key in variants)
        missing = [key for key in keys if isinstance(split, Mapping) and key not in spec.split]
        if missing:
            raise InputError(
                f"Variant {missing[0]!r} has no share in the split.",
                hint=f"The split has: {', '.join(spec.split)}.",
            )
        spec = replace(spec, variants=keys)
    if control is not None:
        spec = replace(spec, baseline_key=str(key_of(control)))
    return spec


def with_cuped(config: Mapping[str, Any] | None, cuped: bool | int) -> dict[str, Any]:
    """Return the settings of an experiment with CUPED switched on, for so many days, or off.

    Raises
    ------
    exp_jupyter.errors.InputError
        The days are not from 1 to 30.
    """
    own: dict[str, Any] = {"enabled": bool(cuped)}
    if cuped is not True and cuped:
        if not isinstance(cuped, int) or not 1 <= cuped <= 30:
            raise InputError(
                f"cuped is {cuped!r}; expected True, or a number of days from 1 to 30.",
                hint="14 days before the exposure are usual.",
            )
        own["lookback_days"] = cuped
    return {**(config or {}), "cuped": own}


def inference_of(
    experiment: Any, spec: ExperimentSpec, options: InferenceOptions
) -> tuple[Any, Mode, str]:
    """Return the engine's method, or None for what the experiment says, its mode and tuning."""
    mode = options.mode
    if mode not in (None, "compat", "recommended"):
        raise InputError(f"mode is {mode!r}; expected compat or recommended.")
    if experiment is None:
        own: Mode = mode or "recommended"
        name = "frequentist" if options.method is None else options.method
        return method_named(replace(options, method=name, mode=own)), own, ""
    from exp_jupyter.engine.posthog.settings import resolve

    own = mode or "compat"
    options = replace(options, mode=own, alpha=None)  # an experiment states its level itself
    # A spec says how to compare but keeps no plan, so nothing is known of a planned size.
    saved = {} if isinstance(experiment, ExperimentSpec) else as_mapping(experiment)
    found, tuning = method_of_experiment(options, resolve(spec.stats_config), saved)
    return found, own if found is None else found.mode, tuning


def chosen(metrics: Any, entries: Mapping[str, Any]) -> Any:
    """Return the metrics asked for; names stand for an experiment's own."""
    if not entries:
        return metrics
    if isinstance(metrics, Mapping):
        return metrics
    asked = [metrics] if isinstance(metrics, str) else list(metrics)
    if not asked:
        return dict(entries)
    found: dict[str, Any] = {}
    for one in asked:
        if isinstance(one, str) and one not in entries and not _is_form(one):
            raise InputError(
                f"The experiment has no metric {one!r}.",
                hint=f"{meant(one, entries)}It has: {', '.join(entries)}.",
            )
        found[one if isinstance(one, str) else ""] = entries.get(one, one)
    return found


def _is_form(text: str) -> bool:
    return any(sign in text for sign in (":", " > ", " / "))
