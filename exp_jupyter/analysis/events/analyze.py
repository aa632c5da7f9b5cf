"""Analyse an experiment from your own raw events: no project, no server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter._reproduce import Name, reproducible, variable
from exp_jupyter.analysis.definition.correction import check_correction
from exp_jupyter.analysis.definition.methods import InferenceOptions
from exp_jupyter.analysis.definition.period import When
from exp_jupyter.analysis.events.definition import (
    Mode,
    chosen,
    in_arms,
    in_time,
    inference_of,
    stated_experiment,
    with_cuped,
)
from exp_jupyter.analysis.events.exposure import read_exposure
from exp_jupyter.analysis.events.metrics import Goal, read_event_metrics
from exp_jupyter.analysis.events.query import Question
from exp_jupyter.analysis.events.results import EventAnalysis
from exp_jupyter.analysis.events.values import check_duplicates
from exp_jupyter.engine.posthog.settings import resolve
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.number_text import NumberFormat

if TYPE_CHECKING:
    from exp_jupyter.warehouse.events.repeated import Duplicates
    from exp_jupyter.warehouse.sql.execution import Progress


@reproducible(
    "exp_jupyter.analyze_events",
    data="events",
    experiment=lambda given: None if given is None else Name("experiment"),
    exposure=variable("assignments", inside="assignments"),
    variants=tuple,
    method=variable("method"),
    persons=variable("persons"),
    cohorts=variable("cohorts"),
    sessions=variable("sessions"),
    tables=variable("table"),
    test_account_filters=list,
)
def analyze_events(
    events: Any,
    *,
    flag: str | None = None,
    experiment: Any = None,
    start: When | None = None,
    end: When | None = None,
    timezone: str = "UTC",
    metrics: Any = (),
    columns: Mapping[str, str] | None = None,
    exposure: Any = None,
    variants: Sequence[str] = (),
    control: Any = None,
    split: Mapping[Any, float] | Literal["equal"] | None = None,
    multiple_variants: Literal["exclude", "first_seen"] | None = None,
    cuped: bool | int | None = None,
    matured: bool | None = None,
    winsorize: Any = None,
    breakdown: str | Sequence[str] = (),
    goal: Goal | Mapping[str, Goal] = "increase",
    method: Any = None,
    alpha: float = 0.05,
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
    difference: Literal["relative", "absolute"] = "relative",
    correction: str | None = None,
    mode: Mode | None = None,
    interval: str | None = None,
    tuning_n: float | None = None,
    persons: Any = None,
    cohorts: Any = None,
    sessions: Any = None,
    tables: Mapping[str, Any] | None = None,
    test_account_filters: Sequence[Mapping[str, Any]] = (),
    actions: Mapping[int, Sequence[Mapping[str, Any]]] | None = None,
    state: str | Path | None = None,
    as_of: When | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    duplicates: Duplicates = "keep",
    table: str | None = None,
    dialect: str | None = None,
    progress: Progress | None = None,
) -> EventAnalysis:
    """Analyse a randomised experiment from raw events, one row an event, for every day at once.

    Who is in the experiment, since when and in which variant, what each of them did in the metric's
    window and what that amounts to on every day is worked out where the events are: frames and
    files by DuckDB on this machine, a warehouse's by itself.

    Parameters
    ----------
    events
        A pandas or polars frame, an Arrow table, a mapping of columns; the path or glob of Parquet
        or CSV files; a DuckDB relation; or a connection (DuckDB, DB-API, SQLAlchemy, Ibis, Spark)
        with ``table``. Without a uuid, a row that is there twice counts twice.
    flag
        The feature flag's key.
    experiment
        Instead of the flag: an experiment of a project, or an ``ExperimentSpec``. Its definition
        comes from there, its numbers from your events.
    start, end
        The first and the last day in ``timezone``, or moments; ``end`` is None while it runs.
    timezone
        Where days begin, an IANA name.
    metrics
        Names to short forms or definitions as the API writes them. Short forms:
        ``"purchase:sum(revenue)"`` (also ``avg``, ``min``, ``max``), ``"purchase"`` (how often),
        ``"purchase:conversion"`` (the share that did), ``"view > cart > purchase"`` (an ordered
        funnel), ``"purchase:sum(revenue) / $pageview"``, ``"login:retention(1-7 days)"``, each with
        ``within 7 days`` after it for a conversion window: what happens from a unit's first
        exposure on and less than 7 days later, for every kind of metric (see ``mode``). Of an
        experiment: the names of some of its metrics; by default all.
    columns
        What a column holds to its name, where the two differ: ``event``, ``person_id``,
        ``timestamp``, ``uuid``, ``distinct_id``, ``properties`` (JSON), ``$group_0`` …, or a
        property. Every other column is a property of its own name. Timestamps without a zone are
        UTC; text must be ISO 8601.
    exposure
        What exposes a unit. By default ``$feature_flag_called`` with ``$feature_flag`` and
        ``$feature_flag_response``; or an event's name, its variant in ``$feature/<flag>``; or
        ``{"event": …, "variant": column or property, "properties": [filters]}``; or an assignment
        table with ``person_id``, ``variant`` and ``timestamp`` (without it all begin at the start),
        or ``{"table": …, "person_id": …, "variant": …, "timestamp": …}`` with its own names; or
        criteria as the API writes them.
    variants
        The variants that count; by default those of the split, else all that are seen.
    control
        The variant the others are compared with; by default ``control``, or the experiment's.
    split
        The planned share of each variant in any unit, or ``"equal"``: the sample ratio is then
        checked on every day.
    multiple_variants
        What becomes of units seen under several variants: ``exclude`` (default) or ``first_seen``.
    cuped
        True or a number of days: what a unit did in these days (14) before its exposure reduces the
        variance.
    matured
        True counts only units whose conversion window or retention period is over; False counts
        all. By default as the experiment says, else all, and how many are too young is said.
    winsorize
        Clamp the units' values of means and ratios to quantiles over all variants: an upper level
        such as 0.99, or a lower and an upper one, for all or by metric.
    breakdown
        Up to three properties, read at the first exposure; every combination of their values is
        also analysed on its own.
    goal
        Which direction is good: ``increase`` or ``decrease``, for all metrics or by name.
    method
        ``frequentist`` (default), ``sequential``, ``bayesian``, or a method of
        ``exp_jupyter.engine``, which brings its own alpha, alternative, difference and mode. With
        an experiment: by default its own, as the project computes it.
    alpha, alternative, difference
        As ``exp_jupyter.analyze`` takes them.
    correction
        Correct the last day's p-values of all metrics and arms for how many there are: ``holm``,
        ``benjamini-hochberg`` and others of
        ``exp_jupyter.engine.multiple.corrections.adjust``. Segments and earlier
        days are left as they are.
    mode
        ``recommended``, or ``compat`` for the project's own formulas, which are the default with an
        experiment. With ``compat`` conversion windows are PostHog's, too: a funnel counts its steps
        up to a window after any exposure, the last instant included, and a retention its start up
        to that instant; means and ratios are as ever.
    interval, tuning_n
        As ``exp_jupyter.analyze`` takes them. With an experiment in recommended mode a sequential
        method is by default narrowest at the size of its saved plan.
    persons, cohorts, sessions, tables
        Tables beside the events, for filters and metrics that read them: one with ``person_id`` and
        a column per person property, one with ``person_id`` and ``cohort_id``, one with
        ``session_id`` and a column per session property, and others by the names metrics use.
        Frames or files beside a frame or a file, else the name of a table, or a ``SELECT``, where
        the events are.
    test_account_filters, actions
        The project's settings, as the API writes them.
    state
        A file that keeps what was added up of closed days: the next call reads only newer days, and
        the last four again for late events (not for changed properties). It is made, and
        replaced in one step.
    as_of
        The moment of the analysis; by default just after the last event.
    decimal, thousands
        How numbers are written in properties that are text: ``decimal=","`` for 2,5 and
        ``thousands=","`` for 2,800.00. By default as Python writes them. More than 1 % of values
        that stand for no number are refused, fewer are said and count as 0.
    duplicates
        Events that are there twice with the same uuid, name, person and time: ``keep`` counts
        each and says how many there are, ``drop`` counts one of them.
    table, dialect
        With a connection: the table's name or a ``SELECT``, and the engine where it cannot be told.
    progress
        Called with the share done and a sentence; an error it raises stops the work, as Ctrl-C
        does, and the engine with it.

    Returns
    -------
    EventAnalysis
        Every metric's series, the exposures by day, and where the numbers came from.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is missing, of the wrong type or mapped twice; an event or the flag is unknown;
        nobody was exposed; no unit has a metric; the events end before the start; the engine cannot
        do what a metric asks; the state belongs to another analysis. The message names it.

    Notes
    -----
    An arm is compared from 50 units on, a funnel or retention from 5 conversions on, as in a
    project.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> draws = np.random.default_rng(1)
    >>> people = pd.DataFrame({"user": range(400), "variant": ["control", "test"] * 200})
    >>> people["at"] = pd.Timestamp("2026-03-02") + pd.to_timedelta(draws.random(400) * 5, "D")
    >>> seen = people.assign(name="$feature_flag_called", flag="checkout")
    >>> paid = people[draws.random(400) < 0.3].assign(name="purchase")
    >>> paid = paid.assign(at=paid["at"] + pd.Timedelta("1h"), revenue=20.0)
    >>> found = analyze_events(
    ...     pd.concat([seen, paid]),
    ...     flag="checkout",
    ...     start="2026-03-02",
    ...     metrics={"Revenue": "purchase:sum(revenue)", "Paid": "purchase:conversion"},
    ...     columns={
    ...         "event": "name",
    ...         "person_id": "user",
    ...         "timestamp": "at",
    ...         "$feature_flag": "flag",
    ...         "$feature_flag_response": "variant",
    ...     },
    ...     split="equal",
    ... )
    >>> found.exposures.units, len(found.series("Revenue").days)
    ({'control': 200, 'test': 200}, 5)
    >>> round(found.effect("Paid").control_mean, 3)
    0.275
    """
    segments = (breakdown,) if isinstance(breakdown, str) else tuple(breakdown)
    if len(segments) > 3:
        raise InputError(
            f"breakdown has {len(segments)} properties; at most 3 are possible.",
            hint="Leave some out, or analyse twice.",
        )
    spec, entries = stated_experiment(
        experiment, flag, timezone, test_account_filters=test_account_filters, actions=actions
    )
    spec = in_time(spec, start, end)
    spec = in_arms(spec, variants, control, split)
    if matured is not None:
        spec = replace(spec, only_count_matured_users=bool(matured))
    exposing = read_exposure(exposure, multiple_variants, spec.exposure_criteria)
    spec = replace(spec, exposure_criteria=exposing.criteria or None)
    if cuped is not None:
        spec = replace(spec, stats_config=with_cuped(spec.stats_config, cuped))
    options = InferenceOptions(method, alpha, difference, mode, interval, tuning_n, alternative)
    judge, own_mode, tuning = inference_of(experiment, spec, options)
    judged_by = resolve(spec.stats_config).method if judge is None else judge.name
    check_correction(correction, judged_by)
    question = Question(
        spec=spec,
        metrics=read_event_metrics(
            chosen(metrics, entries), goal=goal, breakdown=segments, winsorize=winsorize
        ),
        exposing=exposing,
        split="equal" if split == "equal" else None,
        breakdown=segments,
        method=judge,
        mode=own_mode,
        tuning=tuning,
        correction=correction,
        columns=columns,
        beside={
            "persons": persons,
            "cohorts": cohorts,
            "sessions": sessions,
            "tables": tables,
        },
        table=table,
        dialect=dialect,
        state=None if state is None else str(state),
        numbers=NumberFormat.of(decimal, thousands),
        duplicates=check_duplicates(duplicates),
    )
    return question.answered(events, as_of, progress)
