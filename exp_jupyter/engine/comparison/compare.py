"""Compare a treatment with a control: one function, for one pair of arms or a hundred thousand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from exp_jupyter.engine.comparison.contrast import Contrast, Difference, Mode, contrast
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.methods import Frequentist
from exp_jupyter.engine.inference.cautions import Caution
from exp_jupyter.engine.statistics.arguments import choose
from exp_jupyter.engine.statistics.arrays import Booleans, Flags, Floats, flags, floats, numbers
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.engine.statistics.refusals import Refusal, codes, raise_first
from exp_jupyter.errors import InputError

__all__ = ["Effect", "Judge", "compare"]

_NUMERIC = (
    "estimate",
    "standard_error",
    "p_value",
    "statistic",
    "df",
    "log_e_value",
    "chance_to_win",
    "expected_loss",
    "expected_loss_control",
    "null_error",
)


_UNBOUNDED = ("estimate", "statistic", "log_e_value")
"""Without a conversion in the control a relative effect is infinite; evidence may overflow."""


class Judge(Protocol):
    """What a method offers to ``compare``; see ``Frequentist``."""

    @property
    def name(self) -> str:
        """The method's name."""

    @property
    def mode(self) -> Mode:
        """``"compat"`` or ``"recommended"``."""

    @property
    def difference(self) -> Difference:
        """``"relative"`` or ``"absolute"``."""

    @property
    def positive_baseline(self) -> bool:
        """Whether a relative difference needs a positive control mean."""

    def refusals(self, control: Statistic, treatment: Statistic) -> list[Refusal]:
        """Return what the method refuses about the arms themselves."""

    def judge(self, found: Contrast) -> dict[str, Any]:
        """Return the effect's fields from the difference of the arms."""


def compare(
    control: Statistic,
    treatment: Statistic,
    method: Judge | None = None,
    *,
    on_refusal: Literal["raise", "mask"] = "raise",
) -> Effect:
    """Return the effect of a treatment against a control.

    Parameters
    ----------
    control, treatment
        ``Mean``, ``Proportion`` or ``Ratio``, with scalar or array fields that broadcast. When
        both carry a covariate the adjusted means are compared (CUPED).
    method
        ``Frequentist`` (the default), ``Sequential``, ``Bayesian`` or ``MixtureSPRT``.
    on_refusal
        ``"raise"``, or ``"mask"``: elements that cannot be used come back as NaN, with the reason
        in ``effect.refusal``, and the rest is computed. Build such arms with ``.unchecked``.

    Returns
    -------
    Effect
        Treatment minus control.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        The numbers cannot be used; ``code`` is the machine-readable reason.
    exp_jupyter.errors.InputError
        An argument is of the wrong kind, or only one arm has a covariate.

    Examples
    --------
    >>> from exp_jupyter.engine import Frequentist, Mean, compare
    >>> control = Mean(n=1000, sum=5000.0, sum_squares=29000.0)
    >>> treatment = Mean(n=1000, sum=5200.0, sum_squares=31000.0)
    >>> effect = compare(control, treatment, Frequentist(difference="absolute"))
    >>> round(effect.estimate, 3), round(effect.p_value, 3), effect.significant
    (0.2, 0.025, True)
    """
    choose("on_refusal", on_refusal, ("raise", "mask"))
    chosen: Judge = Frequentist() if method is None else method
    for name, arm in (("control", control), ("treatment", treatment)):
        if not isinstance(arm, Statistic):
            raise InputError(
                f"{name} is {described(arm)}; expected Mean, Proportion or Ratio",
                hint="For example Proportion(n=44700, sum=8502).",
            )
        arm.check_fields()
    together(control, treatment)
    if not hasattr(chosen, "judge") or isinstance(chosen, type):
        raise InputError(
            f"method is {described(chosen)}; expected Frequentist(...), Sequential(...) or "
            "Bayesian(...)",
            hint="Pass the method itself, for example method=Sequential(tuning_n=20_000).",
        )
    with np.errstate(all="ignore"):
        found = contrast(
            control,
            treatment,
            difference=chosen.difference,
            mode=chosen.mode,
            positive_baseline=chosen.positive_baseline,
            delta=getattr(chosen, "interval", None) not in (None, "test"),
        )
        judged = chosen.judge(found)
        shape = np.broadcast_shapes(control.shape, treatment.shape)
        refusals = [*chosen.refusals(control, treatment), *found.refusals]
        refusals += [*judged.pop("refusals"), _not_finite(judged, shape)]
    refused = _refused(refusals, shape)
    if on_refusal == "raise" and refused.any():
        raise_first(refusals)
    cautions = [*found.cautions, *judged.pop("cautions")]
    judged["interval"] = _agreeing(judged)
    return _effect(chosen, found, judged, cautions, shape, codes(refusals, shape), refused)


