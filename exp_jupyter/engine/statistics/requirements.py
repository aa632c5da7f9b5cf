"""What every method asks of its level and of the arms it is given."""

from __future__ import annotations

import numpy as np

from exp_jupyter.engine.statistics.arguments import level
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.refusals import Refusal

ALTERNATIVES = ("two-sided", "greater", "less")
DIFFERENCES = ("relative", "absolute")


def check_level(name: str, value: object, code: str) -> None:
    """Refuse a level outside the open interval from 0 to 1."""
    level(name, value, code, "0.05 is the usual alpha, 0.95 the usual level.")


def least_units(control: Statistic, treatment: Statistic, least: int) -> list[Refusal]:
    """Return where an arm has fewer units than a method can use."""
    return [
        Refusal(
            f"{name}_n_below_minimum",
            np.asarray(arm.n) < least,
            f"the {name} has fewer than {least} units",
            "Wait for more units.",
        )
        for name, arm in (("treatment", treatment), ("control", control))
    ]


def kind_mismatch(control: Statistic, treatment: Statistic) -> list[Refusal]:
    """Return a refusal when the arms carry different statistics."""
    return [
        Refusal(
            "statistic_type_mismatch",
            np.asarray(control.kind != treatment.kind),
            f"the control is a {control.kind}, the treatment a {treatment.kind}",
            "Compare two statistics of the same kind.",
        )
    ]
