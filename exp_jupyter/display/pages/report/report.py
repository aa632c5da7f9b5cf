"""How a report is described: the answer first, then all that leads to it, section by section."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
    Block,
    Card,
    Cell,
    Description,
    Details,
    Heading,
    NextStep,
    Picture,
    Sentence,
    SmallPrint,
    Span,
    StatusLine,
    fields,
)
from exp_jupyter.display.pages.project import experiments
from exp_jupyter.display.pages.report.provenance import provenance
from exp_jupyter.display.pages.results import conclusions, quality
from exp_jupyter.display.pages.results import results as results_page
from exp_jupyter.display.pages.results import series as series_page
from exp_jupyter.display.pages.results.heterogeneity import each_segment
from exp_jupyter.display.render.frame import packed
from exp_jupyter.display.render.steady import steady
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.analysis.report import Report
    from exp_jupyter.schema.experiments.experiment import Experiment

_MOST_QUESTION = 4000
"""Characters of a question; a page is read, not scrolled."""
_ROLES = {"primary": "Decides", "secondary": "Also looked at", "guardrail": "Must not get worse"}


def report(subject: Report) -> Description:
    """Describe an experiment on one page for those who decide."""
    described = _evidence(subject)
    records = described.records() if described.records is not None else []
    digest = _digest(records)
    blocks: list[Block] = [
        *(
            (StatusLine("", (Badge(f"✓ written to {subject.saved}", "good"),)),)
            if subject.saved
            else ()
        ),
        _title(subject),
        replace(conclusions.decision_sentence(subject.decision), lead=True),
        *_section("Question", _question(subject)),
        *_section("Design", _design(subject)),
        *_section("Can the data be trusted?", _health(subject)),
        *_section("Results", _results(subject, described)),
        *_section("Day by day", _days(subject)),
        *_section("Segments", _segments(subject)),
        *_section("Decision", _decision(subject)),
        *_section("Where the numbers come from", [provenance(subject, digest)]),
    ]
    return Description(
        "report",
        f"{subject.title} · report",
        tuple(blocks),
        described.records,
        lambda: _data(subject, records, digest),
        chart=described.chart,
    )


def _section(title: str, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return a section; one that has nothing to say is left out."""
    return (Heading(title, level=2), *blocks) if blocks else ()


def _title(subject: Report) -> Heading:
    experiment = subject.experiment
    if experiment is None:
        return Heading(subject.title, level=1)
    badge = quality.status_badge(experiment.status, archived=experiment.archived)
    return Heading(subject.title, badge, experiments.dates(experiment), level=1)


def _evidence(subject: Report) -> Description:
    """Return how the evidence is described on its own."""
    if subject.experiment is not None:
        return results_page.results(subject.evidence)  # type: ignore[arg-type]
    if hasattr(subject.evidence, "exposures"):
        from exp_jupyter.display.pages.own_data.events import event_analysis

        return event_analysis(subject.evidence)  # type: ignore[arg-type]
    from exp_jupyter.display.pages.own_data.analysis import analysis

    return analysis(subject.evidence)  # type: ignore[arg-type]


def _question(subject: Report) -> list[Block]:
    words = subject.question.strip()
    if not words:
        return [Sentence(Span("Nobody wrote down what was asked.", quiet=True))]
    paragraphs = [part.strip() for part in words[:_MOST_QUESTION].split("\n\n")]
    return [Sentence(part) for part in paragraphs if part]


def _design(subject: Report) -> list[Block]:
    experiment = subject.experiment
    if experiment is not None:
        told = {"Variants": _variants(subject, experiment), **_metrics(subject)}
        return [fields("How it was set up", told | experiments.facts(experiment))]
    evidence: Any = subject.evidence
    units = getattr(evidence, "units", None) or evidence.exposures.units
    variants = ", ".join(f"{key} ({numbers.counted(n, 'unit')})" for key, n in units.items())
    facts = {"Variants": variants, "Compared with": evidence.control, **_metrics(subject)}
    if hasattr(evidence, "exposure"):
        facts["Exposed by"] = evidence.exposure
        last = evidence.exposures.days[-1].date
        first = numbers.day(evidence.exposures.days[0].date)
        facts["Days"] = f"{first} to {numbers.day(last, year=True)}"
    return [fields("How it was set up", facts)]


