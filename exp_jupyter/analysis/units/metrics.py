"""Metrics of a unit-level table in a few characters, such as ``orders/sessions:ratio``."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request import suggestions

Goal = Literal["increase", "decrease"]

FORMS = ("mean", "proportion", "ratio", "median", "quantile(0.9)", "bootstrap(gini)")
_BOOTSTRAP = re.compile(r"bootstrap\(\s*([a-z_]+(?:\([^()]*\))?)\s*((?:,[^()]*)?)\)")
_KIND = re.compile(r"(mean|proportion|ratio|median)|quantile\(\s*([0-9.]+)\s*\)")


@dataclass(frozen=True)
class UnitMetric:
    """A metric of a table with one row a unit.

    Parameters
    ----------
    kind
        ``mean``, ``proportion`` (a yes/no per unit), ``ratio`` (sums of two columns),
        ``quantile``, or ``bootstrap`` of any statistic of a column.
    column
        The column; of a ratio the numerator.
    denominator
        The denominator of a ratio.
    level
        Which quantile: 0.5 is the median.
    name
        What to call it; by default its short form.
    goal
        Which direction is good.
    covariate
        A column measured before the experiment that reduces the variance (CUPED).
    winsorize
        Levels of the bounds that values are clamped to, over all units together; None for none.
    cap
        The greatest value that counts as it is; larger ones count as this much.
    statistic
        Of a bootstrap: the statistic's name, such as ``trimmed_mean(0.1)`` or ``gini``, or a
        function that takes the values of one arm and returns a number.
    draws, seed
        Of a bootstrap: how often each arm is drawn again, and what draws the same again.
    """

    kind: Literal["mean", "proportion", "ratio", "quantile", "bootstrap"]
    column: str
    denominator: str | None = None
    level: float | None = None
    name: str = ""
    goal: Goal = "increase"
    covariate: str | None = None
    winsorize: tuple[float | None, float | None] | None = None
    cap: float | None = None
    statistic: Any = None
    draws: int = 10_000
    seed: int = 0

    def __str__(self) -> str:
        """Return the short form."""
        if self.kind == "ratio":
            return f"{self.column}/{self.denominator}:ratio"
        if self.kind == "quantile":
            return f"{self.column}:quantile({self.level:g})"
        if self.kind == "bootstrap":
            named = getattr(self.statistic, "__name__", self.statistic)
            draws = f", draws={self.draws}" if self.draws != 10_000 else ""
            seed = f", seed={self.seed}" if self.seed else ""
            return f"{self.column}:bootstrap({named}{draws}{seed})"
        return f"{self.column}:{self.kind}"

    @property
    def label(self) -> str:
        """What to call it."""
        return self.name or str(self)

    @property
    def columns(self) -> list[str]:
        """The columns it is made of, without the covariate."""
        return [self.column, *([self.denominator] if self.denominator else [])]


def read_metrics(
    metrics: Any,
    columns: Mapping[str, str],
    *,
    covariate: str | Mapping[str, str] | None = None,
    goal: Goal | Mapping[str, Goal] = "increase",
    winsorize: Any = None,
    cap: Any = None,
    text: bool = False,
) -> list[UnitMetric]:
    """Read metrics and give each its covariate, its goal and its bounds.

    Parameters
    ----------
    metrics
        One short form or a sequence of them, or a mapping from names to them, or ``UnitMetric``.
    columns
        The table's columns and their kinds (``number``, ``boolean``, ``text``, …).
    covariate, goal
        One for all (a covariate: for all but quantiles), or by a metric's name, short form or
        column.
    winsorize, cap
        One for all means and ratios, or by a metric's name, short form or column.
    text
        Whether columns of text may hold numbers.

    Raises
    ------
    exp_jupyter.errors.InputError
        A form cannot be read, or names a column that is not there or of the wrong type.

    Examples
    --------
    >>> columns = {"orders": "number", "sessions": "number", "paid": "boolean"}
    >>> [str(metric) for metric in read_metrics(["orders/sessions:ratio", "paid"], columns)]
    ['orders/sessions:ratio', 'paid:proportion']
    """
    named = metrics.items() if isinstance(metrics, Mapping) else _listed(metrics)
    found = []
    for name, form in named:
        metric = form if isinstance(form, UnitMetric) else read_metric(form, columns)
        metric = replace(metric, name=name or metric.name)
        _check_columns(metric, columns, text=text)
        found.append(metric)
    if not found:
        raise InputError(
            "There is no metric to analyse.", hint=f"Name at least one: {_suggested(columns)}."
        )
    labels = [metric.label for metric in found]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(
                f"Metric {label!r} is given {labels.count(label)} times.",
                hint="Name a metric once, or give its forms different names in a mapping.",
            )
    if isinstance(covariate, (list, tuple)):
        raise InputError(
            f"covariate is {covariate!r}; expected one column.",
            hint=f"Several adjust together: covariates={list(covariate)!r}.",
        )
    goals = _by_metric(found, goal, "goal")
    covariates = _by_metric(found, covariate, "covariate")
    for i, metric in enumerate(found):
        if goals[i] not in ("increase", "decrease"):
            raise InputError(f"goal is {goals[i]!r}; expected increase or decrease.")
        chosen = covariates[i] or metric.covariate
        if metric.kind in ("quantile", "bootstrap") and chosen:
            if not isinstance(covariate, str) or len(found) == 1:
                raise InputError(
                    f"Metric {metric.label!r} is a {metric.kind}, which takes no covariate.",
                    hint="Give the covariate to means, proportions and ratios by name.",
                )
            chosen = None
        if chosen:
            check_numeric(chosen, columns, f"the covariate of {metric.label!r}", text=text)
            if chosen in metric.columns:
                raise InputError(
                    f"Column {chosen!r} is both metric {metric.label!r} and its covariate.",
                    hint="A covariate is a column measured before the experiment.",
                )
        found[i] = replace(metric, goal=goals[i], covariate=chosen)
    return with_bounds(found, winsorize, cap)


def read_metric(form: Any, columns: Mapping[str, str]) -> UnitMetric:
    """Read one short form; without a kind, a yes/no column is a proportion, a number a mean."""
    if not isinstance(form, str) or not form.strip():
        raise InputError(
            f"A metric cannot be {form!r}.", hint=f"Write it as {_suggested(columns)}."
        )
    text = form.strip()
    what, colon, kind = (part.strip() for part in text.rpartition(":"))
    drawn = _BOOTSTRAP.fullmatch(kind) if colon else None
    if drawn is not None:
        return bootstrap_metric(what, drawn[1], **_draws(drawn[2], text))
    matched = _KIND.fullmatch(kind.lower()) if colon else None
    if matched is None:
        if colon and text not in columns:
            close = difflib.get_close_matches(kind, FORMS, n=1, cutoff=0.5)
            said = f"Did you mean {what}:{close[0]}?" if close else ""
            raise InputError(
                f"Metric {text!r} is of no known kind.",
                hint=said or f"The kinds are {', '.join(FORMS)}.",
            )
        return UnitMetric("proportion" if columns.get(text) == "boolean" else "mean", text)
    word, level = matched[1], matched[2]
    if word == "ratio":
        above, below = _split_ratio(what, columns, text)
        return UnitMetric("ratio", above, below)
    if word == "median" or level:
        return UnitMetric("quantile", what, level=_level(level or "0.5", text))
    return UnitMetric("proportion" if word == "proportion" else "mean", what)


def bootstrap_metric(
    column: str, statistic: Any, *, draws: int = 10_000, seed: int = 0
) -> UnitMetric:
    """Return the metric of a statistic that is compared by the bootstrap.

    Parameters
    ----------
    column
        The column.
    statistic
        A name such as ``trimmed_mean(0.1)``, or a function of an array of values.
    draws, seed
        How often each arm is drawn again, and what draws the same again.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such statistic.

    Examples
    --------
    >>> str(bootstrap_metric("spent", "gini", draws=2000))
    'spent:bootstrap(gini, draws=2000)'
    """
    from exp_jupyter.engine.comparison.estimates.unit_statistics import statistic_of

    statistic_of(statistic)
    return UnitMetric("bootstrap", column, statistic=statistic, draws=draws, seed=seed)


def _draws(written: str, text: str) -> dict[str, int]:
    """Return ``draws`` and ``seed`` as a form states them."""
    found: dict[str, int] = {}
    for part in written.split(",")[1:]:
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in ("draws", "seed") or not value.isdecimal():
            raise InputError(
                f"Metric {text!r} cannot be read at {part.strip()!r}.",
                hint="After the statistic may stand draws and seed: bootstrap(gini, draws=2000).",
            )
        found[name] = int(value)
    return found


def _level(written: str, text: str) -> float:
    try:
        level = float(written)
    except ValueError:
        level = -1.0
    if not 0 < level < 1:
        raise InputError(
            f"Metric {text!r} has level {written}; expected one between 0 and 1.",
            hint="The 90th percentile is quantile(0.9).",
        )
    return level


def _split_ratio(what: str, columns: Mapping[str, str], text: str) -> tuple[str, str]:
    parts = what.split("/")
    splits = [("/".join(parts[:i]).strip(), "/".join(parts[i:]).strip()) for i in range(1, 9)]
    splits = [(above, below) for above, below in splits if above and below]
    if not splits:
        raise InputError(
            f"Metric {text!r} has no denominator.", hint="Write it as orders/sessions:ratio."
        )
    # A column's own name may hold a slash.
    return next(((a, b) for a, b in splits if a in columns and b in columns), splits[0])


def _listed(metrics: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(metrics, (str, UnitMetric)):
        metrics = [metrics]
    if not isinstance(metrics, Iterable):
        raise InputError(
            f"metrics is {metrics!r}; expected one or several short forms.",
            hint='For example metrics=["revenue:mean"]; see the short forms in analyze?.',
        )
    return [("", form) for form in metrics]


def _check_columns(metric: UnitMetric, columns: Mapping[str, str], *, text: bool) -> None:
    for name in metric.columns:
        check_numeric(name, columns, f"metric {metric.label!r}", text=text)
    if metric.denominator == metric.column:
        raise InputError(
            f"Metric {metric.label!r} divides column {metric.column!r} by itself.",
            hint="Give two different columns.",
        )


def check_numeric(name: str, columns: Mapping[str, str], role: str, *, text: bool) -> None:
    """Refuse a column that is not there or holds no numbers.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names the column, its role and what it holds.
    """
    check_exists(name, columns, role)
    if columns[name] not in ("number", "boolean", "", *(["text"] if text else [])):
        raise InputError(
            f"Column {name!r}, {role}, holds {_WORDS[columns[name]]}, not numbers.",
            hint="Convert it, or choose another column.",
        )


_WORDS = {"text": "text", "time": "dates or times", "other": "values of another type"}


def check_exists(name: str, columns: Mapping[str, str], role: str) -> None:
    """Refuse a column that is not there.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names it, and the hint the nearest one that is there.
    """
    if name in columns:
        return
    name = str(name)
    near = suggestions.meant(name, columns)
    listed = ", ".join(list(columns)[:20]) + (", …" if len(columns) > 20 else "")
    raise InputError(
        f"There is no column {name!r} for {role}.",
        hint=f"{near}The columns are: {listed}.",
    )


def with_bounds(metrics: Sequence[UnitMetric], winsorize: Any, cap: Any) -> list[UnitMetric]:
    """Return the metrics with the bounds that their values are clamped to.

    Parameters
    ----------
    metrics
        Means and ratios take bounds; given for all, the others are left as they are.
    winsorize
        An upper level such as 0.99, or a lower and an upper one.
    cap
        The greatest value that counts as it is.

    Raises
    ------
    exp_jupyter.errors.InputError
        A level is no fraction, a cap no finite number, or a metric of another kind was named.

    Examples
    --------
    >>> (metric,) = with_bounds([UnitMetric("mean", "revenue")], 0.99, None)
    >>> metric.winsorize
    (None, 0.99)
    """
    found = []
    levels, caps = _by_metric(metrics, winsorize, "winsorize"), _by_metric(metrics, cap, "cap")
    for metric, own, most in zip(metrics, levels, caps, strict=True):
        if own is None and most is None:
            found.append(metric)
            continue
        if metric.kind not in ("mean", "ratio"):
            named = isinstance(winsorize if own is not None else cap, Mapping)
            if named or len(metrics) == 1:
                raise InputError(
                    f"Metric {metric.label!r} is a {metric.kind}, which takes no bounds.",
                    hint="winsorize and cap are for means and ratios.",
                )
            found.append(metric)
            continue
        if own is not None and most is not None:
            raise InputError(
                f"Metric {metric.label!r} is given both winsorize and cap.",
                hint="Give one of them: winsorize=0.99, or cap=500.",
            )
        found.append(
            replace(
                metric,
                winsorize=None if own is None else levels_of(own),
                cap=None if most is None else _finite("cap", most),
            )
        )
    return found


def levels_of(given: Any) -> tuple[float | None, float | None]:
    """Return a lower and an upper level from one upper level, or from two.

    Raises
    ------
    exp_jupyter.errors.InputError
        They are no fractions from 0 to 1, or the lower one is above.

    Examples
    --------
    >>> levels_of(0.99), levels_of((0.01, 0.99))
    ((None, 0.99), (0.01, 0.99))
    """
    parts = tuple(given) if isinstance(given, (list, tuple)) else (None, given)
    levels = [None if part is None else _finite("winsorize", part) for part in parts]
    known = [level for level in levels if level is not None]
    if len(levels) != 2 or not known or not all(0 <= level <= 1 for level in known):
        raise InputError(
            f"winsorize is {given!r}; expected a level between 0 and 1, or two of them.",
            hint="For the 99th percentile give winsorize=0.99; for both sides (0.01, 0.99).",
        )
    if known != sorted(known):
        raise InputError(
            f"winsorize is {given!r}; the lower level comes first.",
            hint="For example (0.01, 0.99).",
        )
    return levels[0], levels[1]


def _finite(name: str, given: Any) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(given, bool) or not math.isfinite(number):
        raise InputError(
            f"{name} is {given!r}; expected a number.",
            hint="For example winsorize=0.99, or cap=500.",
        )
    return number


def _by_metric(metrics: Sequence[UnitMetric], given: Any, what: str) -> list[Any]:
    """Return what belongs to each metric: one for all, or by name, short form or column."""
    if not isinstance(given, Mapping):
        return [given] * len(metrics)
    default = "increase" if what == "goal" else None
    chosen: list[Any] = [default] * len(metrics)
    for key, value in given.items():
        meant = [
            i for i, m in enumerate(metrics) if key in (m.name, str(m), m.column) or key == m.label
        ]
        if not meant:
            raise InputError(
                f"The {what} of {key!r} belongs to no metric.",
                hint=f"The metrics are: {', '.join(m.label for m in metrics)}.",
            )
        for i in meant:
            chosen[i] = value
    return chosen


def _suggested(columns: Mapping[str, str]) -> str:
    usable = [name for name, kind in columns.items() if kind in ("number", "boolean")]
    shown = [f"{n}:{'proportion' if columns[n] == 'boolean' else 'mean'}" for n in usable[:3]]
    return " or ".join(repr(form) for form in shown or ["revenue:mean"])
