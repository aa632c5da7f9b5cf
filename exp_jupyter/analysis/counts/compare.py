"""Two arms from their counts: the calculator everyone looks for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter._reproduce import reproducible
from exp_jupyter._version import __version__
from exp_jupyter.analysis.definition.methods import InferenceOptions, method_named
from exp_jupyter.analysis.results.verdicts import amount, verdict_words
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect

_COUNT = r"([0-9][0-9_,]*(?:\.[0-9]*)?|\.[0-9]+)"
_COUNTS = re.compile(rf"\s*{_COUNT}\s*/\s*{_COUNT}\s*")
_FEW = 5


@dataclass(frozen=True)
class Arm:
    """One arm of a comparison: its name, units, mean and standard deviation per unit."""

    name: str
    n: float
    mean: float
    standard_deviation: float
    successes: float | None = None


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """A treatment against a control.

    Parameters
    ----------
    arms
        Control, then treatment.
    effect
        The engine's effect of the chosen method.
    kind
        ``proportion``, ``mean`` or ``ratio``.
    pooled_z, pooled_z_p_value
        The z-test with the pooled share, two-sided; None unless both arms are counts.
    fisher_p_value
        Fisher's exact test, two-sided; only for counts with fewer than 5 successes or failures
        in an arm.
    margin, margin_p_value, margin_bound, non_inferior
        The non-inferiority margin as a positive number on the scale of the difference (percent
        of the control when it is relative), the one-sided p-value against it by the method that
        was chosen, the bound of the one-sided interval on the harmful side, and the decision,
        which is whether that bound stays within the margin; None without a margin.
    goal
        ``increase`` or ``decrease``: which direction is good.
    """

    arms: tuple[Arm, Arm]
    effect: Effect
    kind: str
    goal: Literal["increase", "decrease"] = "increase"
    pooled_z: float | None = None
    pooled_z_p_value: float | None = None
    fisher_p_value: float | None = None
    margin: float | None = None
    margin_p_value: float | None = None
    margin_bound: float | None = None
    non_inferior: bool | None = None
    warnings: tuple[str, ...] = ()
    version: str = __version__

    @property
    def verdict(self) -> str:
        """What is known, in words."""
        control, treatment = (arm.name for arm in self.arms)
        words = verdict_words(treatment, control, self.effect, goal=self.goal)
        if self.margin is None:
            return words
        unit = " %" if self.effect.difference == "relative" else ""
        answer = "is not worse" if self.non_inferior else "is not shown to be no worse"
        how = ""
        if self.margin_bound is not None:
            side = "least" if self.goal == "increase" else "most"
            bound = amount(self.margin_bound, self.effect.difference)
            how = f" (one-sided {100 * self.effect.level:g} % bound: at {side} {bound})"
        by = f"by more than {self.margin:g}{unit}"
        return f"{words} {treatment} {answer} than {control} {by}{how}."


@reproducible("exp_jupyter.compare")
def compare(
    control: Any,
    treatment: Any,
    *,
    control_name: str = "control",
    treatment_name: str = "treatment",
    method: str = "frequentist",
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
    alpha: float = 0.05,
    difference: Literal["relative", "absolute"] = "relative",
    margin: float | None = None,
    goal: Literal["increase", "decrease"] = "increase",
    mode: Literal["recommended", "compat"] = "recommended",
    interval: str | None = None,
    tuning_n: float | None = None,
) -> Comparison:
    """Compare two arms.

    Parameters
    ----------
    control, treatment
        ``(successes, n)``, the text ``"successes/n"``, or a statistic of the engine. Both are
        whole numbers: how many units succeeded, of how many.
    control_name, treatment_name
        What to call the arms.
    method
        ``frequentist``, ``sequential`` or ``bayesian``.
    alternative
        ``two-sided``, ``greater`` or ``less``; not for ``bayesian``.
    alpha
        1 minus the level of the interval.
    difference
        ``relative`` to the control's mean, or ``absolute``.
    margin
        A non-inferiority margin, positive: percent of the control's mean when the difference is
        relative, else in the metric's unit.
    goal
        Which direction is good; the margin is on the other side.
    mode
        ``recommended``, or ``compat`` for the project's own formulas.
    interval
        How the interval is formed: ``test`` (default) holds the values that the test does not
        reject; ``delta``, ``fieller`` or ``log`` are there by name.
    tuning_n
        With ``method="sequential"``: total units of both arms at which the interval is narrowest,
        about the planned size. By default 5,000.

    Returns
    -------
    Comparison

    Raises
    ------
    exp_jupyter.errors.InputError
        The counts cannot be read or are none, an option is unknown, or a bayesian comparison
        was given an alternative.
    exp_jupyter.errors.StatisticsError
        The engine refuses the numbers.

    Examples
    --------
    >>> test = compare("8502/44700", "8279/45489")
    >>> round(test.effect.estimate, 3), round(test.effect.p_value, 4)
    (-0.043, 0.0016)
    """
    from exp_jupyter.engine.comparison.compare import compare as compare_arms
    from exp_jupyter.engine.statistics.arrays import floats

    left, right = _statistic(control, control_name), _statistic(treatment, treatment_name)
    chosen = method_named(
        InferenceOptions(method, alpha, difference, mode, interval, tuning_n, alternative)
    )
    effect = compare_arms(left, right, chosen)
    counts = all(_kind(arm) == "proportion" for arm in (left, right))
    z, z_p = _pooled_z(left, right) if counts else (None, None)
    harmless = None if margin is None else _non_inferiority(left, right, chosen, margin, goal)
    return Comparison(
        arms=(_arm(control_name, left), _arm(treatment_name, right)),
        effect=effect,
        kind=_kind(left),
        goal=goal,
        pooled_z=z,
        pooled_z_p_value=z_p,
        fisher_p_value=_fisher(left, right) if counts else None,
        margin=margin,
        margin_p_value=None if harmless is None else float(floats(harmless.p_value)),
        margin_bound=None if harmless is None else float(floats(harmless.bound)),
        non_inferior=None if harmless is None else bool(harmless.passed),
        warnings=tuple(effect.warnings),
    )


def _statistic(given: Any, name: str) -> Any:
    from exp_jupyter.engine.statistics.base import Statistic
    from exp_jupyter.engine.statistics.means import Proportion

    if isinstance(given, Statistic):
        if given.shape:
            raise InputError(
                f"Arm {name!r} holds many comparisons at once; this compares one pair of arms.",
                hint="Give one number for each sum, or use exp_jupyter.engine.compare.",
            )
        return given
    parts: Any = given
    if isinstance(given, str):
        written = _COUNTS.fullmatch(given)
        parts = () if written is None else [re.sub("[_,]", "", part) for part in written.groups()]
    try:
        # Of bytes and booleans float() would make counts that nobody meant.
        counted = [] if isinstance(parts, (bytes, bytearray)) else list(parts)
        successes, n = (float("nan" if p is True or p is False else p) for p in counted)
    except (TypeError, ValueError):
        raise InputError(
            f"Arm {name!r} cannot be read: {given!r}.",
            hint="Give (successes, units), the text '8502/44700', or a statistic of the engine.",
        ) from None
    for value, what in ((successes, "successes"), (n, "units")):
        if not value.is_integer():
            raise _no_count(name, value, what, successes, n)
    return Proportion(n, successes)


def _no_count(name: str, value: float, what: str, successes: float, n: float) -> InputError:
    """Return the refusal of a number that counts nothing; a share is the likeliest reason."""
    hint = "For amounts per unit give exp_jupyter.engine.Mean(n, sum, sum_squares)."
    if what == "successes" and 0 < successes < 1 and n.is_integer() and n >= 1:
        hint = (
            f"A share of {successes:g} of {n:.0f} units is {round(successes * n)}/{n:.0f}: give "
            "the units that succeeded."
        )
    return InputError(
        f"Arm {name!r} has {value:g} {what}; expected how many there are, a whole number.",
        hint=hint,
    )


def _kind(statistic: Any) -> str:
    return str(getattr(statistic, "kind", type(statistic).__name__.lower()))


def _arm(name: str, statistic: Any) -> Arm:
    return Arm(
        name=name,
        n=float(statistic.n),
        mean=float(statistic.mean),
        standard_deviation=math.sqrt(max(float(statistic.variance), 0.0)),
        successes=float(statistic.sum) if _kind(statistic) == "proportion" else None,
    )


def _pooled_z(control: Any, treatment: Any) -> tuple[float | None, float | None]:
    """Return the z-test with the pooled share p: (p_T − p_C)/√(p(1 − p)(1/n_T + 1/n_C)), and p."""
    n_c, n_t = float(control.n), float(treatment.n)
    share = (float(control.sum) + float(treatment.sum)) / (n_c + n_t)
    spread = math.sqrt(share * (1 - share) * (1 / n_c + 1 / n_t))
    if spread == 0:
        return None, None
    z = (float(treatment.mean) - float(control.mean)) / spread
    return z, math.erfc(abs(z) / math.sqrt(2))


def _fisher(control: Any, treatment: Any) -> float | None:
    if not all(
        float(count).is_integer() for arm in (control, treatment) for count in (arm.n, arm.sum)
    ):
        return None  # weighted sums are no counts of units
    cells = [
        [round(float(arm.sum)), round(float(arm.n) - float(arm.sum))]
        for arm in (control, treatment)
    ]
    if min(min(row) for row in cells) >= _FEW:
        return None
    import numpy as np
    from scipy.stats import fisher_exact

    return float(fisher_exact(np.array(cells)).pvalue)


def _non_inferiority(control: Any, treatment: Any, method: Any, margin: float, goal: Any) -> Any:
    """Return the chosen method's own one-sided test against the margin."""
    import dataclasses

    from exp_jupyter.engine.comparison.margins import non_inferiority
    from exp_jupyter.engine.comparison.methods import Bayesian

    if isinstance(method, Bayesian):
        raise InputError(
            "A margin has no bayesian test here.",
            hint="Use method='frequentist', or 'sequential' to look at any time.",
        )
    if method.mode != "recommended":
        raise InputError(
            "A margin has no test in compat mode: PostHog has none.",
            hint="Use mode='recommended'.",
        )
    if not 0 < margin < math.inf:
        raise InputError(
            f"The margin must be positive, not {margin:g}.",
            hint="Give how much worse is still acceptable, for example 2 for 2 percent.",
        )
    relative = method.difference == "relative"
    if relative and goal == "increase" and margin >= 100:
        raise InputError(
            f"A margin of {margin:g} % allows the loss of everything.",
            hint="Give a margin below 100 percent, for example 2.",
        )
    plain = dataclasses.replace(method, alternative="two-sided", null=0.0)
    return non_inferiority(
        control, treatment, margin / 100 if relative else margin, plain, goal=goal
    )