def _variants(subject: Report, experiment: Experiment) -> str:
    """Return every variant with its share, what it is and its units, in words."""
    flag = experiment.feature_flag
    names = {one.key: one.name or "" for one in flag.variants} if flag is not None else {}
    units = _units(subject)
    parts = []
    for key, share in experiment.split.items():
        counted = numbers.counted(units[key], "unit") if key in units else ""
        inside = ", ".join(part for part in (names.get(key, ""), counted) if part)
        parts.append(f"{key} {numbers.share(share / 100)}" + (f" ({inside})" if inside else ""))
    return ", ".join(parts)


def _units(subject: Report) -> dict[str, int]:
    """Return the units of every variant on the newest day of the first metric that has one."""
    evidence: Any = subject.evidence
    day = next((one.latest for one in evidence if one.latest is not None), None)
    if day is None or day.baseline is None:
        return {}
    return {arm.key: arm.n for arm in (day.baseline, *day.arms.values())}


def _metrics(subject: Report) -> dict[str, Cell | str]:
    """Return the metrics by what they are for."""
    roles = subject.roles or {
        series.metric_name: role
        for role, group in getattr(subject.evidence, "groups", {}).items()
        for series in group
    }
    margins = getattr(subject.evidence, "guardrails", None) or subject.guardrails
    return {
        label: ", ".join(
            f"{name} (at most {numbers.share(margin)} worse)"
            if (margin := margins.get(name)) is not None
            else name
            for name, role in roles.items()
            if role == wanted
        )
        for wanted, label in _ROLES.items()
    }


def _health(subject: Report) -> list[Block]:
    if subject.health is not None:
        shown = _without_frame(quality.health(subject.health).blocks)
        if subject.health.verdict != "ok":
            return shown
        return [shown[0], Sentence(" ".join(check.sentence for check in subject.health.checks))]
    evidence: Any = subject.evidence
    ratio = getattr(evidence, "sample_ratio", None)
    if hasattr(evidence, "exposures"):
        ratio = evidence.exposures.sample_ratio
    if ratio is None:
        words = "Nobody stated the planned split, so it was not checked."
        return [Sentence(Span(words, quiet=True))]
    return _without_frame(quality.sample_ratio_mismatch(ratio).blocks)


def _results(subject: Report, described: Description) -> list[Block]:
    if subject.experiment is not None:
        return results_page.evidence_blocks(subject.evidence)  # type: ignore[arg-type]
    # Segments, days and statements have sections of their own.
    shown = _without_frame(described.blocks)
    return [block for block in shown if not isinstance(block, Details | Picture)]


def _days(subject: Report) -> list[Block]:
    blocks: list[Block] = []
    for one in subject.series:
        shown = [
            block
            for block in series_page.series(one).blocks
            if isinstance(block, Sentence | Picture)
        ]
        if any(isinstance(block, Picture) for block in shown):
            blocks += [Heading(one.metric_name), *shown]
    return blocks


def _segments(subject: Report) -> list[Block]:
    """Return how the segments differ; the values of their arms would outweigh the page."""
    evidence: Any = subject.evidence
    if not getattr(evidence, "segments", ()):
        return []
    words = "every metric, segment and arm with its own value: to_frame()"
    return [*each_segment(evidence.by_segment), SmallPrint((words,))]


def _decision(subject: Report) -> list[Block]:
    blocks: list[Block] = [
        Card(
            (conclusions.headline(subject.decision), *_reasons(subject)),
            conclusions.tone(subject.decision),
        )
    ]
    if subject.experiment is not None:
        blocks += experiments.conclusion_sentences(subject.experiment)
    rule = (
        "The rule: ship where a deciding metric is better, nothing is worse and the look counts; "
        "stop where one or a guardrail is worse, or nothing differs at the planned size; review "
        "where the data or the metrics contradict one another; otherwise keep running."
    )
    return [*blocks, SmallPrint((rule,))]


def _reasons(subject: Report) -> tuple[Sentence, ...]:
    return tuple(Sentence(reason) for reason in subject.decision.reasons)


def _without_frame(blocks: Iterable[Block]) -> list[Block]:
    """Leave out what frames a display of its own: its title, next step and small print."""
    return [block for block in blocks if not isinstance(block, Heading | NextStep | SmallPrint)]


def _digest(records: list[dict[str, Any]]) -> str:
    """Return a digest of the numbers: two reports with the same one say the same."""
    told = json.dumps(steady(plain(records)), sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _data(subject: Report, records: list[dict[str, Any]], digest: str) -> dict[str, Any]:
    """Return what a front end draws: the decision, and the results' rows."""
    return {
        "title": subject.title,
        "question": subject.question,
        "decision": plain(subject.decision),
        "digest": digest,
        **packed(records),
        "version": subject.version,
    }
