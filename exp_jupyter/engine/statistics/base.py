"""What the sufficient statistics share: refusing impossible sums, moments, arrays of arms."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from exp_jupyter.engine.statistics.arguments import choose, switch
from exp_jupyter.engine.statistics.arrays import (
    Booleans,
    Floats,
    Numbers,
    element,
    flags,
    floats,
    numbers,
)
from exp_jupyter.engine.statistics.covariates import Covariate, RatioCovariate
from exp_jupyter.engine.statistics.moments import Moments, Thirds
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.engine.statistics.refusals import Refusal, raise_first
from exp_jupyter.errors import InputError

ROUNDING = 1e-9
"""Share of Σy² by which (Σy)²/n may exceed it before the sums are called inconsistent."""

PARTS = ("mean", "proportion")
"""What the numerator or denominator of a ratio may be."""

NO_DENOMINATOR = 1e-10
"""A mean this close to 0 divides nothing."""


def centred_squares(n: Floats, total: Floats, squares: Floats) -> Floats:
    """Return Σ(y − ȳ)² from raw sums, never below 0."""
    return np.maximum(squares - total * total / n, 0.0)


def sums_refusals(
    n: Floats, total: Floats, squares: Floats, *, exact: bool, of: str = ""
) -> list[Refusal]:
    """Return what is wrong with a count, a sum and a sum of squares."""
    with np.errstate(all="ignore"):
        lacking = total * total / n - squares
        bad = lacking > (0.0 if exact else ROUNDING * np.abs(squares))
    what = f"the sum of squares{of}"
    return [
        Refusal(
            "sum_squares_inconsistent",
            bad | (squares < 0),
            f"{what} is smaller than the sum squared over n, which no data can give",
            "Check that the sums come from the same units and were not rounded.",
        )
    ]


def not_finite(*values: Floats) -> Booleans:
    """Return where any of the values is NaN or infinite."""
    bad: Booleans = np.zeros((), dtype=np.bool_)
    for value in values:
        bad = bad | ~np.isfinite(value)
    return bad


def count_refusals(n: Floats, *sums: Floats) -> list[Refusal]:
    """Return what is wrong with a number of units and any sums being finite."""
    return [
        Refusal("not_finite", not_finite(n, *sums), "n and the sums must be finite numbers"),
        Refusal(
            "n_not_positive",
            n <= 0,
            "n must be at least 1",
            "An arm without units has no estimate; leave it out.",
        ),
    ]


def success_refusals(n: Floats, successes: Floats) -> list[Refusal]:
    """Return what is wrong with a number of successes out of n."""
    return [
        Refusal("successes_negative", successes < 0, "successes must be at least 0"),
        Refusal(
            "successes_exceed_n",
            successes > n,
            "successes must not exceed n",
            "A proportion counts each unit once; use Mean for counts per unit.",
        ),
    ]


def covariate_refusals(n: Floats, covariate: Covariate | None, *, exact: bool) -> list[Refusal]:
    """Return what is wrong with a single covariate's sums."""
    if covariate is None:
        return []
    total, squares = floats(covariate.sum), floats(covariate.sum_squares)
    parts = [total, squares, floats(covariate.cross)]
    if covariate.denominator_cross is not None:
        parts.append(floats(covariate.denominator_cross))
    counted = n if covariate.n is None else floats(covariate.n)
    return [
        Refusal("not_finite", not_finite(*parts), "the covariate's sums must be finite numbers"),
        Refusal(
            "cuped_n_mismatch",
            np.asarray(counted != n),
            "the covariate was summed over other units than the metric",
            "Count units without earlier events with a covariate of 0.",
        ),
        *sums_refusals(n, total, squares, exact=exact, of=" of the covariate"),
    ]


def single_moments(n: Numbers, total: Numbers, own: Floats, covariate: Covariate | None) -> Moments:
    """Return the moments of one variable and, if there is one, its covariate."""
    count, sum_y = floats(n), floats(total)
    means: tuple[Floats, ...] = (sum_y / count,)
    centred = {(0, 0): own}
    if covariate is not None:
        sum_x = floats(covariate.sum)
        means = (*means, sum_x / count)
        if covariate.centred is not None:
            centred[1, 1], centred[0, 1] = (floats(part) for part in covariate.centred)
        else:
            centred[1, 1] = centred_squares(count, sum_x, floats(covariate.sum_squares))
            centred[0, 1] = floats(covariate.cross) - sum_x * sum_y / count
    return Moments(count, means, centred)


