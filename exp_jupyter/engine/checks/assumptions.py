"""What a comparison of two arms rests on, checked one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exp_jupyter.engine.checks.sample_ratio import (
    TOLERATED_MULTIPLE_PERCENTAGE,
    sample_ratio_mismatch,
)
from exp_jupyter.engine.inference.cautions import arm_cautions, wide_baseline
from exp_jupyter.engine.statistics.arguments import instance, number, pair, switch
from exp_jupyter.engine.statistics.arrays import floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.engine.statistics.refusals import raise_first
from exp_jupyter.errors import InputError


@dataclass(frozen=True)
class AssumptionCheck:
    """One assumption behind a comparison.

    Attributes
    ----------
    code
        Machine-readable name.
    verdict
        ``"ok"`` or ``"warn"``.
    sentence
        What was found.
    """

    code: str
    verdict: Literal["ok", "warn"]
    sentence: str


def assumption_checks(
    control: Statistic,
    treatment: Statistic,
    *,
    split: tuple[float, float] | None = None,
    values: Sequence[object] = (),
    mature_shares: tuple[float, float] | None = None,
    multiple_share: float | None = None,
    planned_n: float | None = None,
    sequential: bool = False,
) -> tuple[AssumptionCheck, ...]:
    """Check what a comparison of two arms rests on.

    Parameters
    ----------
    control, treatment
        The arms, as scalars.
    split
        Planned shares of control and treatment.
    values
        For one or both arms the units' values, to look for a few units that hold the variance.
    mature_shares
        Share of units in each arm whose conversion window is over.
    multiple_share
        Share of units seen with several variants.
    planned_n
        Planned total of units, to notice an early look at a fixed-horizon test.
    sequential
        Whether the method allows early looks.

    Examples
    --------
    >>> from exp_jupyter.engine.statistics.means import Proportion
    >>> checks = assumption_checks(Proportion(40, 3), Proportion(60, 9))
    >>> [check.code for check in checks if check.verdict == "warn"]
    ['few_units', 'few_events', 'wide_baseline']
    """
    _check_arguments((control, treatment), split, values, mature_shares, multiple_share, planned_n)
    switch("sequential", sequential)
    found: list[AssumptionCheck] = []

    def add(code: str, *, bad: bool, sentence: str, fine: str = "") -> None:
        said = sentence if bad else fine
        found.append(AssumptionCheck(code, "warn" if bad else "ok", said))

    for name, arm in (("the control", control), ("the treatment", treatment)):
        for caution in arm_cautions(name, arm):
            add(caution.code, bad=bool(caution.where.any()), sentence=caution.sentence)
    own = wide_baseline(floats(control.mean), floats(control.variance) / floats(control.n))
    add(
        "wide_baseline",
        bad=bool(own.any()),
        sentence="the control mean is uncertain by more than 20 %: prefer an absolute difference, "
        "or a Fieller or log interval",
    )
    if control.covariate_sums is not None and treatment.covariate_sums is not None:
        t = covariate_imbalance(control, treatment)
        add(
            "covariate_imbalance",
            bad=abs(t) > 3,
            sentence=f"the arms differed before the experiment (t = {t:.1f})",
        )
    if split is not None:
        seen = {"control": float(floats(control.n)), "treatment": float(floats(treatment.n))}
        srm = sample_ratio_mismatch(seen, {"control": split[0], "treatment": split[1]})
        add(
            "sample_ratio_mismatch",
            bad=srm.mismatch,
            sentence="the units were not split as planned",
        )
    for part in values:
        share = heavy_tail_share(part)
        add(
            "heavy_tail",
            bad=share > 0.5,
            sentence=f"1 % of the units hold {share:.0%} of the sum of squares: winsorize",
        )
    if mature_shares is not None:
        gap = abs(mature_shares[1] - mature_shares[0])
        add(
            "unequal_maturity",
            bad=gap > 0.05,
            sentence=f"the shares of units past their window differ by {gap:.0%} between the arms",
        )
    if multiple_share is not None:
        add(
            "multiple_variants",
            bad=multiple_share * 100 > TOLERATED_MULTIPLE_PERCENTAGE,
            sentence=f"{multiple_share:.2%} of the units were seen with several variants",
        )
    if planned_n is not None and not sequential:
        n = float(floats(control.n) + floats(treatment.n))
        add(
            "peeking",
            bad=n < planned_n,
            sentence=f"{n:,.0f} of {planned_n:,.0f} planned units: a fixed-horizon result is not "
            "valid yet",
        )
    return _merged(found)


def _check_arguments(
    arms: tuple[Statistic, Statistic],
    split: object,
    values: object,
    mature_shares: object,
    multiple_share: object,
    planned_n: object,
) -> None:
    for side, arm in zip(("control", "treatment"), arms, strict=True):
        _check_arm(side, arm)
    if split is not None:
        pair("split", split, 0, hint="Give control's planned share, then treatment's.")
    if mature_shares is not None:
        pair("mature_shares", mature_shares, 0, closed=True)
    if multiple_share is not None:
        number("multiple_share", multiple_share, 0, closed=True)
    if planned_n is not None:
        number("planned_n", planned_n, 0)
    if not isinstance(values, (list, tuple)):
        raise InputError(
            f"values is {described(values)}; expected a list with the values of one or both arms.",
            hint="For one arm give [values].",
        )


def _check_arm(name: str, arm: Statistic) -> None:
    instance(name, arm, Statistic, "a Mean, Proportion or Ratio")
    arm.check_fields()
    if arm.shape:
        raise InputError(
            f"the {name} holds arms of shape {arm.shape}; expected a single one.",
            hint="Take one out with .at(…).",
        )
    raise_first(arm.refusals())


def _merged(found: Sequence[AssumptionCheck]) -> tuple[AssumptionCheck, ...]:
    """Return one check per code: the sentences of its warnings, joined."""
    merged: dict[str, AssumptionCheck] = {}
    for check in found:
        known = merged.get(check.code)
        if known is None or known.verdict == "ok":
            merged[check.code] = check
        elif check.verdict == "warn":
            both = f"{known.sentence}; {check.sentence}"
            merged[check.code] = AssumptionCheck(check.code, "warn", both)
    return tuple(merged.values())


def covariate_imbalance(control: Statistic, treatment: Statistic) -> float:
    """Return the t statistic of the difference in the covariate before the experiment.

    Examples
    --------
    >>> from exp_jupyter.engine.statistics.means import Mean
    >>> arm = Mean.of([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    >>> covariate_imbalance(arm, arm)
    0.0
    """
    parts = []
    for arm in (control, treatment):
        moments = arm.moments()
        gradient = arm.covariate_gradient(moments)
        variance = moments.bilinear(gradient, gradient) / moments.n
        parts.append((float(arm.covariate_value(moments)), float(variance)))
    (one, v_one), (two, v_two) = parts
    return (two - one) / math.sqrt(v_one + v_two) if v_one + v_two > 0 else 0.0


def heavy_tail_share(values: object, top: float = 0.01) -> float:
    """Return the share of Σy² that the largest units hold.

    Parameters
    ----------
    values
        One value per unit.
    top
        How many units count as the largest, as a fraction; at least one.

    Examples
    --------
    >>> heavy_tail_share([1.0] * 99 + [100.0]) > 0.99
    True
    """
    own = floats(values, "values").ravel()
    if not np.isfinite(own).all():
        raise InputError("A value is not a finite number.", hint="Count no event as 0.")
    top = number("top", top, 0)
    # Over the largest, so that the squares of great numbers do not overflow.
    squares = np.sort((own / max(np.abs(own).max(initial=0.0), 1e-300)) ** 2)
    total = squares.sum()
    if not squares.size or total <= 0:
        return 0.0
    return float(squares[-max(1, math.floor(top * squares.size)) :].sum() / total)
