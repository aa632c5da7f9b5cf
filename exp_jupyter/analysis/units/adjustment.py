"""What is known of units beside their metrics: covariates, strata, a model, clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exp_jupyter.analysis.units.metrics import UnitMetric, check_exists, check_numeric
from exp_jupyter.errors import InputError

ADJUSTMENTS = ("cuped", "lin")
COVARIANCES = ("HC0", "HC1", "HC2", "HC3")
BOOTSTRAPS = ("auto", "wild", "none")


@dataclass(frozen=True, kw_only=True)
class Adjustment:
    """How units' values are adjusted before arms are compared, and what was randomised.

    Parameters
    ----------
    covariates
        Columns of numbers from before the exposure.
    strata
        Columns of groups from before the exposure.
    adjust
        ``lin`` (regression), ``cuped``, or None for what fits the columns.
    covariance
        ``HC0`` to ``HC3``, of the regression's errors.
    model
        Predicts the metric from covariates and strata; the prediction is then the covariate.
    folds, seed
        Of the cross-fitting, and of the bootstrap.
    cluster
        Columns that together name what was randomised.
    bootstrap
        ``wild``, ``none``, or ``auto`` for the wild one where clusters are few.
    """

    covariates: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    adjust: str | None = None
    covariance: str = "HC2"
    model: Any = None
    folds: int = 5
    seed: int = 0
    cluster: tuple[str, ...] = ()
    bootstrap: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("adjust", ADJUSTMENTS),
            ("covariance", COVARIANCES),
            ("bootstrap", BOOTSTRAPS),
        ):
            value = getattr(self, name)
            if value not in allowed and not (name == "adjust" and value is None):
                raise InputError(f"{name} is {value!r}; expected {' or '.join(allowed)}.")
        if self.model is not None and not (
            hasattr(self.model, "fit") and hasattr(self.model, "predict")
        ):
            raise InputError(
                f"model is {self.model!r}; expected an object with fit(X, y) and predict(X).",
                hint="For example model=sklearn.linear_model.Ridge().",
            )
        if self.bootstrap == "wild" and not self.cluster:
            raise InputError(
                "bootstrap='wild' was given without clusters.",
                hint="Name what was randomised: cluster='store'.",
            )
        if self.adjust == "cuped" and (
            len(self.covariates) > 1 or self.strata or self.model is not None or self.cluster
        ):
            raise InputError(
                "adjust='cuped' takes one covariate, and no strata, model or clusters.",
                hint="adjust='lin' takes several of them.",
            )

    @property
    def asked(self) -> bool:
        """Whether sums alone do not do."""
        return bool(self.covariates or self.strata or self.cluster or self.adjust == "lin") or (
            self.model is not None
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns of names it needs."""
        return tuple(dict.fromkeys((*self.strata, *self.cluster)))

    def words(self, metric: UnitMetric) -> str:
        """Return how a metric is adjusted, for small print."""
        if not self.adjusts(metric):
            return ""
        if self.model is not None:
            return f"{type(self.model).__name__}, cross-fitted in {self.folds} parts"
        if self.cluster:
            return "Lin's regression, CR2"
        return f"Lin's regression, {self.covariance}" if self.features(metric) else "strata"

    def columns(self, metrics: Sequence[UnitMetric]) -> list[str]:
        """Return the columns of numbers it needs for some metrics."""
        return list(dict.fromkeys(name for m in metrics for name in self.features(m)))

    def features(self, metric: UnitMetric) -> tuple[str, ...]:
        """Return the columns of numbers that adjust a metric."""
        own = (metric.covariate,) if metric.covariate else ()
        return tuple(dict.fromkeys((*own, *self.covariates)))

    def adjusts(self, metric: UnitMetric) -> bool:
        """Whether a metric is compared otherwise than by its sums, for its clusters apart."""
        return metric.kind in ("mean", "proportion") and bool(self.features(metric) or self.strata)


