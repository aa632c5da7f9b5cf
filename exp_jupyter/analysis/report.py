"""What is handed to those who decide: the question, the evidence and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from exp_jupyter._version import __version__
from exp_jupyter.analysis.results.decision import Decision, Role, decide, finding
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown, load_display

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.health import Health
    from exp_jupyter.analysis.results.series import Series
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.schema.experiments.experiment import Experiment

Guardrails = Mapping[str, float | None] | Iterable[str] | None
"""Metrics that must not get worse; as a mapping each with how much worse it may get, in percent."""


@dataclass(frozen=True)
class Compared:
    """One comparison of an analysis of own data, as a decision needs it."""

    metric: str
    arm: str
    effect: Effect | None
    goal: str | None
    adjusted: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Report(Shown):
    """One page about an experiment, for those who decide and were not there.

    Parameters
    ----------
    title
        What the page is about.
    evidence
        The results: :class:`~exp_jupyter.analysis.Results` of a project's experiment, or an
        analysis of own data.
    decision
        What the decision rule says of them, and why.
    question
        What was asked, in a sentence or a few; empty where nobody wrote it down.
    experiment
        The project's experiment; None for own data.
    health
        Whether its data can be trusted; None for own data.
    series
        The deciding metrics by day.
    roles
        Of own data: what each metric is for.
    guardrails
        How much worse a guardrail may get, as a fraction of the baseline; None where nobody said.
    saved
        The file it was written to, which is said above it; empty where it was not.

    Examples
    --------
    >>> from exp_jupyter import analyze
    >>> units = {"variant": ["control", "test"] * 200, "spent": [1.0, 2.0, 3.0, 5.0] * 100}
    >>> report = analyze(units, metrics="spent:mean").report("Does it sell more?")
    >>> report.decision.action
    'review'
    """

    title: str
    evidence: Shown
    decision: Decision
    question: str = ""
    experiment: Experiment | None = None
    health: Health | None = None
    series: tuple[Series, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    guardrails: Mapping[str, float | None] = field(default_factory=dict)
    saved: str = ""
    version: str = __version__

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that can be sent to anybody.

        Parameters
        ----------
        path
            The file; its ending says what it becomes. ``.html`` is one self-contained page that
            loads nothing, ``.md`` is Markdown with its charts as SVG files beside it, and ``.pdf``
            is printed by a Chromium, Chrome or Edge of this machine. A file that is there is
            replaced, as a whole or not at all; the same report is the same bytes.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        exp_jupyter.errors.InputError
            The ending is none of these.
        exp_jupyter.errors.NotInstalledError
            There is no browser to print a PDF with.
        exp_jupyter.errors.StoreError
            The file cannot be written; of a full disk, ``StoreFullError``.
        """
        return cast("Path", load_display("documents").save(self, path))


def trusted(decision: Decision, health: Health | None) -> Decision:
    """Return the decision, or a review where a check says that the data cannot be trusted."""
    failed = [] if health is None else [c for c in health.checks if c.verdict == "fail"]
    if not failed or decision.action == "review":
        return decision
    reasons = tuple(f"{check.name}: {check.sentence}" for check in failed)
    return replace(
        decision, action="review", arm="", headline="Look before deciding", reasons=reasons
    )


def report_of_own_data(
    evidence: Shown,
    comparisons: Sequence[Compared],
    *,
    title: str,
    question: str,
    control: str,
    primary: str | Sequence[str] | None,
    guardrails: Guardrails,
    split_as_planned: bool | None,
    any_time: bool,
    planned_look: bool,
    series: Mapping[str, Series] | None = None,
) -> Report:
    """Return the report of an analysis of own data.

    Parameters
    ----------
    evidence
        The analysis.
    comparisons
        Its comparisons, metric by metric.
    title, question, primary, guardrails, planned_look
        As the analysis' own ``report`` takes them.
    control, split_as_planned, any_time
        As :func:`exp_jupyter.analysis.results.decision.decide` takes them.
    series
        The metrics by day, by name, where there are days.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such metric, or a margin is not above 0 and at most 100.
    """
    metrics = list(dict.fromkeys(one.metric for one in comparisons))
    margins = _margins(guardrails, metrics)
    roles = _roles(metrics, primary, margins)
    findings = [
        finding(
            one.effect,
            metric=one.metric,
            arm=one.arm,
            role=roles[one.metric],
            goal=one.goal,
            adjusted=one.adjusted,
            margin=margins.get(one.metric),
        )
        for one in comparisons
    ]
    decision = decide(
        findings,
        control=control,
        split_as_planned=split_as_planned,
        any_time=any_time or planned_look,
        ended=planned_look,
    )
    deciding = [name for name, role in roles.items() if role == "primary"]
    days = tuple(series[name] for name in deciding if series and name in series)
    return Report(title, evidence, decision, question, series=days, roles=roles, guardrails=margins)


def _roles(
    metrics: Sequence[str], primary: str | Sequence[str] | None, margins: Mapping[str, Any]
) -> dict[str, Role]:
    """Return what each metric is for: by default the first that is no guardrail decides."""
    free = [name for name in metrics if name not in margins]
    chosen = free[:1] if primary is None else [primary] if isinstance(primary, str) else [*primary]
    _known(chosen, metrics)
    if both := [name for name in chosen if name in margins]:
        raise InputError(
            f"{both[0]!r} is given as a primary metric and as a guardrail.",
            hint="Leave it out of one of the two.",
        )
    return {
        name: "guardrail" if name in margins else "primary" if name in chosen else "secondary"
        for name in metrics
    }


def _margins(guardrails: Guardrails, metrics: Sequence[str]) -> dict[str, float | None]:
    if guardrails is None:
        return {}
    if not isinstance(guardrails, Mapping):
        names = [guardrails] if isinstance(guardrails, str) else [*guardrails]
        guardrails = dict.fromkeys(names)
    _known(guardrails, metrics)
    for name, percent in guardrails.items():
        if percent is not None and not 0 < percent <= 100:
            raise InputError(
                f"The margin of the guardrail {name!r} is {percent:g} %.",
                hint="Give a number above 0 and at most 100: how much worse it may get, in percent "
                "of the baseline.",
            )
    return {
        name: None if percent is None else percent / 100 for name, percent in guardrails.items()
    }


def _known(names: Iterable[str], metrics: Sequence[str]) -> None:
    for name in names:
        if name not in metrics:
            raise InputError(
                f"There is no metric {name!r} here.", hint=f"The metrics are: {', '.join(metrics)}."
            )
