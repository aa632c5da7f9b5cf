"""Statistics of an arm's values that have no formula for their error, by name or as a function."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from exp_jupyter.engine.statistics.arrays import Floats
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError

Weighted = Callable[[Floats, Any], Floats]
"""Takes sorted values and weights of shape (draws, units); returns one number a draw."""

_WORD = re.compile(r"([a-z_]+)(?:\(\s*([0-9.eE+-]+)\s*\))?")


@dataclass(frozen=True)
class UnitStatistic:
    """A statistic of one arm's values.

    Parameters
    ----------
    name
        What it is called.
    of
        Takes the values, returns the statistic.
    weighted
        The same for many weightings of sorted values at once; None of a person's own function.
    """

    name: str
    of: Callable[[Floats], float]
    weighted: Weighted | None = None


NAMES = (
    *("mean", "trimmed_mean(0.1)", "gini", "std", "variance", "median", "quantile(0.9)"),
    *("geometric_mean", "top_share(0.1)"),
)


def statistic_of(given: str | Callable[[Floats], float]) -> UnitStatistic:
    """Return a statistic by its name, or made of a function.

    Parameters
    ----------
    given
        One of ``NAMES``, with another number in brackets where they have one, or a function of an
        array of values.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such name, its number is not usable, or it is no function.

    Examples
    --------
    >>> statistic_of("trimmed_mean(0.25)").of(np.array([1.0, 2.0, 4.0, 99.0]))
    3.0
    >>> statistic_of(np.max).of(np.array([1.0, 2.0]))
    2.0
    """
    if callable(given):
        return UnitStatistic(getattr(given, "__name__", "function"), _checked(given))
    if not isinstance(given, str):
        raise InputError(
            f"statistic is {described(given)}; expected a name or a function of values.",
            hint=f"The names are {', '.join(NAMES)}.",
        )
    matched = _WORD.fullmatch(given.strip().lower())
    word = matched[1] if matched else given.strip()
    if matched is None or word not in _MADE:
        near = difflib.get_close_matches(word, _MADE, n=1)
        raise InputError(
            f"There is no statistic {given!r}.",
            hint=f"{f'Did you mean {near[0]}? ' if near else ''}The names are {', '.join(NAMES)}.",
        )
    make, usual, most = _MADE[word]
    if usual is None:
        if matched[2]:
            raise InputError(f"The statistic {word} takes no number; it was given {matched[2]}.")
        weighted = make(0.0)
    else:
        number = _number(word, matched[2], usual, most)
        weighted = make(number)
    return UnitStatistic(given.strip(), _plain(weighted), weighted)


def _number(word: str, text: str | None, usual: float, most: float) -> float:
    try:
        number = usual if text is None else float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < most:
        raise InputError(
            f"{word}({text}) has no usable number; expected one above 0 and below {most:g}.",
            hint=f"For example {word}({usual:g}).",
        )
    return number


def _checked(function: Callable[[Floats], float]) -> Callable[[Floats], float]:
    """Return a person's function, its errors said in our words."""

    def called(values: Floats) -> float:
        try:
            return float(function(values))
        except Exception as error:
            name = getattr(function, "__name__", "the function")
            raise InputError(
                f"{name} failed on {values.size:,} values: {type(error).__name__}: {error}",
                hint="It takes an array of values and returns one number.",
            ) from error

    return called


def _plain(weighted: Weighted) -> Callable[[Floats], float]:
    def called(values: Floats) -> float:
        ordered = np.sort(values)
        return float(weighted(ordered, np.ones((1, ordered.size)))[0])

    return called


# ------------------------------------------------------------------------ many weightings at once


_STRIDE = 512
"""Units whose weights are summed before it is known where a rank falls."""


def _totals(weights: Any) -> Floats:
    return np.asarray(weights.sum(axis=1), dtype=np.float64)


def _sums(weights: Any, column: Floats) -> Floats:
    """Return Σw·column of every draw, in the weights' own precision.

    Not by a matrix product: its library would start threads of its own inside ours.
    """
    own = column.astype(weights.dtype)
    return np.asarray(np.einsum("ij,j->i", weights, own), dtype=np.float64)


