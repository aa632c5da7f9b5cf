"""From sums per variant to the API's result object: validation, comparison, breakdowns.

Nothing here raises over a variant's numbers: a variant that cannot be compared is returned with
its sums and without a test, and the reason under ``warnings``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from exp_jupyter.engine.posthog.named_sums import (
    COVARIATE_SUMS,
    RATIO_SUMS,
    SUMS,
    MetricKind,
    statistic_of,
    validation_failures,
)
from exp_jupyter.engine.posthog.settings import ADJUSTABLE, Settings
from exp_jupyter.engine.statistics.arguments import choose, instance, real, variant_names
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.compare import Judge
    from exp_jupyter.engine.comparison.effect import Effect

Row = Mapping[str, Any]

KINDS = ("mean", "funnel", "ratio", "retention")
LISTS = ("step_counts", "step_sessions")


def assemble(
    metric_kind: MetricKind,
    rows: Iterable[Row],
    settings: Settings,
    *,
    baseline_key: str | None = None,
    variants_order: Sequence[str] | None = None,
    mode: Literal["compat", "recommended"] = "compat",
) -> dict[str, Any]:
    """Return a metric's result as the API words it.

    Parameters
    ----------
    metric_kind
        ``"mean"``, ``"funnel"``, ``"ratio"`` or ``"retention"``.
    rows
        One mapping per variant: ``key``, ``number_of_samples``, ``sum``, ``sum_squares``; for a
        funnel ``step_counts``; for a ratio or retention ``denominator_*`` and
        ``numerator_denominator_sum_product``; with CUPED ``covariate_*``. Rows with a
        ``breakdown`` (a list of values) are one per variant and combination.
    settings
        See ``exp_jupyter.engine.posthog.settings.resolve``.
    baseline_key
        The variant to compare with; by default the one of the settings.
    variants_order
        The order of the variants; those without a row count as having no units.
    mode
        ``"compat"`` agrees with PostHog; ``"recommended"`` corrects its known defects.

    Returns
    -------
    dict
        ``baseline``, ``variant_results``, with breakdowns ``breakdown_results``; JSON-ready. Beside
        the API's own keys a compared variant has ``point_estimate``, ``standard_error``,
        ``test_statistic``, ``degrees_of_freedom``, ``expected_loss``, ``expected_loss_control``,
        ``theta``, ``variance_reduction``, ``method_details`` and ``warnings``.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        ``no_control_variant``: no row, or more than one, is the baseline's.

    Examples
    --------
    >>> from exp_jupyter.engine.posthog.settings import resolve
    >>> rows = [
    ...     {"key": "control", "number_of_samples": 1000, "sum": 100, "sum_squares": 100},
    ...     {"key": "test", "number_of_samples": 1000, "sum": 130, "sum_squares": 130},
    ... ]
    >>> result = assemble("funnel", rows, resolve({"method": "frequentist"}))
    >>> test = result["variant_results"][0]
    >>> test["key"], test["significant"], round(test["p_value"], 4)
    ('test', False, 0.0656)
    """
    choose("metric_kind", metric_kind, KINDS)
    choose("mode", mode, ("compat", "recommended"))
    instance("settings", settings, Settings, "what resolve(stats_config) returns")
    if baseline_key is not None:
        instance("baseline_key", baseline_key, str, "the key of a variant")
    if variants_order is not None:
        variants_order = variant_names("variants_order", variants_order)
    given = _checked_rows(metric_kind, rows)
    key = baseline_key or settings.baseline_key
    if any("breakdown" in row for row in given):
        return _broken_down(metric_kind, given, settings, key, variants_order, mode)
    return _result(metric_kind, given, settings, key, variants_order, mode)


def _checked_rows(kind: MetricKind, rows: object) -> list[Row]:
    """Return rows of sums; refuse what is none. Whether the sums can be is looked at later."""
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise InputError(
            f"rows is {described(rows)}; expected one mapping of sums for each variant.",
            hint="Each has a key, number_of_samples, sum and sum_squares.",
        )
    try:
        given = list(rows)
    except TypeError:  # an array without axes
        given = [rows]
    for place, row in enumerate(given):
        _check_row(kind, f"rows[{place}]", row)
    return given


def _check_row(kind: MetricKind, name: str, row: object) -> None:
    instance(name, row, Mapping, "a mapping of a variant's sums")
    sums = cast("Row", row)
    instance(f"{name}['key']", sums.get("key"), str, "the key of a variant")
    needed = SUMS[:2] if kind == "funnel" else SUMS
    for field in (*SUMS, *RATIO_SUMS, *COVARIATE_SUMS):
        if field in needed or sums.get(field) is not None:
            real(f"{name}[{field!r}]", sums.get(field))
    for field in (*LISTS, "breakdown"):
        if sums.get(field) is not None:
            instance(f"{name}[{field!r}]", sums[field], (list, tuple), "a list")
    for steps in sums.get("step_counts") or ():
        real(f"{name}['step_counts']", steps)


def breakdown_totals(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """Return each variant's sums added up over the combinations of a breakdown.

    Parameters
    ----------
    rows
        Rows of ``assemble``, several per variant.

    Returns
    -------
    dict
        For every key, in order of appearance, the row of totals; counts of steps are added step
        by step. The combinations are simply added: this is no stratified estimate.

    Examples
    --------
    >>> rows = [
    ...     {"key": "control", "number_of_samples": 10, "sum": 1, "sum_squares": 1},
    ...     {"key": "control", "number_of_samples": 20, "sum": 4, "sum_squares": 4},
    ... ]
    >>> breakdown_totals(rows)["control"]["number_of_samples"]
    30
    """
    totals: dict[str, dict[str, Any]] = {}
    for row in rows:
        total = totals.setdefault(str(row["key"]), {"key": row["key"]})
        for name in (*SUMS, *RATIO_SUMS, *COVARIATE_SUMS):
            if row.get(name) is not None:
                total[name] = total.get(name, 0) + row[name]
        steps, seen = row.get("step_counts"), total.get("step_counts", [])
        if steps is not None:
            longer = max(len(steps), len(seen))
            total["step_counts"] = [
                sum(counts[i] for counts in (steps, seen) if i < len(counts)) for i in range(longer)
            ]
    return totals


def _broken_down(
    kind: MetricKind,
    rows: Sequence[Row],
    settings: Settings,
    key: str,
    order: Sequence[str] | None,
    mode: Literal["compat", "recommended"],
) -> dict[str, Any]:
    keys = list(order) if order is not None else list(dict.fromkeys(str(r["key"]) for r in rows))
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get("breakdown") or ()), []).append(row)
    result = _result(kind, list(breakdown_totals(rows).values()), settings, key, order, mode)
    result["breakdown_results"] = []
    for values, members in groups.items():
        own = _result(kind, members, settings, key, keys, mode)
        result["breakdown_results"].append(
            {
                "breakdown_value": list(values),
                "baseline": own["baseline"],
                "variants": own["variant_results"],
            }
        )
    return result


def _result(
    kind: MetricKind,
    rows: Sequence[Row],
    settings: Settings,
    key: str,
    order: Sequence[str] | None,
    mode: Literal["compat", "recommended"],
) -> dict[str, Any]:
    if order is not None:
        known = {row["key"] for row in rows}
        empty = [
            {"key": name, "number_of_samples": 0, "sum": 0, "sum_squares": 0}
            for name in order
            if name not in known
        ]
        place = {name: position for position, name in enumerate(order)}
        rows = sorted([*rows, *empty], key=lambda row: place.get(row["key"], len(place)))
    matching = [row for row in rows if row["key"] == key]
    if len(matching) != 1:
        raise StatisticsError(
            "no_control_variant",
            f"{len(matching)} variants have the baseline's key {key!r}; expected exactly one",
            hint="Name the baseline with baseline_variant_key in stats_config.",
        )
    baseline = _sums(kind, matching[0], settings)
    baseline["validation_failures"] = validation_failures(kind, matching[0], baseline=True)
    variants = [
        _variant(kind, matching[0], row, settings, mode) for row in rows if row["key"] != key
    ]
    return {"baseline": baseline, "variant_results": variants}


def _sums(kind: MetricKind, row: Row, settings: Settings) -> dict[str, Any]:
    names = [*SUMS]
    if kind in ("ratio", "retention"):
        names += RATIO_SUMS
    if settings.cuped and kind in ADJUSTABLE:
        names += COVARIATE_SUMS
    if kind == "funnel":
        names += LISTS
    told = {"key": row["key"]} | {name: row[name] for name in names if row.get(name) is not None}
    return {name: plain(value) for name, value in told.items()}


def _variant(
    kind: MetricKind,
    baseline: Row,
    row: Row,
    settings: Settings,
    mode: Literal["compat", "recommended"],
) -> dict[str, Any]:
    told = _sums(kind, row, settings)
    told["method"] = settings.method
    told["validation_failures"] = validation_failures(kind, row, baseline=False)
    if told["validation_failures"] or validation_failures(kind, baseline, baseline=True):
        return told
    adjusted = (
        settings.cuped
        and kind in ADJUSTABLE
        and all(arm.get(name) is not None for arm in (baseline, row) for name in COVARIATE_SUMS)
    )
    try:
        method = settings.engine_method(mode)
        effect = _compared(kind, baseline, row, method, adjusted=adjusted)
    except StatisticsError as error:
        return told | {"warnings": [error.message]}
    worded: dict[str, Any] = plain(_worded(effect, method, settings))
    return told | worded


def _compared(
    kind: MetricKind, baseline: Row, row: Row, method: Judge, *, adjusted: bool
) -> Effect:
    from exp_jupyter.engine.comparison.compare import compare

    return compare(
        statistic_of(kind, baseline, adjusted=adjusted),
        statistic_of(kind, row, adjusted=adjusted),
        method,
    )


def _worded(effect: Effect, method: Any, settings: Settings) -> dict[str, Any]:
    own: dict[str, Any]
    if effect.method == "bayesian":
        own = {
            "chance_to_win": effect.chance_to_win,
            "credible_interval": effect.interval,
            "expected_loss": effect.expected_loss,
            "expected_loss_control": effect.expected_loss_control,
        }
    else:
        own = {
            "p_value": effect.p_value,
            "confidence_interval": effect.interval,
            "test_statistic": effect.statistic,
            "degrees_of_freedom": effect.df,
        }
    details = {
        field.name: getattr(method, field.name)
        for field in dataclasses.fields(method)
        if field.name not in ("mode", "prior")
    }
    return own | {
        "significant": effect.significant,
        "point_estimate": effect.estimate,
        "standard_error": effect.standard_error,
        "theta": effect.theta,
        "variance_reduction": effect.variance_reduction,
        "mode": effect.mode,
        "method_details": {"name": effect.method} | details,
        "warnings": [*effect.warnings, *settings.notes],
    }
