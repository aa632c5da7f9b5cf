"""Analyse an experiment from your own table with one row a unit: no project, no server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter._reproduce import reproducible
from exp_jupyter.analysis.definition.correction import check_correction, uncorrected_words
from exp_jupyter.analysis.definition.methods import InferenceOptions, method_named
from exp_jupyter.analysis.results.verdicts import mismatch_words
from exp_jupyter.analysis.units.adjusted_effects import (
    adjusted_results,
    adjustment_words,
    clusters_of,
)
from exp_jupyter.analysis.units.adjustment import Adjustment, check_adjustment, columns_of
from exp_jupyter.analysis.units.bounds import value_bounds
from exp_jupyter.analysis.units.checks import (
    check_mapping,
    check_numbers,
    check_repeated,
    check_units,
    check_values,
    share_of,
)
from exp_jupyter.analysis.units.corrections import comparisons, corrected_results
from exp_jupyter.analysis.units.effects import judged_results
from exp_jupyter.analysis.units.metrics import Goal, UnitMetric, read_metrics
from exp_jupyter.analysis.units.pairs import check_pairs, with_pairs
from exp_jupyter.analysis.units.results import Analysis
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.number_text import NumberFormat
from exp_jupyter.warehouse.request.suggestions import meant
from exp_jupyter.warehouse.sources.open_units import unit_source
from exp_jupyter.warehouse.sql.execution import Progress, expect, watched
from exp_jupyter.warehouse.units.sums import (
    Bounds,
    Missing,
    UnitSums,
    UnitValue,
    key_of,
    unit_sums,
)
from exp_jupyter.warehouse.units.unit_rows import unit_rows

if TYPE_CHECKING:
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch

MOST_VARIANTS = 50


@reproducible(
    "exp_jupyter.analyze",
    data="data",
    always=("metrics",),
    metrics=lambda given: list(given) if isinstance(given, (list, tuple)) else given,
)
def analyze(
    source: Any,
    *,
    metrics: str | Sequence[str | UnitMetric] | Mapping[str, str | UnitMetric] = (),
    variant: str = "variant",
    control: Any = "control",
    unit: str | None = None,
    split: Mapping[Any, float] | Literal["equal"] | None = None,
    covariate: str | Mapping[str, str] | None = None,
    covariates: str | Sequence[str] = (),
    strata: str | Sequence[str] = (),
    adjust: Literal["cuped", "lin"] | None = None,
    covariance: Literal["HC0", "HC1", "HC2", "HC3"] = "HC2",
    model: Any = None,
    folds: int = 5,
    cluster: str | Sequence[str] = (),
    bootstrap: Literal["auto", "wild", "none"] = "auto",
    seed: int = 0,
    breakdown: str | Sequence[str] = (),
    goal: Goal | Mapping[str, Goal] = "increase",
    missing: Missing = "refuse",
    winsorize: Any = None,
    cap: Any = None,
    decimal: str | None = None,
    thousands: str | None = None,
    duplicates: Literal["refuse", "drop"] = "refuse",
    method: Any = "frequentist",
    alpha: float = 0.05,
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
    difference: Literal["relative", "absolute"] = "relative",
    correction: str | None = None,
    pairs: Literal["control", "all"] = "control",
    mode: Literal["recommended", "compat"] = "recommended",
    interval: str | None = None,
    tuning_n: float | None = None,
    table: str | None = None,
    dialect: str | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse a randomised experiment from a table with one row a unit.

    The sums are computed where the data is, with one group-by statement; frames and files are
    read by DuckDB.

    Parameters
    ----------
    source
        A pandas or polars frame, an Arrow table, a mapping of columns; the path or glob of Parquet
        or CSV files; a DuckDB relation; or a connection (DuckDB, DB-API, SQLAlchemy, Ibis, Spark)
        with ``table``.
    metrics
        Short forms: ``"revenue:mean"``, ``"paid:proportion"``, ``"orders/sessions:ratio"``,
        ``"seconds:quantile(0.9)"``, ``"seconds:median"``. A mapping gives them names.
    variant
        The column that says each unit's variant.
    control
        The variant the others are compared with.
    unit
        The column that identifies units; checked to be unique. Without it every row is a unit.
    split
        The planned share of each variant in any unit, or ``"equal"``: the sample ratio is then
        checked.
    covariate
        A column measured before the experiment, for all metrics or by metric: reduces the variance
        (CUPED). A unit without it stands at the mean.
    covariates
        Several such columns: they adjust means and proportions together, by Lin's regression.
    strata
        Columns of groups known before the experiment: means and proportions are compared inside
        each combination of their values and averaged over all units (post-stratification), or
        together with covariates by regression.
    adjust
        ``lin`` takes the regression for a single covariate too; ``cuped`` the covariate's sums.
    covariance
        The regression's robust errors: ``HC2``, or ``HC3``, which errs on the side of caution;
        ``HC0`` and ``HC1`` are too small for few units.
    model
        An object with ``fit(X, y)`` and ``predict(X)``, such as scikit-learn's: it predicts the
        metric from covariates and strata, cross-fitted, and the prediction is the one covariate
        of the regression (MLRATE, CUPAC).
    folds
        Parts of the cross-fitting.
    cluster
        What was randomised, where that is not the unit: a column of stores, schools or accounts,
        or several that name it together, such as a city and a block of time (switchback). Errors
        are CR2 with Bell and McCaffrey's degrees of freedom.
    bootstrap
        With clusters: ``wild`` takes the p-value and the interval from the wild cluster bootstrap,
        ``none`` does not; ``auto`` does below 40 clusters, from 5 in an arm on.
    seed
        What the cross-fitting's and the bootstrap's draws begin from.
    breakdown
        Columns known before the experiment; every combination of their values is also analysed on
        its own.
    goal
        Which direction is good: ``increase`` or ``decrease``, for all metrics or by metric.
    missing
        What a missing metric value means: ``zero`` (the unit did nothing), ``drop`` (it was not
        measured; leave it out of that metric), or ``refuse``.
    winsorize
        Clamp the values of means and ratios to quantiles of all units' values together: an upper
        level such as 0.99, or a lower and an upper one, for all or by metric.
    cap
        Count values above this number as this much, for all means and ratios or by metric.
    decimal, thousands
        How numbers are written in columns of text: ``decimal=","`` for 2,5 and ``thousands=","``
        for 2,800.00. By default as Python writes them. More than 1 % of values that stand for no
        number are refused, fewer are said and missing.
    duplicates
        With ``unit``: ``drop`` keeps one of several rows that agree in every column; a unit with
        rows that differ is refused all the same. ``refuse`` refuses both.
    method
        ``frequentist``, ``sequential``, ``bayesian``, or a method of ``exp_jupyter.engine``, which
        brings its own alpha, alternative, difference and mode.
    alpha
        1 minus the level of the intervals.
    alternative
        ``two-sided``, ``greater`` or ``less``; not for ``bayesian``.
    difference
        ``relative`` to the control's mean, or ``absolute``.
    correction
        Correct all metrics and arms together for how many there are: ``holm``,
        ``benjamini-hochberg`` or another of ``exp_jupyter.engine.multiple.corrections``;
        ``dunnett`` for several arms against one control; with ``method="sequential"`` also
        ``e-bh``. Decisions and intervals are then those of the corrected tests.
    pairs
        ``all`` compares the other arms with each other, too; ``control`` (default) does not.
    mode
        ``recommended``, or ``compat`` for the project's own formulas.
    interval
        ``test`` (default), ``delta``, ``fieller`` or ``log``, as the engine's methods take it.
    tuning_n
        With ``method="sequential"``: the total units of two arms at which the interval is
        narrowest, about the planned size; by default 5,000.
    table, dialect
        With a connection: the table's name or a ``SELECT``, and the SQLGlot dialect of the engine
        where it cannot be told.
    progress
        Called with the share done and a sentence.

    Returns
    -------
    Analysis
        One row per metric and arm; a comparison that the engine refuses says why.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is missing or of the wrong type, a variant is null, the control is unknown, a
        metric has no values, units are not unique: the message names the column or metric.

    Examples
    --------
    >>> table = {
    ...     "variant": ["control"] * 4 + ["test"] * 4,
    ...     "revenue": [1.0, 2.0, 3.0, 4.0, 2.0, 3.0, 5.0, 6.0],
    ... }
    >>> found = analyze(table, metrics="revenue:mean", difference="absolute")
    >>> round(found.effect("revenue").estimate, 2), found.units
    (1.5, {'control': 4, 'test': 4})
    """
    chosen = method_named(
        InferenceOptions(method, alpha, difference, mode, interval, tuning_n, alternative)
    )
    check_pairs(pairs)
    check_correction(correction, chosen.name, pairs=pairs == "all")
    if missing not in ("refuse", "zero", "drop"):
        raise InputError(
            f"missing is {missing!r}; expected refuse, zero or drop.",
            hint="zero: the unit did nothing; drop: it was not measured.",
        )
    if duplicates not in ("refuse", "drop"):
        raise InputError(
            f"duplicates is {duplicates!r}; expected refuse or drop.",
            hint="drop keeps one of several rows that agree in every column.",
        )
    if duplicates == "drop" and unit is None:
        raise InputError(
            "duplicates='drop' was given without the units' column.",
            hint="Name it: unit='user_id'.",
        )
    numbers = NumberFormat.of(decimal, thousands)
    segments = _columns(breakdown)
    variant, unit = str(variant), None if unit is None else str(unit)
    segments = tuple(str(name) for name in segments)
    adjustment = Adjustment(
        covariates=columns_of("covariates", covariates),
        strata=columns_of("strata", strata),
        adjust=adjust,
        covariance=covariance,
        model=model,
        folds=folds,
        seed=seed,
        cluster=columns_of("cluster", cluster),
        bootstrap=bootstrap,
    )
    with watched(progress, "Adding up the units"):
        data = unit_source(
            source,
            table=table,
            dialect=dialect,
            text=[variant, *segments, *adjustment.labels, *([unit] if unit else [])],
            numbers=numbers,
        )
        if duplicates == "drop":
            data = replace(data, relation=f"(SELECT DISTINCT * FROM {data.relation}) AS exp_rows")  # noqa: S608
        columns = data.columns
        wanted = read_metrics(
            metrics,
            columns,
            covariate=covariate,
            goal=goal,
            winsorize=winsorize,
            cap=cap,
            text=data.numbers is not None,
        )
        check_mapping(columns, variant, unit, segments, wanted)
        noted = check_adjustment(
            adjustment,
            columns,
            wanted,
            {variant: "the variant", **({unit: "the unit"} if unit else {})},
            chosen,
            text=data.numbers is not None,
        )
        quantiles = sum(metric.kind == "quantile" for metric in wanted)
        expect(1 + (unit is not None) + quantiles * (2 if segments else 1))
        if unit is not None:
            check_units(data, unit, variant)
        noted += check_numbers(data, wanted, missing, adjustment.covariates) + check_repeated(
            data, unit
        )
        bounds, clamped = value_bounds(data, wanted, missing)
        values = [value_of(metric, own) for metric, own in zip(wanted, bounds, strict=True)]
        sums = unit_sums(data, values, variant=variant, breakdown=segments, missing=missing)
        counts = _counts(sums, variant)
        baseline = _control(control, counts, variant)
        shares = _split(split, counts, variant)
        order = _ordered(counts, baseline, shares)
        warnings = noted + clamped + check_values(wanted, sums, order, missing)
        whole, parts = judged_results(
            data,
            wanted,
            sums,
            order,
            chosen,
            variant=variant,
            breakdown=segments,
            missing=missing,
        )
        if pairs == "all":
            whole = with_pairs(whole, chosen)
        randomised: Mapping[str, int] = {}
        if adjustment.asked:
            rows = unit_rows(
                data,
                values,
                variant=variant,
                labels=(*segments, *adjustment.labels),
                covariates=adjustment.columns(wanted),
                missing=missing,
            )
            randomised = clusters_of(rows, adjustment)
            warnings += adjustment_words(rows, adjustment, wanted, order)
            whole = adjusted_results(whole, rows, adjustment, (), chosen)
            parts = adjusted_results(parts, rows, adjustment, segments, chosen)
    ratio = _sample_ratio(randomised or counts, shares)
    if ratio is not None and ratio.mismatch:
        warnings.insert(0, mismatch_words(ratio))
    if correction is not None:
        whole = corrected_results(whole, correction, chosen)
    elif said := uncorrected_words(len(comparisons(whole)), 1 - chosen.level):
        warnings.append(said)
    return Analysis(
        results=tuple(whole),
        segments=tuple(parts),
        units={key: counts[key] for key in order},
        control=baseline,
        sample_ratio=ratio,
        variant=variant,
        unit=unit,
        breakdown=segments,
        method=chosen.name,
        mode=chosen.mode,
        level=chosen.level,
        difference=chosen.difference,
        correction=correction or "",
        warnings=tuple(dict.fromkeys(warnings)),
        source=data.label,
        engine=data.engine,
        statement=data.rendered(sums.statement),
        cluster=adjustment.cluster,
        clusters={key: randomised[key] for key in order if key in randomised},
    )


