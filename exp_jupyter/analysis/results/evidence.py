"""What results say about a write that decides: the facts, and what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exp_jupyter.schema.approvals.writes import Evidence

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.decision import Finding
    from exp_jupyter.analysis.results.experiment import Results


def evidence_of(results: Results, variant: str | None = None) -> Evidence:
    """Return what an experiment's results say to whoever decides about it.

    Parameters
    ----------
    results
        The results as they are now.
    variant
        The variant that is to be shipped; None where the experiment only ends or is put away.

    Examples
    --------
    >>> from exp_jupyter.analysis import Results
    >>> evidence_of(Results(7, "Checkout", "running", ())).warnings
    ('There is no result yet.',)
    """
    findings = [
        f for f in results.findings if variant in (None, f.arm) or _is_control(results, variant)
    ]
    if not any(f.outcome != "missing" for f in findings):
        return Evidence(
            _plan_marks(results), (f"There is no result{'' if results.ended else ' yet'}.",)
        )
    marks = (*_metric_marks(findings), *_split_marks(results), *_plan_marks(results))
    decision = results.decision
    advice = " ".join(
        (f"{decision.headline[:1].lower()}{decision.headline[1:]}.", *decision.reasons)
    )
    return Evidence(marks, tuple(_warnings(results, findings, variant)), advice)


def _is_control(results: Results, variant: str | None) -> bool:
    return bool(results.series) and variant == results.series[0].baseline_key


def _metric_marks(findings: list[Finding]) -> list[tuple[str, str]]:
    plain = [f for f in findings if f.role != "guardrail"]
    guards = [f for f in findings if f.role == "guardrail"]
    better = sum(f.outcome == "better" for f in plain)
    worse = sum(f.outcome == "worse" for f in plain)
    marks = []
    if better:
        marks.append((f"▲ {better} of {len(plain)} better", "good"))
    if worse:
        marks.append((f"▼ {worse} of {len(plain)} worse", "bad"))
    if not better and not worse:
        marks.append(("nothing distinguishable", "quiet"))
    if guards:
        broken = sum(f.guard == "broken" for f in guards)
        held = all(f.guard == "holds" for f in guards)
        words = (
            (f"✕ {broken} of {len(guards)} guardrails worse", "bad")
            if broken
            else ("✓ guardrails hold", "good")
            if held
            else ("guardrails not shown to hold", "notice")
        )
        marks.append(words)
    return marks


def _split_marks(results: Results) -> list[tuple[str, str]]:
    ratio = results.sample_ratio
    if ratio is None:
        return []
    return [("✕ split is broken", "bad") if ratio.mismatch else ("✓ split as planned", "good")]


def _plan_marks(results: Results) -> tuple[tuple[str, str], ...]:
    progress = results.progress
    if progress is None:
        return ()
    day = f"day {progress.day}"
    if progress.planned_days:
        day += f" of {progress.planned_days}"
    if progress.finished is None:
        return ((f"{day}, no plan saved", "quiet"),)
    if progress.finished:
        return ((f"✓ {day}, planned size reached", "good"),)
    left = progress.days_left
    words = "" if left is None else f": {left} {'day' if left == 1 else 'days'} early"
    return ((f"{day}{words or ', planned size not reached'}", "notice"),)


def _warnings(results: Results, findings: list[Finding], variant: str | None) -> list[str]:
    told = []
    ratio, progress = results.sample_ratio, results.progress
    if ratio is not None and ratio.mismatch:
        told.append(
            "The split is broken: these numbers compare two different crowds. Look for what loses "
            f"units before deciding: %exp_health {results.experiment_id}."
        )
    any_time = all(series.method == "sequential" for series in results.series)
    if progress is not None and progress.finished is False and not any_time:
        seen = (
            f"{progress.units:,} of {progress.planned_units:,} units"
            if progress.planned_units
            else f"day {progress.day} of {progress.planned_days}"
        )
        told.append(
            f"The plan is not finished ({seen}), and these intervals count at its end only."
        )
    told += [
        f"The guardrail {f.metric} is worse in {f.arm}."
        for f in findings
        if f.role == "guardrail" and f.guard == "broken"
    ]
    keeps_control = variant is not None and _is_control(results, variant)
    if variant is None or keeps_control:
        return told
    told += [
        f"{f.metric} is worse in {f.arm}."
        for f in findings
        if f.role != "guardrail" and f.outcome == "worse"
    ]
    if not any(f.outcome in ("better", "worse") for f in findings):
        control = results.series[0].baseline_key
        told.append(f"Nothing distinguishes {variant} from {control}.")
    return told