def columns_of(name: str, given: Any) -> tuple[str, ...]:
    """Return one name or several as a tuple.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is neither, or names a column twice.

    Examples
    --------
    >>> columns_of("strata", "country"), columns_of("strata", None)
    (('country',), ())
    """
    if given is None:
        return ()
    if isinstance(given, (Mapping, bytes)) or not isinstance(given, (str, Sequence)):
        raise InputError(
            f"{name} is {given!r}; expected a column's name, or a list of them.",
            hint=f"For example {name}=['country', 'plan'].",
        )
    found = (given,) if isinstance(given, str) else tuple(str(column) for column in given)
    for column in found:
        if found.count(column) > 1:
            raise InputError(f"{name} names column {column!r} {found.count(column)} times.")
    return found


def check_adjustment(
    adjustment: Adjustment,
    columns: Mapping[str, str],
    metrics: Sequence[UnitMetric],
    roles: Mapping[str, str],
    method: Any,
    *,
    text: bool,
) -> list[str]:
    """Refuse an adjustment that cannot be made; return what to say of metrics left as they are.

    Parameters
    ----------
    columns
        The table's columns and their kinds.
    roles
        Columns that are something else, to what they are.
    method
        The engine's method.
    text
        Whether columns of text may hold numbers.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is not there, of the wrong type or of two roles; the method knows no regression;
        or no metric can be adjusted.
    """
    if not adjustment.asked:
        return []
    _check_method(method)
    for role, names in (
        ("a stratum", adjustment.strata),
        ("the cluster", adjustment.cluster),
        ("a covariate", adjustment.covariates),
    ):
        for name in names:
            _check_column(name, role, columns, metrics, roles, text=text)
    adjusting = bool(adjustment.covariates or adjustment.strata) or adjustment.adjust == "lin"
    adjusted = [metric for metric in metrics if adjustment.adjusts(metric)]
    if adjustment.model is not None and not any(adjustment.features(m) for m in adjusted):
        raise InputError(
            "model was given without covariates to predict from.",
            hint="Name columns from before the exposure: covariates=['visits', 'spent'].",
        )
    if (adjusting or adjustment.model is not None) and not adjusted:
        if all(metric.kind in ("mean", "proportion") for metric in metrics):
            raise InputError(
                "adjust='lin' was given without covariates.",
                hint="Name columns from before the exposure: covariates=['visits', 'spent'].",
            )
        raise InputError(
            "No metric here can be adjusted by a regression or strata; means and proportions can.",
            hint="A ratio takes one covariate with covariate='…' (CUPED), a quantile takes none.",
        )
    if not adjusting:
        return []
    return [
        f"{metric.label!r} is a {metric.kind}, which is not adjusted for covariates and strata"
        for metric in metrics
        if metric.kind not in ("mean", "proportion")
    ]


def _check_method(method: Any) -> None:
    plain = method.name == "frequentist" and method.mode == "recommended"
    if not plain or method.interval not in (None, "test"):
        raise InputError(
            "Covariates, strata and clusters are for the frequentist method in recommended mode, "
            "with its own interval.",
            hint="Leave method, mode and interval as they are by default.",
        )
    if method.equal_variances or method.normal:
        raise InputError(
            "Covariates, strata and clusters have robust errors and Student's t.",
            hint="Leave equal_variances and normal out of the method.",
        )


def _check_column(
    name: str,
    role: str,
    columns: Mapping[str, str],
    metrics: Sequence[UnitMetric],
    roles: Mapping[str, str],
    *,
    text: bool,
) -> None:
    check_exists(name, columns, role)
    other = roles.get(name)
    if other is not None and not (role == "the cluster" and other == "the unit"):
        raise InputError(
            f"Column {name!r} is both {other} and {role}.", hint="Each column has one role."
        )
    if role == "a covariate":
        check_numeric(name, columns, role, text=text)
    for metric in metrics:
        if name in metric.columns:
            raise InputError(
                f"Column {name!r} is both metric {metric.label!r} and {role}.",
                hint="A covariate, a stratum or a cluster was known before the experiment.",
            )
