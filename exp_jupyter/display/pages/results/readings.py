"""What an effect says, in words: better or worse, or not distinguishable yet; never more."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import Bar, Figure, Reading, Span, Tone, Words

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect

UNDECIDED = "not distinguishable yet"
ONE_SIDED = {"greater": "not shown to be higher yet", "less": "not shown to be lower yet"}
CORRECTED = "not distinguishable after correction"
_FAILURES = {
    "not-enough-exposures": "fewer than 50 units in an arm",
    "not-enough-metric-data": "fewer than 5 conversions in an arm",
    "baseline-mean-is-zero": "the baseline's mean is 0",
}
_INTERVALS = {
    "credible": "credible intervals",
    "confidence_sequence": "always-valid intervals",
    "score": "score confidence intervals",
    "welch": "confidence intervals",
    "fieller": "Fieller confidence intervals",
    "delta": "confidence intervals by the delta method",
    "log": "confidence intervals on the log scale",
    "wild_bootstrap": "wild cluster bootstrap confidence intervals",
    "bca": "BCa bootstrap confidence intervals",
}


def is_relative(effect: Effect | None) -> bool:
    """Whether the difference is a fraction of the control's mean."""
    return effect is None or effect.difference == "relative"


def reading(
    effect: Effect | None,
    goal: str | None = None,
    failures: tuple[str, ...] = (),
    adjusted: float | None = None,
    *,
    ended: bool = False,
) -> Reading:
    """Return what one comparison says.

    Parameters
    ----------
    effect
        The comparison, or None when there is none.
    goal
        ``increase``, ``decrease``, or None when nobody said which direction is good: then the
        words are higher and lower.
    failures
        Why there is no comparison, in the API's words.
    adjusted
        The p-value corrected for the number of comparisons, where that was asked for.
    ended
        Whether no more data comes: then nothing is said to be so only yet.

    Examples
    --------
    >>> reading(None, failures=("not-enough-exposures",)).text
    'too little data yet: fewer than 50 units in an arm'
    >>> reading(None, failures=("not-enough-exposures",), ended=True).text
    'too little data: fewer than 50 units in an arm'
    """
    said = _reading(effect, goal, failures, adjusted)
    return replace(said, text=said.text.replace(" yet", "", 1)) if ended else said


def _reading(
    effect: Effect | None, goal: str | None, failures: tuple[str, ...], adjusted: float | None
) -> Reading:
    if effect is None:
        reasons = dict.fromkeys(_FAILURES.get(failure, failure) for failure in failures)
        why = f": {'; '.join(reasons)}" if reasons else ""
        return Reading(f"too little data yet{why}" if why else "no comparison yet")
    estimate, (low, high) = float(effect.estimate), map(float, effect.interval)
    if math.isnan(estimate) or math.isnan(low) or math.isnan(high):
        return Reading("no result")
    if adjusted is not None and adjusted > 1 - effect.level:
        p = effect.p_value
        alone = low > effect.null or high < effect.null
        alone = alone or (p is not None and float(p) <= 1 - effect.level)
        return Reading(CORRECTED if alone else _undecided(effect))
    up = estimate > effect.null
    mark = "▲" if up else "▼"
    if goal is None:
        word, tone = ("higher" if up else "lower"), "accent"
    else:
        good = up == (goal != "decrease")
        word, tone = ("better", "good") if good else ("worse", "bad")
    if low > effect.null or high < effect.null:
        return Reading(word, _tone(tone), mark)
    if effect.significant:
        # The method's own rule decides although its interval still holds 0.
        return Reading(f"probably {word}", "notice", mark)
    return Reading(_undecided(effect))


def _undecided(effect: Effect) -> str:
    """Return what an interval that holds the null lets one say: of one side only, if that is so."""
    return ONE_SIDED.get(effect.alternative, UNDECIDED)


def _tone(word: str) -> Tone:
    tones: dict[str, Tone] = {"good": "good", "bad": "bad", "accent": "accent"}
    return tones[word]


def decimals(effect: Effect, unit: str = "") -> int:
    """Return the decimals that the estimate and both bounds are written with."""
    scaled = is_relative(effect) or unit == "share"
    return numbers.precision(float(effect.estimate), *map(float, effect.interval), percent=scaled)


def written_estimate(effect: Effect, unit: str = "") -> str:
    """Return the estimate with its sign; an absolute difference of shares in percentage points."""
    estimate, places = float(effect.estimate), decimals(effect, unit)
    if is_relative(effect):
        return numbers.lift(estimate, places)
    write = numbers.points if unit == "share" else numbers.difference
    return write(estimate, places)


def written_interval(effect: Effect, unit: str = "") -> str:
    """Return the interval, to the estimate's decimals."""
    low, high = map(float, effect.interval)
    return numbers.interval(
        low, high, relative=is_relative(effect), unit=unit, decimals=decimals(effect, unit)
    )


