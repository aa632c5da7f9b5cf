"""P-values of one analysis corrected for how many comparisons it makes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from exp_jupyter.engine.statistics.arguments import choose
from exp_jupyter.errors import InputError

Key = TypeVar("Key", bound=Hashable)


def check_correction(correction: str | None, method: str) -> None:
    """Refuse a correction that cannot be made, before anything is read.

    Parameters
    ----------
    correction
        Its name, or None for none.
    method
        The name of the method that judges.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such correction, and the message lists those there are; or the method has no
        p-values.
    """
    if correction is None:
        return
    from exp_jupyter.engine.multiple.corrections import METHODS

    choose("correction", correction, METHODS)
    if method == "bayesian":
        raise _nothing()


def corrected(p_values: Mapping[Key, float], correction: str, alpha: float) -> dict[Key, float]:
    """Return the corrected p-values of one family of comparisons.

    Parameters
    ----------
    p_values
        One per comparison.
    correction, alpha
        As ``exp_jupyter.engine.multiple.corrections.adjust`` takes them.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such correction, or nothing to correct.

    Examples
    --------
    >>> corrected({"revenue": 0.01, "orders": 0.04}, "holm", 0.05)
    {'revenue': 0.02, 'orders': 0.04}
    """
    from exp_jupyter.engine.multiple.corrections import adjust

    if not p_values:
        raise _nothing()
    adjusted = adjust(list(p_values.values()), correction, alpha=alpha).adjusted.tolist()
    return dict(zip(p_values, adjusted, strict=True))


def _nothing() -> InputError:
    return InputError(
        "There are no p-values to correct.", hint="Use a frequentist or sequential method."
    )
