"""What the engine refuses: a code, a sentence, and which elements of an array are meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.engine.statistics.arrays import Booleans
from exp_jupyter.errors import StatisticsError


@dataclass(frozen=True, eq=False)
class Refusal:
    """One reason to refuse, for the elements where ``where`` is true.

    Parameters
    ----------
    code
        The machine-readable reason, for example ``zero_variance``.
    where
        Which elements are refused; any shape that broadcasts to the comparison's.
    message
        What was wrong and what was expected.
    hint
        What to do next.
    """

    code: str
    where: Booleans
    message: str
    hint: str = ""


def raise_first(refusals: Iterable[Refusal]) -> None:
    """Raise the first refusal that applies to any element.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        At least one element is refused; the message says which when there are several.
    """
    for refusal in refusals:
        if not refusal.where.any():
            continue
        message = refusal.message
        if refusal.where.ndim:
            first = tuple(int(axis[0]) for axis in np.nonzero(refusal.where))
            at = str(first[0]) if len(first) == 1 else str(first)
            count = int(refusal.where.sum())
            message = f"{message} ({count} of {refusal.where.size} elements, the first at {at})"
        raise StatisticsError(refusal.code, message, hint=refusal.hint)


def codes(refusals: Sequence[Refusal], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return, for every element, the code of its first refusal, "" where it is accepted."""
    if not any(refusal.where.any() for refusal in refusals):
        # One element seen everywhere: most comparisons refuse nothing, however many they are.
        return np.broadcast_to(np.array("", dtype=object), shape)
    found = np.full(shape, "", dtype=object)
    for refusal in reversed(refusals):
        if refusal.where.any():
            found[np.broadcast_to(refusal.where, shape)] = refusal.code
    return found
