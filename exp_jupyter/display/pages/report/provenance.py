"""Where a report's numbers come from, so that anybody can make them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import Cell, Table, Text, fields
from exp_jupyter.display.pages.results import readings

if TYPE_CHECKING:
    from exp_jupyter.analysis.report import Report
    from exp_jupyter.analysis.results.series import Series


def provenance(subject: Report, digest: str) -> Table:
    """Return the source, method, fingerprints and call of a report.

    Parameters
    ----------
    subject
        The report.
    digest
        Of its numbers.
    """
    evidence: Any = subject.evidence
    series = list(getattr(evidence, "series", ())) if subject.experiment is not None else []
    first = series[0] if series else evidence
    facts: dict[str, Cell | str] = {
        "Source": _source(evidence, series),
        "As of": numbers.moment(evidence.as_of) if getattr(evidence, "as_of", None) else "",
        "Method": f"{first.method}, mode {first.mode}" if hasattr(first, "method") else "",
        "Intervals": _intervals(evidence, series),
        "Fingerprints": _fingerprints(evidence, series),
        "Digest of the numbers": Text(digest, code=True),
        "Made again by": Text(subject.code(), code=True) if subject.code() else "",
        "Version": f"exp_jupyter {subject.version}",
    }
    return fields("Where the numbers come from", facts)


def _source(evidence: Any, series: list[Series]) -> str:
    if series:
        return series[0].source
    # An engine's version says nothing about the numbers, and differs between machines.
    engine = str(getattr(evidence, "engine", "")).split(" ")[0]
    return ", ".join(part for part in (str(getattr(evidence, "source", "")), engine) if part)


def _intervals(evidence: Any, series: list[Series]) -> str:
    results = series or [*getattr(evidence, "results", ())]
    for one in results:
        latest = getattr(one, "latest", None)
        effects = latest.effects.values() if latest is not None else ()
        if hasattr(one, "arms"):
            effects = [arm.effect for arm in one.arms]
        for effect in effects:
            if effect is not None:
                return readings.level_words(effect)
    return ""


def _fingerprints(evidence: Any, series: list[Series]) -> str:
    if series:
        return ", ".join(f"{s.metric_name} {s.fingerprint[:8]}" for s in series if s.fingerprint)
    return str(getattr(evidence, "fingerprint", ""))[:8]
