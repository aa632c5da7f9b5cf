"""The comparisons of one analysis corrected for how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exp_jupyter.engine.statistics.arguments import choose
from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect

Key = tuple[str, str]
"""A metric and an arm."""

FAMILIES = {"dunnett": "frequentist", "e-bh": "sequential"}
"""The corrections that need more than p-values, and the method that has it."""

MANY = 4
"""Comparisons from which on a remark says that nothing corrects them."""


@dataclass(frozen=True)
class CorrectedTest:
    """One test after the correction.

    Attributes
    ----------
    p_value
        The corrected p-value.
    alpha
        The level of the interval that leaves out the null value exactly where the corrected
        p-value decides.
    significant
        Whether it decides.
    """

    p_value: float
    alpha: float
    significant: bool


def check_correction(correction: str | None, method: str, *, pairs: bool = False) -> None:
    """Refuse a correction that cannot be made, before anything is read.

    Parameters
    ----------
    correction
        Its name, or None for none.
    method
        The name of the method that judges.
    pairs
        Whether the arms are compared with each other too.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such correction, and the message lists those there are; or the method has no
        p-values; or not what this correction needs.
    """
    if correction is None:
        return
    from exp_jupyter.engine.multiple.corrections import METHODS

    choose("correction", correction, (*METHODS, *FAMILIES))
    if method == "bayesian":
        raise _nothing()
    needed = FAMILIES.get(correction)
    if needed not in (None, method):
        raise InputError(
            f"correction={correction!r} is for the {needed} method; the method here is {method}.",
            hint=f"Say method={needed!r} (--method {needed}), or correct with holm.",
        )
    if pairs and correction == "dunnett":
        raise InputError(
            "Dunnett's correction is for arms against one control, not against each other.",
            hint="With all pairs correct with holm (--correction holm).",
        )


def corrected(
    effects: Mapping[Key, Effect], correction: str, alpha: float
) -> dict[Key, CorrectedTest]:
    """Return the corrected tests of one family of comparisons.

    Parameters
    ----------
    effects
        One per metric and arm; those without a p-value are left out.
    correction
        One of ``exp_jupyter.engine.multiple.corrections.adjust``; ``dunnett``, which corrects the
        arms of each metric by Dunnett and the metrics by Bonferroni; or ``e-bh``, of e-values.
    alpha
        Bound on the error rate over all comparisons together.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such correction, or nothing to correct.

    Examples
    --------
    >>> from exp_jupyter.engine import Proportion, compare
    >>> control = Proportion(1000, 100)
    >>> effects = {
    ...     ("Paid", "a"): compare(control, Proportion(1000, 130)),
    ...     ("Paid", "b"): compare(control, Proportion(1000, 105)),
    ... }
    >>> tests = corrected(effects, "dunnett", 0.05)
    >>> [(round(test.p_value, 3), test.significant) for test in tests.values()]
    [(0.065, False), (0.906, False)]
    """
    told = {key: effect for key, effect in effects.items() if effect.p_value is not None}
    if not told:
        raise _nothing()
    if correction == "dunnett":
        return _dunnett(told, alpha)
    from exp_jupyter.engine.multiple.corrections import adjust, e_bh
    from exp_jupyter.engine.multiple.simultaneous import marginal_alphas

    if correction == "e-bh":
        logs = [float(effect.log_e_value or 0.0) for effect in told.values()]
        found = e_bh(log_e_values=logs, alpha=alpha)
        # e-BH is Benjamini-Hochberg of 1/e.
        levels = marginal_alphas(found.p_values, "benjamini-hochberg", alpha=alpha)
    else:
        p_values = [float(effect.p_value) for effect in told.values() if effect.p_value is not None]
        found = adjust(p_values, correction, alpha=alpha)
        levels = marginal_alphas(p_values, correction, alpha=alpha)
    rows = zip(found.adjusted.tolist(), levels.tolist(), found.significant.tolist(), strict=True)
    return {key: CorrectedTest(*row) for key, row in zip(told, rows, strict=True)}


def _dunnett(effects: Mapping[Key, Effect], alpha: float) -> dict[Key, CorrectedTest]:
    """Return Dunnett's tests within each metric, at its share of alpha.

    Every p-value is taken to its normal deviate, so that each test keeps its own degrees of
    freedom; under the null hypothesis the arms' variances per unit are equal.
    """
    from exp_jupyter.engine.multiple.dunnett import critical_value, dunnett_adjust
    from exp_jupyter.engine.statistics.scalar_or_array import normal_cdf, normal_quantile

    metrics = list(dict.fromkeys(metric for metric, _ in effects))
    tests: dict[Key, CorrectedTest] = {}
    for metric in metrics:
        own = {key: effect for key, effect in effects.items() if key[0] == metric}
        first = next(iter(own.values()))
        sides = 2 if first.alternative == "two-sided" else 1
        side = "two-sided" if sides == 2 else "greater"
        deviates = [
            -float(normal_quantile(min(max(float(effect.p_value or 0.0), 1e-300), 1.0) / sides))
            if float(effect.p_value or 0.0) < 1
            else (0.0 if sides == 2 else -9.0)
            for effect in own.values()
        ]
        shared = 1 / float(first.control_n)
        each = [1 / float(effect.treatment_n) for effect in own.values()]
        share = alpha / len(metrics)
        found = dunnett_adjust(deviates, shared, each, alternative=side, alpha=share)
        loadings = [(shared / (shared + variance)) ** 0.5 for variance in each]
        level = sides * float(normal_cdf(-critical_value(loadings, alpha=share, alternative=side)))
        for key, adjusted in zip(own, found.adjusted.tolist(), strict=True):
            p = min(1.0, adjusted * len(metrics))
            tests[key] = CorrectedTest(p, level, p <= alpha)
    return tests


def uncorrected_words(count: int, alpha: float, *, python: bool = False) -> str:
    """Return what to keep in mind where many comparisons are read each on its own; else nothing.

    Examples
    --------
    >>> uncorrected_words(3, 0.05)
    ''
    >>> uncorrected_words(4, 0.05)
    '4 comparisons, each at 5 %: without any effect at least one differs by chance in up to 19 %
    of experiments; --correction holm holds 5 % over all'
    """
    if count < MANY:
        return ""
    ever = 1 - (1 - alpha) ** count
    how = 'correction="holm"' if python else "--correction holm"
    return (
        f"{count} comparisons, each at {100 * alpha:g} %: without any effect at least one differs "
        f"by chance in up to {100 * ever:.0f} % of experiments; {how} holds {100 * alpha:g} % "
        "over all"
    )


def _nothing() -> InputError:
    return InputError(
        "There are no p-values to correct.", hint="Use a frequentist or sequential method."
    )