def single_thirds(moments: Moments, cubes: Numbers, covariate: Covariate | None) -> Thirds | None:
    """Return the third moments of one variable and its covariate; None where one is not known."""
    sums = {(0, 0, 0): floats(cubes)}
    if covariate is not None:
        if covariate.third_sums is None:
            return None
        sums[1, 1, 1], sums[0, 1, 1], sums[0, 0, 1] = (
            floats(part) for part in covariate.third_sums
        )
    return Thirds.of_sums(moments, sums)


@dataclass(frozen=True, eq=False)
class Statistic:
    """What the three statistics share; use ``Mean``, ``Proportion`` or ``Ratio``."""

    kind: ClassVar[str]

    n: Numbers

    _carries: ClassVar[tuple[type, ...]] = (Covariate,)
    """Which sums of a covariate the statistic may carry."""

    def __post_init__(self) -> None:
        self.check_fields()
        raise_first(self.refusals())

    @classmethod
    def unchecked(cls, *args: Any, **fields: Any) -> Self:
        """Build the statistic without refusing anything.

        For a series with unusable elements: ``compare(..., on_refusal="mask")`` then says which
        they are. Takes the same arguments as the class.
        """
        statistic = object.__new__(cls)
        defaults = {
            field.name: field.default
            for field in dataclasses.fields(cls)
            if field.default is not dataclasses.MISSING
        }
        names = [field.name for field in dataclasses.fields(cls)]
        given = dict(zip(names, args, strict=False)) | fields
        missing = [name for name in names if name not in defaults | given]
        unknown = [name for name in given if name not in names]
        if missing or unknown or len(args) > len(names):
            raise TypeError(f"{cls.__name__} takes {', '.join(names)}")
        for name, value in (defaults | given).items():
            object.__setattr__(statistic, name, value)
        return statistic

    def check_fields(self) -> None:
        """Refuse sums that are no numbers, or whose shapes do not go together.

        Raises
        ------
        exp_jupyter.errors.InputError
            The message names the field and says what is expected.
        """
        carried = self.covariate_sums
        if carried is not None and not isinstance(carried, self._carries):
            raise InputError(
                f"covariate is {described(carried)}; expected the sums of one, "
                f"{' or '.join(kind.__name__ for kind in self._carries)}.",
                hint="Values of single units go into Mean.of(values, covariate).",
            )
        shapes = dict(_shapes(self, ""))
        try:
            np.broadcast_shapes(*shapes.values())
        except ValueError:
            differing = {shape: name for name, shape in reversed(shapes.items()) if shape}
            listed = ", ".join(f"{name} {shape}" for shape, name in reversed(differing.items()))
            raise InputError(
                f"the shapes of a {self.kind}'s sums do not go together: {listed}",
                hint="Give every sum one element per comparison, or a single number for all.",
            ) from None

    def refusals(self, *, exact: bool = False) -> list[Refusal]:
        """Return what is wrong with the sums, in the order in which it is reported.

        Parameters
        ----------
        exact
            Compare the sum of squares without a tolerance for rounding, as PostHog does.
        """
        raise NotImplementedError

    def moments(self) -> Moments:
        """Return the joint moments of the metric's variables, then of the covariate's."""
        raise NotImplementedError

    def thirds(self, moments: Moments) -> Thirds | None:
        """Return the joint third moments of the same variables; None where they are not known."""
        del moments
        return None

    def gradient(self, moments: Moments) -> dict[int, Floats]:
        """Return the derivative of the statistic with respect to its variables' means."""
        del moments  # the mean of one variable: its derivative is 1 wherever it is
        return {0: np.ones(())}

    def covariate_gradient(self, moments: Moments) -> dict[int, Floats]:
        """Return the derivative of the covariate's own statistic, by variable."""
        del moments
        return {1: np.ones(())}

    def covariate_value(self, moments: Moments) -> Floats:
        """Return the covariate's own mean or ratio."""
        return moments.means[1]

    @property
    def covariate_sums(self) -> Covariate | RatioCovariate | None:
        """The covariate, or None."""
        return getattr(self, "covariate", None)

    def without_covariate(self) -> Self:
        """Return the same sums with no covariate, so that no adjustment is made."""
        if self.covariate_sums is None:
            return self
        kept = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return self.unchecked(**(kept | {"covariate": None}))

    @property
    def mean(self) -> Numbers:
        """The estimate of the statistic: Σy/n, or Σa/Σb for a ratio."""
        raise NotImplementedError

    @property
    def variance(self) -> Numbers:
        """The variance per unit; the estimate's own variance is this over n."""
        raise NotImplementedError

    @property
    def standard_error(self) -> Numbers:
        """√(variance / n), in the metric's unit."""
        return numbers(np.sqrt(floats(self.variance) / floats(self.n)))

    @property
    def shape(self) -> tuple[int, ...]:
        """The common shape of all fields; () for a single arm."""
        return np.broadcast_shapes(*(shape for _, shape in _shapes(self, "")))

    def at(self, index: int | tuple[int, ...] | slice) -> Self:
        """Return one element (or a slice) of a statistic whose fields are arrays."""
        shape = self.shape
        return self.unchecked(
            **_mapped(self, lambda leaf: numbers(element(np.broadcast_to(leaf, shape), index)))
        )

    def __add__(self, other: Self) -> Self:
        """Return the statistic of both sets of units together: all sums add up."""
        if type(other) is not type(self):
            return NotImplemented
        return type(self)(**_added(self, other))