def estimate_cell(effect: Effect | None, unit: str = "") -> Figure:
    """Return the cell of the difference, its interval beneath."""
    if effect is None:
        return Figure(None, numbers.MISSING, quiet=True)
    return Figure(
        _finite(effect.estimate),
        written_estimate(effect, unit),
        note=written_interval(effect, unit),
        strong=True,
    )


def bar_cell(effect: Effect | None, said: Reading, unit: str = "") -> Bar:
    """Return the cell of the interval; its colour repeats the reading."""
    if effect is None:
        return Bar(None, None, None, "")
    low, high = map(float, effect.interval)
    return Bar(_finite(effect.estimate), low, high, written_interval(effect, unit), said.tone)


def evidence_cell(effect: Effect | None, goal: str | None = None) -> Figure:
    """Return the cell of the p-value or of the chance to be better."""
    if effect is None:
        return Figure(None, numbers.MISSING, quiet=True)
    if is_bayesian(effect):
        won = chance(effect, goal)
        return Figure(won, numbers.chance(won))
    return Figure(_finite(effect.p_value), numbers.p_value(effect.p_value, 1 - effect.level))


def chance(effect: Effect, goal: str | None = None) -> float | None:
    """Return the chance that the treatment is better; with goal ``decrease``, that it is lower."""
    won = _finite(effect.chance_to_win)
    return won if won is None or goal != "decrease" else 1 - won


def is_bayesian(effect: Effect) -> bool:
    """Whether the evidence is a chance to win rather than a p-value."""
    return effect.method == "bayesian"


def evidence_heading(bayesian: bool) -> tuple[str, str]:
    """Return the evidence column's label and its name in a data frame."""
    return ("Chance to win", "chance_to_win") if bayesian else ("p", "p_value")


def evidence_words(effect: Effect, goal: str | None = None) -> str:
    """Return the evidence for the middle of a sentence."""
    if is_bayesian(effect):
        word = "lower" if goal == "decrease" else "higher" if goal is None else "better"
        return f"chance to be {word} {numbers.chance(chance(effect, goal))}"
    if effect.p_value is None:
        return ""
    return numbers.p_words(effect.p_value, 1 - effect.level)


def level_words(effect: Effect) -> str:
    """Return the interval's level and kind, for small print and captions."""
    kind = _INTERVALS.get(effect.interval_kind, "intervals")
    side = "" if effect.alternative == "two-sided" else "one-sided "
    return f"{numbers.share(effect.level)} {side}{kind}"


def provenance(effect: Effect, baseline: str = "control") -> tuple[str, ...]:
    """Return the small print every effect carries: interval, method and mode."""
    against = f"relative to {baseline}" if is_relative(effect) else "absolute differences"
    parts = [f"{level_words(effect)}, {against}", effect.method]
    if effect.tuning_n is not None:
        parts.append(f"narrowest at {numbers.count(effect.tuning_n)} units of both arms")
    if effect.variance_reduction is not None:
        removed = float(effect.variance_reduction[1])
        how = "CUPED" if effect.theta is not None else "adjusted"
        parts.append(f"{how}, variance {numbers.lift(-removed, 0)}")
    return (*parts, f"mode {effect.mode}")


def lead(
    arm: str,
    baseline: str,
    effect: Effect | None,
    said: Reading,
    goal: str | None = None,
    unit: str = "",
) -> Words:
    """Return the sentence that is read first: which arm, which direction, how sure."""
    if effect is None or said.text == "no result":
        return (Span(f"{arm}: {said.text}", strong=True), ".")
    facts = [
        f"{written_estimate(effect, unit)} against {baseline}",
        f"{numbers.share(effect.level)} interval {written_interval(effect, unit)}",
        evidence_words(effect, goal),
    ]
    yet = " yet" if said.text.endswith(" yet") else ""
    if said.text.startswith("not shown to be "):
        side, other = ("above", "below") if effect.alternative == "greater" else ("below", "above")
        words = f"{arm} is not shown to be {side} {baseline}{yet}"
        facts[0] = written_estimate(effect, unit)
        facts.append(f"a one-sided test cannot show it {other}")
        return (Span(words, strong=True), f": {', '.join(fact for fact in facts if fact)}.")
    if said.text.startswith("not distinguishable"):
        when = said.text.removeprefix("not distinguishable")
        words = f"{arm} is not distinguishable from {baseline}{when}"
        facts[0] = written_estimate(effect, unit)
        return (Span(words, strong=True), f": {', '.join(fact for fact in facts if fact)}.")
    return (
        Span(f"{said.mark} {arm} is {said.text}", strong=True, tone=said.tone),
        f": {', '.join(fact for fact in facts if fact)}.",
    )


def _finite(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None