def _columns(breakdown: Any) -> tuple[str, ...]:
    """Return the columns to break down by; none where None is given."""
    if breakdown is None:
        return ()
    if isinstance(breakdown, str):
        return (breakdown,)
    try:
        return tuple(breakdown)
    except TypeError:
        raise InputError(
            f"breakdown is {breakdown!r}; expected a column's name or several.",
            hint='Write breakdown="country", or breakdown=["country", "plan"].',
        ) from None


def value_of(metric: UnitMetric, bounds: Mapping[str, Bounds] | None = None) -> UnitValue:
    """Return what is summed for a metric; of a quantile only its units are counted."""
    return UnitValue(
        metric.column,
        metric.denominator,
        metric.covariate,
        binary=metric.kind == "proportion",
        bounds=bounds or {},
    )


def _counts(sums: UnitSums, variant: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (key, _), n in sums.units.items():
        counts[key] = counts.get(key, 0) + n
    if not counts:
        raise InputError("The table has no rows.", hint="There is nothing to analyse yet.")
    if len(counts) > MOST_VARIANTS:
        raise InputError(
            f"Column {variant!r} has {len(counts):,} different values; these are no variants.",
            hint="Name the column that says each unit's variant.",
        )
    if len(counts) == 1:
        raise InputError(
            f"Column {variant!r} holds only {next(iter(counts))!r}; there is nothing to compare.",
            hint="Both arms belong into the table.",
        )
    return counts


def _control(control: Any, counts: Mapping[str, int], variant: str) -> str:
    key = key_of(control)
    if key in counts:
        return str(key)
    same = [name for name in counts if _number(name) is not None and _number(name) == _number(key)]
    if len(same) == 1:
        return same[0]  # a file's 1.0 is the control 1
    listed = ", ".join(sorted(counts))
    raise InputError(
        f"No unit has the control {control!r} in column {variant!r}.",
        hint=f"{meant(str(key), counts)}The variants are: {listed}. "
        "Say which is the control: control='…'.",
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _split(split: Any, counts: Mapping[str, int], variant: str) -> dict[str, float] | None:
    if split is None:
        return None
    if split == "equal":
        return dict.fromkeys(sorted(counts), 1.0)
    if not isinstance(split, Mapping):
        raise InputError(
            f"split is {split!r}; expected the share of each variant.",
            hint="For example split={'control': 50, 'test': 50}, or split='equal'.",
        )
    shares = {str(key_of(key)): share_of(key, share) for key, share in split.items()}
    for key in counts:
        if key not in shares:
            raise InputError(
                f"Variant {key!r} of column {variant!r} has no share in the split.",
                hint=f"The split has: {', '.join(shares)}. Leave the variant's rows out, or "
                "state its share.",
            )
    return shares


def _ordered(
    counts: Mapping[str, int], control: str, shares: Mapping[str, float] | None
) -> list[str]:
    listed = [key for key in shares or sorted(counts) if key in counts]
    return [control, *(key for key in listed if key != control)]


def _sample_ratio(
    counts: Mapping[str, int], shares: Mapping[str, float] | None
) -> SampleRatioMismatch | None:
    from exp_jupyter.engine.checks.sample_ratio import sample_ratio_mismatch

    return None if shares is None else sample_ratio_mismatch(counts, shares)
