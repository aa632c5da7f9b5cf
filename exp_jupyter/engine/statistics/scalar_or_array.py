"""One formula for a float and for an array: floats need no numpy and stay fast and light."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from exp_jupyter.engine.statistics.arguments import inside, number
from exp_jupyter.errors import StatisticsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = float | NDArray[np.float64]

_NORMAL = NormalDist()


def as_numbers(name: str, value: object) -> Numbers:
    """Return a number as a float or an integer, and a list or array of them as an array.

    Raises
    ------
    exp_jupyter.errors.InputError
        ``value`` is not numeric.
    """
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, (bool, numbers.Real)):
        found = number(name, value)
        return value if isinstance(value, int) else found
    inside(name, value, -math.inf, math.inf)
    from exp_jupyter.engine.statistics.arrays import floats

    array = floats(value, name)
    return array if array.ndim else float(array)


@contextmanager
def computable() -> Iterator[None]:
    """Refuse numbers whose formula leaves the range of floats."""
    try:
        yield
    except (OverflowError, ZeroDivisionError) as error:
        raise StatisticsError(
            "not_finite",
            "The numbers are too large or too small to compute with.",
            hint="Check the units, or use another unit for the metric.",
        ) from error


def normal_quantile(probability: Numbers) -> Numbers:
    """Return the standard normal quantile of ``probability``."""
    if isinstance(probability, (int, float)):
        if 0 < probability < 1:
            return _NORMAL.inv_cdf(probability)
        return -math.inf if probability <= 0 else math.inf
    from scipy import special

    return cast("Numbers", special.ndtri(probability))


def normal_cdf(z: Numbers) -> Numbers:
    """Return the standard normal distribution function at ``z``, accurate in the lower tail."""
    if isinstance(z, (int, float)):
        return 0.5 * math.erfc(-z / math.sqrt(2))
    from scipy import special

    return cast("Numbers", special.ndtr(z))


def log(x: Numbers) -> Numbers:
    """Return the natural logarithm."""
    if isinstance(x, (int, float)):
        return math.log(x)
    import numpy as np

    return cast("Numbers", np.log(x))


def expm1(x: Numbers) -> Numbers:
    """Return ``exp(x) - 1``."""
    if isinstance(x, (int, float)):
        return math.expm1(x) if x < 700 else math.inf
    import numpy as np

    return cast("Numbers", np.expm1(x))


def where(condition: Any, yes: Numbers, no: Numbers) -> Any:
    """Return ``yes`` where the condition holds and ``no`` elsewhere."""
    if isinstance(condition, bool):
        return yes if condition else no
    import numpy as np

    return np.where(condition, yes, no)


def everywhere(x: Any, holds: Callable[[Any], Any]) -> bool:
    """Return whether a condition holds for the number, or for every number of the array."""
    held = holds(x)
    return held if isinstance(held, bool) else bool(held.all())
