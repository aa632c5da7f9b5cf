"""What to do with an experiment, and why: a rule over what its comparisons say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from exp_jupyter.analysis.results.progress import PlanProgress

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect

Action = Literal["ship", "keep running", "stop", "review"]
Role = Literal["primary", "secondary", "guardrail"]
Outcome = Literal["better", "worse", "open", "missing"]
Guard = Literal["holds", "broken", "open"]


@dataclass(frozen=True)
class Finding:
    """What one comparison says, as far as a decision asks.

    Parameters
    ----------
    metric, arm
        What was compared with the control.
    role
        ``primary``, ``secondary`` or ``guardrail``.
    outcome
        ``better`` or ``worse`` where the interval leaves out 0, ``open`` where it holds it, and
        ``missing`` where there is no comparison.
    lift
        The difference, positive where it is an improvement; on the effect's own scale.
    span
        Its interval, turned the same way: the worse end first.
    margin
        Of a guardrail: how much worse it may get, on the scale of ``lift``; None where nobody said.
    """

    metric: str
    arm: str
    role: Role
    outcome: Outcome
    lift: float = math.nan
    span: tuple[float, float] = (math.nan, math.nan)
    margin: float | None = None

    @property
    def guard(self) -> Guard:
        """Whether a guardrail holds: its interval lies above the margin, below it, or across it.

        Without a margin it is broken where it is worse, and otherwise open.
        """
        if self.margin is None or self.outcome == "missing":
            return "broken" if self.outcome == "worse" else "open"
        worst, best = self.span
        return "holds" if worst > -self.margin else "broken" if best < -self.margin else "open"


@dataclass(frozen=True)
class Decision:
    """What the rule says.

    Attributes
    ----------
    action
        ``ship``, ``keep running``, ``stop`` or ``review``.
    arm
        The variant to ship; empty with any other action.
    headline
        The action in a few words.
    reasons
        Why, the weightiest first; whole sentences.
    """

    action: Action
    arm: str
    headline: str
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The action and the reasons on one line."""
        return f"{self.headline}: {' '.join(self.reasons)}"


def finding(
    effect: Effect | None,
    *,
    metric: str,
    arm: str,
    role: Role = "primary",
    goal: str | None = "increase",
    adjusted: float | None = None,
    margin: float | None = None,
) -> Finding:
    """Return what a comparison says.

    Parameters
    ----------
    effect
        The comparison; None where there is none.
    metric, arm, role, margin
        As :class:`Finding` takes them.
    goal
        ``decrease`` where lower is better.
    adjusted
        The p-value corrected for the number of comparisons, where that was asked for.
    """
    if effect is None or math.isnan(float(effect.estimate)):
        return Finding(metric, arm, role, "missing", margin=margin)
    sign = -1.0 if goal == "decrease" else 1.0
    low, high = sorted(sign * float(bound) for bound in effect.interval)
    lift, null = sign * float(effect.estimate), sign * float(effect.null)
    outcome: Outcome = "better" if low > null else "worse" if high < null else "open"
    if adjusted is not None and adjusted > 1 - effect.level:
        outcome = "open"
    return Finding(metric, arm, role, outcome, lift, (low, high), margin)


def decide(
    findings: Iterable[Finding],
    *,
    control: str = "control",
    split_as_planned: bool | None = None,
    progress: PlanProgress | None = None,
    any_time: bool = False,
    ended: bool = False,
    paused: bool = False,
) -> Decision:
    """Say what to do with an experiment, and why.

    Parameters
    ----------
    findings
        One a metric and arm.
    control
        The variant the others are compared with.
    split_as_planned
        False where the units are not split as planned; None where that is not known.
    progress
        How far the plan is; None where nobody can tell.
    any_time
        Whether the intervals hold however often they are looked at, as a sequential method's do.
    ended
        Whether the experiment is over, so that it cannot go on.
    paused
        Whether it stands still, so that going on means to resume it.

    Returns
    -------
    Decision
        *review* where the split is broken, where metrics contradict one another, or where a
        primary metric is better and a guardrail is not shown to hold although the plan is done;
        *stop* where a primary metric or a guardrail is worse, or nothing differs at the planned
        size; *ship* where a primary metric is better, nothing is worse, and the look counts: at
        the planned size, or at any time with a sequential method; else *keep running*.

    Examples
    --------
    >>> better = Finding("Sign-up", "test", "primary", "better", 0.1, (0.04, 0.16))
    >>> decide([better], any_time=True).headline
    'Ship test'
    >>> print(decide([better], progress=PlanProgress(9, 900, planned_units=1800)).sentence)
    Keep running: Sign-up is better in test, but these intervals count at the planned size only,
    and 9 days are left.
    """
    everything = tuple(findings)
    if split_as_planned is False:
        return _review(
            "The units are not split as planned, so the arms compare two different crowds."
        )
    look = _Look(control, progress, any_time or (ended and progress is None), ended, paused)
    arms = list(dict.fromkeys(found.arm for found in everything))
    if not arms:
        return _review("There is no comparison to decide by.")
    if not any(found.role == "primary" for found in everything):
        return _review("No primary metric is among these results.")
    moved = [arm for arm in arms if any(_moves(f) for f in everything if f.arm == arm)]
    if not moved:
        return _undecided(" or ".join(arms), everything, look)
    told = [_of_arm(arm, [f for f in everything if f.arm == arm], look) for arm in arms]
    return min(told, key=lambda one: (_RANK[one.action], -_best(everything, one.arm)))


def _moves(found: Finding) -> bool:
    """Whether a comparison alone says that its arm is another one than the control."""
    if found.role == "guardrail":
        return found.guard == "broken"
    return found.role == "primary" and found.outcome in ("better", "worse")


