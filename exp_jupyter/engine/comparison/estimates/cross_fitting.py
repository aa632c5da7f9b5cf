"""Cross-fitted predictions of a metric: what a model makes of many covariates (CUPAC, MLRATE)."""

from __future__ import annotations

import copy
from typing import Any, Protocol, runtime_checkable

import numpy as np

from exp_jupyter.engine.comparison.estimates.clusters import cluster_labels
from exp_jupyter.engine.statistics.arguments import whole
from exp_jupyter.engine.statistics.arrays import Floats, floats
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError


@runtime_checkable
class Model(Protocol):
    """What scikit-learn's models do: learn from units, then predict other units."""

    def fit(self, features: Any, values: Any, /) -> Any:
        """Learn from units × features and a value a unit."""

    def predict(self, features: Any, /) -> Any:
        """Return a prediction a unit."""


def cross_fitted(
    model: Model,
    features: object,
    values: object,
    *,
    folds: int = 5,
    seed: int = 0,
    clusters: object = None,
) -> Floats:
    """Return a prediction of every unit's value by a model that has not seen the unit.

    Parameters
    ----------
    model
        Has ``fit(X, y)`` and ``predict(X)``; it is copied for every fold and stays untouched. Of
        one that has ``predict_proba`` the probability of the last class is taken.
    features
        Units × features, all known before exposure.
    values
        One value per unit; of both arms, and the model is not told which.
    folds
        How many parts the units are divided into.
    seed
        What the division begins from.
    clusters
        One label per unit: units of one cluster are in one part.

    Returns
    -------
    ndarray
        One prediction per unit.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such model, it fails, or it predicts something else than a number per unit.

    Notes
    -----
    Sources: Guo, Coey, Konutgan, Li, Schoener, Goldman, *Machine Learning for Variance Reduction in
    Online Experiments*; Tang, Huang, Kastelman, Bauman, *Control Using Predictions as Covariates in
    Switchback Experiments*.

    Examples
    --------
    >>> class Middle:
    ...     def fit(self, features, values):
    ...         self.mean = values.mean()
    ...     def predict(self, features):
    ...         return np.full(len(features), self.mean)
    >>> cross_fitted(Middle(), [[1.0], [2.0], [3.0], [4.0]], [2.0, 2.0, 2.0, 2.0], folds=2)
    array([2., 2., 2., 2.])
    """
    if not isinstance(model, Model) or isinstance(model, type):
        raise InputError(
            f"model is {described(model)}; expected an object with fit(X, y) and predict(X).",
            hint="For example model=sklearn.linear_model.Ridge().",
        )
    x, y = floats(features, "features"), floats(values, "values")
    if x.ndim != 2 or y.ndim != 1 or len(x) != y.size or not np.isfinite(x).all():
        raise InputError(f"features has shape {x.shape}; expected {y.size} rows of finite numbers.")
    whole("folds", folds, 2, hint="5 is usual.")
    whole("seed", seed, 0)
    _, member = cluster_labels(np.arange(y.size) if clusters is None else clusters, y.size)
    groups = int(member.max()) + 1 if member.size else 0
    if groups < folds:
        raise InputError(
            f"{groups} units or clusters cannot be divided into {folds} folds.",
            hint="Give fewer folds.",
        )
    dealt = np.random.default_rng(seed).permutation(groups) % folds
    fold = dealt[member]
    found = np.empty(y.size)
    for number in range(folds):
        held = fold == number
        found[held] = _predicted(model, x[~held], y[~held], x[held])
    return found


def _predicted(model: Model, x: Floats, y: Floats, unseen: Floats) -> Floats:
    own = copy.deepcopy(model)
    try:
        own.fit(x, y)
        classes = getattr(own, "predict_proba", None)
        answer = own.predict(unseen) if classes is None else classes(unseen)[:, -1]
        found = np.asarray(answer, dtype=np.float64)
    except Exception as error:
        raise InputError(
            f"The model {type(model).__name__} failed: {type(error).__name__}: {error}",
            hint="It is given the covariates of some units and their values of the metric.",
        ) from error
    if found.shape != (len(unseen),) or not np.isfinite(found).all():
        raise InputError(
            f"The model {type(model).__name__} predicted an array of shape {found.shape}; expected "
            f"one finite number for each of {len(unseen):,} units.",
            hint="Its predict(X) returns one number a row.",
        )
    return found