def per_unit(values: object, name: str) -> Floats:
    """Return per-unit values as an array with at least one unit on its last axis."""
    array = floats(values, name)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise InputError(
            f"{name} must hold at least one unit",
            hint="Pass one value per exposed unit, with zeros for units without events.",
        )
    return array


def _shapes(part: object, prefix: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Return the shape of every number behind a statistic or covariate, by the field's name."""
    for field in dataclasses.fields(part):  # type: ignore[arg-type]
        name, value = f"{prefix}{field.name}", getattr(part, field.name)
        if field.name == "covariate":
            if value is not None:
                yield from _shapes(value, "covariate.")
        elif field.name.endswith("_kind"):
            choose(name, value, PARTS)
        elif field.name == "signed":
            yield name, _flag_shape(name, value)
        elif field.name in getattr(part, "tuples", ()):
            if value is not None:
                expected = getattr(part, "tuples", {})[field.name]
                yield from ((name, each.shape) for each in _several(name, value, expected))
        elif value is not None or field.default is dataclasses.MISSING:
            yield name, floats(value, name).shape


def _several(name: str, value: object, expected: int) -> list[Floats]:
    if not isinstance(value, (tuple, list)) or len(value) != expected:
        raise InputError(f"{name} is {described(value)}; expected a tuple of {expected} sums.")
    return [floats(each, name) for each in value]


def _flag_shape(name: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple, np.ndarray)):
        switch(name, value)
        return ()
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        array = np.zeros(0)
    if array.dtype != np.bool_:
        raise InputError(f"{name} is {described(value)}; expected True or False for each element.")
    return array.shape


def _mapped(part: Any, change: Callable[[Floats], Numbers]) -> dict[str, Any]:
    """Return the fields of a dataclass with ``change`` applied to every number in them."""

    def walk(name: str, value: Any) -> Any:
        if value is None or isinstance(value, (str, bool)):
            return value
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return type(value)(**_mapped(value, change))
        if name == "signed":
            return flags(np.asarray(change(np.asarray(value, dtype=np.float64)), dtype=np.bool_))
        if name in getattr(part, "tuples", ()):
            return tuple(change(floats(item)) for item in value)
        return change(floats(value))

    names = [field.name for field in dataclasses.fields(part)]
    return {name: walk(name, getattr(part, name)) for name in names}


def _added(first: Any, second: Any) -> dict[str, Any]:
    """Return the fields of two like dataclasses added up; centred sums are dropped."""

    def add(name: str, one: Any, two: Any) -> Any:
        if name == "centred" or one is None or two is None:
            return None
        if isinstance(one, str):
            return one
        if name == "signed":
            return one | two
        if name in getattr(first, "tuples", ()):
            return tuple(numbers(floats(a) + floats(b)) for a, b in zip(one, two, strict=True))
        if dataclasses.is_dataclass(one) and not isinstance(one, type):
            return type(one)(**_added(one, two))
        return numbers(floats(one) + floats(two))

    return {
        field.name: add(field.name, getattr(first, field.name), getattr(second, field.name))
        for field in dataclasses.fields(first)
    }