_RANK: dict[Action, int] = {"ship": 0, "review": 1, "keep running": 2, "stop": 3}
"""Among several arms: one that can be shipped decides, and one still open keeps all running."""


def _best(findings: Sequence[Finding], arm: str) -> float:
    """Return an arm's lift of the first primary metric."""
    lifts = (f.lift for f in findings if f.arm == arm and f.role == "primary")
    first = next(lifts, 0.0)
    return 0.0 if math.isnan(first) else first


@dataclass(frozen=True)
class _Look:
    """What is known of the moment at which the results are read."""

    control: str
    progress: PlanProgress | None
    any_time: bool
    ended: bool
    paused: bool

    def keep_running(self, reason: str) -> Decision:
        """Return the decision to wait for more."""
        headline = "Resume it, or end it" if self.paused else "Keep running"
        return Decision("keep running", "", headline, (reason,))

    @property
    def counts(self) -> bool:
        """Whether a difference seen now may decide."""
        return self.any_time or (self.progress is not None and self.progress.finished is True)

    @property
    def may_wait(self) -> bool:
        """Whether more data can still come and the plan is not done."""
        done = self.progress is not None and self.progress.finished is True
        return not self.ended and not done

    @property
    def left(self) -> str:
        """How long the plan still takes, for the end of a sentence."""
        days = self.progress.days_left if self.progress is not None else None
        if days is None:
            return ""
        return f", and {days} {'day is' if days == 1 else 'days are'} left"


def _of_arm(arm: str, found: Sequence[Finding], look: _Look) -> Decision:
    better = [f for f in found if f.role == "primary" and f.outcome == "better"]
    worse = [f for f in found if f.role == "primary" and f.outcome == "worse"]
    broken = [f for f in found if f.role == "guardrail" and f.guard == "broken"]
    unsure = [
        f for f in found if f.role == "guardrail" and f.guard == "open" and f.margin is not None
    ]
    harmed = [f for f in found if f.role == "secondary" and f.outcome == "worse"]
    if worse or broken:
        reasons = _harm_reasons(arm, worse, broken)
        if better:
            return _review(f"{_names(better)} {_is(better)} better in {arm}.", *reasons)
        return Decision("stop", "", f"Stop, keep {look.control}", reasons)
    if not better:
        return _undecided(arm, found, look)
    won = f"{_names(better)} {_is(better)} better in {arm}"
    if harmed:
        return _review(f"{won}.", f"{_names(harmed)} {_is(harmed)} worse.")
    if not look.counts:
        if look.progress is None or look.progress.finished is None:
            return _review(
                f"{won}.",
                "No plan is saved, so nobody can say whether this was the look that counts; a "
                "sequential method may be read at any time.",
            )
        if look.ended:
            return _review(f"{won}.", "It ended before its planned size.")
        return look.keep_running(
            f"{won}, but these intervals count at the planned size only{look.left}."
        )
    if unsure:
        margin = "its margin" if len(unsure) == 1 else "their margins"
        said = f"shown to stay within {margin}"
        if look.may_wait:
            return look.keep_running(f"{won}, but {_names(unsure)} {_is(unsure)} not yet {said}.")
        return _review(f"{won}.", f"{_names(unsure)} {_is(unsure)} not {said}.")
    return Decision("ship", arm, f"Ship {arm}", (f"{won}, and nothing is worse.", _held(found)))


def _undecided(arm: str, found: Sequence[Finding], look: _Look) -> Decision:
    primary = [f for f in found if f.role == "primary"]
    if primary and all(f.outcome == "missing" for f in primary):
        nothing = f"There is too little data to compare {arm}"
    else:
        nothing = f"Nothing distinguishes {arm} from {look.control}"
    if look.may_wait:
        if look.progress is not None and look.progress.finished is None:
            more = ", and no plan says how long to wait."
        else:
            more = f" yet{look.left}."
        return look.keep_running(nothing + more)
    if look.progress is not None and look.progress.finished:
        why = "the planned size is reached, so an effect as large as planned is unlikely."
        return Decision("stop", "", f"Stop, keep {look.control}", (f"{nothing}, and {why}",))
    if look.ended and look.progress is not None and look.progress.finished is False:
        return Decision(
            "stop",
            "",
            f"Keep {look.control}",
            (f"{nothing}; it ended before its planned size, so little can be said.",),
        )
    return Decision("stop", "", f"Keep {look.control}", (f"{nothing}.",))


def _harm_reasons(arm: str, worse: list[Finding], broken: list[Finding]) -> tuple[str, ...]:
    told = []
    if worse:
        told.append(f"{_names(worse)} {_is(worse)} worse in {arm}.")
    for f in broken:
        by = f" by more than its margin of {_amount(f.margin)}" if f.margin else ""
        told.append(f"The guardrail {f.metric} is worse in {arm}{by}.")
    return tuple(told)


def _held(found: Sequence[Finding]) -> str:
    held = [f for f in found if f.role == "guardrail" and f.guard == "holds"]
    if not held:
        return "No guardrail was named."
    return f"{_names(held)} {'holds' if len(held) == 1 else 'hold'} within the margin."


def _amount(margin: float | None) -> str:
    return f"{100 * (margin or 0):g} %"


def _review(*reasons: str) -> Decision:
    return Decision("review", "", "Look before deciding", reasons)


def _names(found: Sequence[Finding]) -> str:
    names = [f.metric for f in found]
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} more metrics"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def _is(found: Sequence[Finding]) -> str:
    return "is" if len(found) == 1 else "are"