def together(control: Statistic, treatment: Statistic) -> None:
    """Refuse arms with different numbers of comparisons."""
    try:
        np.broadcast_shapes(control.shape, treatment.shape)
    except ValueError:
        raise InputError(
            f"the control holds arms of shape {control.shape}, the treatment of "
            f"{treatment.shape}; they do not go together",
            hint="Give both the same number of comparisons, or one of them a single arm.",
        ) from None


def _infinite(value: Floats) -> Booleans:
    return np.asarray(~np.isfinite(value))


def _refused(refusals: Sequence[Refusal], shape: tuple[int, ...]) -> Booleans:
    bad: Booleans = np.zeros(shape, dtype=np.bool_)
    for refusal in refusals:
        if refusal.where.any():
            bad = bad | refusal.where
    return bad


def _not_finite(judged: dict[str, Any], shape: tuple[int, ...]) -> Refusal:
    bad: Booleans = np.zeros(shape, dtype=np.bool_)
    for name in _NUMERIC:
        if judged.get(name) is not None:
            wrong = np.isnan if name in _UNBOUNDED else _infinite
            bad = bad | wrong(judged[name])
    low, high = judged["interval"]
    # An infinite bound is an answer: a relative effect has none where the control mean may be 0.
    bad = bad | np.isnan(low) | np.isnan(high)
    return Refusal(
        "not_finite",
        bad,
        "the numbers are too large or too small to compute with",
        "Use another unit for the metric.",
    )


def _agreeing(judged: dict[str, Any]) -> tuple[Floats, Floats]:
    """Return the interval, on the same side of the null value as the decision.

    Bounds found by search are exact to about 1e-11; at a p-value that close to alpha the bound
    could fall on the other side of the null value, and the decision would contradict the interval.
    """
    low, high = (np.asarray(bound) for bound in judged["interval"])
    if judged.get("null_error") is None:
        return low, high
    null, decided = judged["null"], np.asarray(judged["significant"])
    above = np.asarray(judged["estimate"]) > null
    holds: Booleans = (low <= null) & (null <= high)
    if not (decided == holds).any() and not (decided & (above != (low > null))).any():
        return low, high
    beyond, before = np.nextafter(null, np.inf), np.nextafter(null, -np.inf)
    low = np.where(
        decided & above, np.maximum(low, beyond), np.where(decided, low, np.minimum(low, null))
    )
    high = np.where(
        decided & ~above, np.minimum(high, before), np.where(decided, high, np.maximum(high, null))
    )
    return low, high


def _effect(
    method: Judge,
    found: Contrast,
    judged: dict[str, Any],
    cautions: Sequence[Caution],
    shape: tuple[int, ...],
    why: Any,
    refused: Booleans,
) -> Effect:
    spoiled = bool(refused.any())

    def shaped(value: Any) -> Any:
        if value is None:
            return None
        array = floats(value)
        if array.shape != shape:
            array = np.array(np.broadcast_to(array, shape))
        return numbers(np.where(refused, np.nan, array) if spoiled else array)

    for name in _NUMERIC:
        judged[name] = shaped(judged.get(name))
    low, high = judged.pop("interval")
    decided = np.broadcast_to(judged.pop("significant"), shape) & ~refused
    significant: Flags = flags(np.asarray(decided))
    said = _said(cautions, shape, refused)
    return Effect(
        method=method.name,
        mode=method.mode,
        difference=method.difference,
        interval=(shaped(low), shaped(high)),
        significant=significant,
        control_mean=shaped(found.control.mean),
        treatment_mean=shaped(found.treatment.mean),
        control_n=shaped(found.control.n),
        treatment_n=shaped(found.treatment.n),
        theta=shaped(found.theta),
        variance_reduction=(
            None
            if found.reductions is None
            else (shaped(found.reductions[0]), shaped(found.reductions[1]))
        ),
        warnings=tuple(sentence for sentence, _ in said),
        refusal=why if shape else str(why[()]),
        _warned=tuple(where for _, where in said),
        **judged,
    )


def _said(
    cautions: Sequence[Caution], shape: tuple[int, ...], refused: Booleans
) -> list[tuple[str, Booleans]]:
    said = []
    for caution in cautions:
        if caution.where.any():
            where = np.asarray(np.broadcast_to(caution.where, shape) & ~refused)
            if where.any():
                said.append((caution.sentence, where))
    return said
