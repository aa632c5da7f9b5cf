"""What a result lets one say, in one sentence: what is known, never more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.schema.metrics.exposure import ExposureCriteria

_FAILURES = {
    "not-enough-exposures": "fewer than 50 units in an arm",
    "not-enough-metric-data": "fewer than 5 conversions in an arm",
    "baseline-mean-is-zero": "nothing happened in the baseline",
}


def amount(number: float, difference: str, unit: str = "") -> str:
    """Return a difference in words: signed, in percent when it is relative.

    A difference of shares is in percentage points.

    Examples
    --------
    >>> amount(-0.043, "relative"), amount(0.25, "absolute"), amount(0.025, "absolute", "share")
    ('-4.3 %', '+0.25', '+2.5 points')
    """
    if difference == "relative":
        return f"{100 * number:+.1f} %"
    return f"{100 * number:+.3g} points" if unit == "share" else f"{number:+.4g}"


def verdict_words(
    arm: str,
    baseline: str,
    effect: Effect | None,
    *,
    goal: Literal["increase", "decrease"] = "increase",
    failures: Sequence[str] = (),
    adjusted: float | None = None,
    unit: str = "",
    ended: bool = False,
) -> str:
    """Return what an arm's effect says about it.

    Parameters
    ----------
    arm, baseline
        The variants compared.
    effect
        The comparison, or None when there is none.
    goal
        Which direction is good.
    failures
        Why there is no comparison, in the API's words.
    adjusted
        The p-value corrected for the number of comparisons, where that was asked for.
    unit
        What the metric is counted in; ``share`` puts absolute differences in percentage points.
    ended
        Whether no more data comes, so that nothing is said to be so only yet.
    """
    yet = "" if ended else " yet"
    if effect is None:
        reasons = dict.fromkeys(_FAILURES.get(failure, failure) for failure in failures)
        why = f" ({'; '.join(reasons)})" if reasons else ""
        return f"{arm}: no comparison{yet}{why}."
    low, high = (float(bound) for bound in effect.interval)
    estimate = float(effect.estimate)
    span = (
        f"{amount(estimate, effect.difference, unit)}, {100 * effect.level:g} % interval "
        f"{amount(low, effect.difference, unit)} to {amount(high, effect.difference, unit)}"
    )
    alone = effect.p_value is not None and float(effect.p_value) <= 1 - effect.level
    if adjusted is not None and adjusted > 1 - effect.level and alone:
        return f"{arm} is not distinguishable from {baseline} after correction ({span})."
    if low <= 0 <= high:
        if effect.alternative == "two-sided":
            return f"{arm} is not distinguishable from {baseline}{yet} ({span})."
        # A test of one direction says nothing of the other, however large the difference there.
        side, other = ("above", "below") if effect.alternative == "greater" else ("below", "above")
        return (
            f"{arm} is not shown to be {side} {baseline}{yet} ({span}); "
            f"this one-sided test cannot show it {other}."
        )
    good = (estimate > 0) == (goal == "increase")
    direction = "above" if estimate > 0 else "below"
    return f"{arm} is {'better' if good else 'worse'}: {direction} {baseline} ({span})."


def activation_words(criteria: Mapping[str, Any] | None) -> str:
    """Return what a unit must do after its flag call to count; empty for nothing.

    Examples
    --------
    >>> activation_words({"activation_config": {"event": "open"}})
    '"open" after the flag call'
    """
    found = _read(criteria)
    config = found.activation if found else None
    return f"{config.label} after the flag call" if config else ""


def exposure_words(criteria: Mapping[str, Any] | None) -> str:
    """Return what makes a unit count in an experiment, where it is not the flag call alone.

    Empty for the flag call alone, and for criteria that cannot be read.

    Examples
    --------
    >>> exposure_words({"activation_config": {"event": "open"}})
    '"open" after the flag call'
    >>> exposure_words({"exposure_config": {"kind": "ActionsNode", "id": 9}})
    'action 9'
    """
    found = _read(criteria)
    config = found.exposure_config if found else None
    if found is None or config is None or found.default_event:
        return activation_words(criteria)
    return config.label


def exclusion_words(criteria: Mapping[str, Any] | None) -> str:
    """Return which people are left out of an experiment; empty for nobody.

    Examples
    --------
    >>> exclusion_words({"exclusions": [{"key": "id", "type": "cohort", "value": 7}]})
    'cohort 7'
    """
    found = _read(criteria)
    named = []
    for item in (found.exclusions if found else None) or ():
        values = item.value if isinstance(item.value, (list, tuple)) else [item.value]
        value = ", ".join(str(one) for one in values if one is not None)
        operator = (item.operator or "exact").replace("_", " ")
        if item.type == "cohort":
            named.append(f"{'not ' if operator in ('not in', 'is not') else ''}cohort {value}")
        else:
            named.append(f"{item.key} {operator} {value}".strip())
    return "; ".join(named)


def _read(criteria: Mapping[str, Any] | None) -> ExposureCriteria | None:
    from exp_jupyter.schema.metrics.exposure import parse_exposure

    try:
        return parse_exposure(criteria)
    except InputError:
        return None


def mismatch_words(found: SampleRatioMismatch) -> str:
    """Return what a broken split means for whoever reads the results."""
    seen = ", ".join(
        f"{key} {n:,.0f} instead of {found.expected[key]:,.0f}" for key, n in found.observed.items()
    )
    return f"the units are not split as planned ({seen}); look for the cause before the results"


HEAVY = 0.5
"""Share of an arm's variance that one unit may make before it is said."""

_TELLING = 20  # with fewer units one of them always makes much of the variance


def heaviest_words(
    metric: str, arm: str, n: int, heaviest: float, spread: float, *, events: bool = False
) -> list[str]:
    """Return what to say of the unit that makes most of an arm's variance; nothing for none.

    Parameters
    ----------
    metric, arm
        What to call them.
    n
        Units of the arm.
    heaviest, spread
        The largest square of one unit's deviation, and the sum of all.
    events
        Whether the metric is one of events, which take no cap.

    Examples
    --------
    >>> heaviest_words("revenue:mean", "test", 900, 84.0, 100.0)[0][:56]
    "one unit makes 84 % of the variance of 'revenue:mean' in"
    """
    if n < _TELLING or not spread > 0 or heaviest <= HEAVY * spread:
        return []
    share = min(100 * heaviest / spread, 100)
    limit = "winsorize=0.99" if events else "winsorize=0.99 or cap="
    said = (
        f"one unit makes {share:.0f} % of the variance of {metric!r} in {arm}: look at it, or "
        f"limit what one unit can do with {limit}"
    )
    return [said]