def _first(column: Floats, weights: Any, ranks: Floats) -> tuple[Floats, Floats]:
    """Return Σw·column over the first ``rank`` drawn units, and what the next one has.

    Sums over strides say in which of them the rank falls; only that one is gone through.
    """
    draws, n = weights.shape
    starts = np.arange(0, n, _STRIDE)
    whole = n - n % _STRIDE
    body = weights[:, :whole].reshape(draws, -1, _STRIDE)
    own = column.astype(weights.dtype)
    counts = body.sum(axis=2)
    sums = np.einsum("dsk,sk->ds", body, own[:whole].reshape(-1, _STRIDE))
    if whole < n:
        rest = weights[:, whole:]
        counts = np.concatenate([counts, rest.sum(axis=1)[:, None]], axis=1)
        sums = np.concatenate([sums, np.einsum("ij,j->i", rest, own[whole:])[:, None]], axis=1)
    upto = np.cumsum(counts, axis=1, dtype=np.float64)
    before = np.cumsum(sums, axis=1, dtype=np.float64)
    places = np.minimum((upto <= ranks[:, None]).sum(axis=1), starts.size - 1)
    found, following = np.empty(draws), np.empty(draws)
    for i, (place, rank) in enumerate(zip(places, ranks, strict=True)):
        values = column[starts[place] : starts[place] + _STRIDE]
        counted = np.cumsum(weights[i, starts[place] : starts[place] + _STRIDE], dtype=np.float64)
        base, total = (upto[i, place - 1], before[i, place - 1]) if place else (0.0, 0.0)
        inside = rank - base
        at = min(int(np.searchsorted(counted, inside, side="right")), values.size - 1)
        taken = np.diff(np.minimum(counted[: at + 1], inside), prepend=0.0)
        found[i] = total + float(taken @ values[: at + 1])
        following[i] = values[at]
    return found, following


def _mean(_: float) -> Weighted:
    def weighted(ordered: Floats, weights: Any) -> Floats:
        # Around the mean, so that single precision keeps what varies.
        centre = ordered.mean()
        return np.asarray(centre + _sums(weights, ordered - centre) / _totals(weights))

    return weighted


def _spread(root: bool) -> Callable[[float], Weighted]:
    def make(_: float) -> Weighted:
        def weighted(ordered: Floats, weights: Any) -> Floats:
            gaps = ordered - ordered.mean()
            first, second = _sums(weights, gaps), _sums(weights, gaps * gaps)
            n = _totals(weights)
            variance = np.maximum(second - first * first / n, 0.0) / (n - 1)
            return np.sqrt(variance) if root else variance

        return weighted

    return make


def _geometric(_: float) -> Weighted:
    mean = _mean(0.0)

    def weighted(ordered: Floats, weights: Any) -> Floats:
        if ordered[0] <= 0:
            raise InputError(
                "A geometric mean needs values above 0.", hint="Leave the others out first."
            )
        return np.asarray(np.exp(mean(np.log(ordered), weights)))

    return weighted


def _trimmed(share: float) -> Weighted:
    def weighted(ordered: Floats, weights: Any) -> Floats:
        n = _totals(weights)
        # Whole units go, ⌊share·n⌋ on each side, as scipy.stats.trim_mean has it.
        cut = np.floor(share * n + 1e-9)
        centre = ordered.mean()
        gaps = ordered - centre
        below, upto = (_first(gaps, weights, ranks)[0] for ranks in (cut, n - cut))
        return np.asarray(centre + (upto - below) / (n - 2 * cut))

    return weighted


def _quantile(level: float) -> Weighted:
    def weighted(ordered: Floats, weights: Any) -> Floats:
        place = level * (_totals(weights) - 1)
        low = np.floor(place)
        left, right = (_first(ordered, weights, rank)[1] for rank in (low, low + 1))
        return left + (right - left) * (place - low)

    return weighted


def _gini(_: float) -> Weighted:
    def weighted(ordered: Floats, weights: Any) -> Floats:
        if ordered[0] < 0 or ordered[-1] <= 0:
            raise InputError(
                "A Gini index needs values from 0 on, some above 0.",
                hint="Use another statistic, or clamp values with cap and winsorize.",
            )
        held = weights * ordered.astype(weights.dtype)
        n = _totals(weights)
        before = np.cumsum(weights, axis=1)
        before -= weights / 2
        total = _totals(held)
        # Twice the area between the Lorenz curve and the diagonal.
        area = np.einsum("ij,ij->i", held, before)
        return np.asarray(2 * area / (n * total) - 1, dtype=np.float64)

    return weighted


def _top_share(share: float) -> Weighted:
    def weighted(ordered: Floats, weights: Any) -> Floats:
        if ordered[0] < 0 or ordered[-1] <= 0:
            raise InputError("A top share needs values from 0 on, some above 0.")
        total = _sums(weights, ordered)
        return 1 - _first(ordered, weights, (1 - share) * _totals(weights))[0] / total

    return weighted


_MADE: dict[str, tuple[Callable[[float], Weighted], float | None, float]] = {
    "mean": (_mean, None, 1),
    "trimmed_mean": (_trimmed, 0.1, 0.5),
    "gini": (_gini, None, 1),
    "std": (_spread(root=True), None, 1),
    "variance": (_spread(root=False), None, 1),
    "median": (lambda _: _quantile(0.5), None, 1),
    "quantile": (_quantile, 0.9, 1),
    "geometric_mean": (_geometric, None, 1),
    "top_share": (_top_share, 0.1, 1),
}
