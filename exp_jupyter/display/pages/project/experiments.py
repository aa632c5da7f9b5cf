"""How experiments are described: one on a page, many in a list, all in five numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.results.verdicts import exclusion_words, exposure_words
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Block,
    Cell,
    Column,
    Description,
    Figure,
    Heading,
    NextStep,
    Reading,
    Row,
    Sentence,
    SmallPrint,
    Span,
    Table,
    Text,
    Tone,
    fields,
    whole,
)
from exp_jupyter.display.pages.project.flags import shortened, split_words
from exp_jupyter.display.pages.results.quality import status_badge

if TYPE_CHECKING:
    from exp_jupyter.schema.experiments.experiment import Experiment
    from exp_jupyter.schema.experiments.overview import ExperimentStats

_LONGEST_TEXT = 400
_CONCLUSIONS: dict[str, tuple[str, Tone, str]] = {
    "won": ("won", "good", "✓"),
    "lost": ("lost", "bad", "✕"),
    "inconclusive": ("inconclusive", "quiet", "·"),
    "stopped_early": ("stopped early", "notice", "!"),
    "invalid": ("invalid", "bad", "!"),
}


def dates(subject: Experiment) -> str:
    """Return from when to when the experiment ran."""
    start, end = subject.start_date, subject.end_date
    if start is None:
        return "not started"
    if end is None:
        return f"since {numbers.day(start, year=True)}"
    same_year = start.year == end.year
    first = numbers.day(start, year=not same_year)
    return f"{first} to {numbers.day(end, year=True)} ({numbers.days((end - start).days)})"


def experiment(subject: Experiment) -> Description:
    """Describe one experiment on one page."""
    badge = status_badge(subject.status, archived=subject.archived)
    blocks: list[Block] = [Heading(subject.name, badge, f"#{subject.id} · {dates(subject)}")]
    if subject.description:
        blocks.append(Sentence(shortened(subject.description, _LONGEST_TEXT)))
    blocks += conclusion_sentences(subject)
    blocks.append(fields("The experiment", facts(subject)))
    if subject.split:
        blocks.append(_variants(subject))
    metrics = _metrics(subject)
    if metrics is not None:
        blocks.append(metrics)
    elif subject.metrics is not None:
        blocks.append(Sentence("It has no metrics yet."))
        blocks.append(NextStep("add a primary metric before it is launched."))
    config = subject.stats_config or {}
    updated = numbers.moment(subject.updated_at) if subject.updated_at else ""
    blocks.append(
        SmallPrint(
            (
                str(config.get("method") or "project’s default method"),
                "CUPED on" if (config.get("cuped") or {}).get("enabled") else "",
                f"changed {updated}" if updated else "",
            )
        )
    )
    return Description("experiment", subject.name, tuple(blocks), lambda: _list_records([subject]))


def conclusion_sentences(subject: Experiment) -> tuple[Sentence, ...]:
    """Return what was concluded and why; nothing where nobody concluded yet."""
    if not subject.conclusion:
        return ()
    words, tone, mark = _CONCLUSIONS.get(
        subject.conclusion, (subject.conclusion.replace("_", " "), "quiet", "·")
    )
    parts: list[str | Span] = [Span(f"{mark} Concluded: {words}", strong=True, tone=tone)]
    if subject.conclusion_comment:
        parts.append(f". {shortened(subject.conclusion_comment, _LONGEST_TEXT)}")
    return (Sentence(tuple(parts)),)


def facts(subject: Experiment) -> dict[str, Cell | str]:
    """Return how the experiment is set up, by label."""
    flag = subject.feature_flag
    facts: dict[str, Cell | str] = {}
    if subject.feature_flag_key:
        state = "" if flag is None else " (on)" if flag.active else " (off)"
        facts["Flag"] = f"{subject.feature_flag_key}{state}"
    if flag is not None and flag.rollout_percentage is not None:
        facts["Rollout"] = numbers.share(flag.rollout_percentage / 100)
    if subject.type:
        facts["Type"] = subject.type
    prompt = subject.prompt_metadata
    if prompt is not None:
        versions = ", ".join(f"v{version}" for version in prompt.get("versions") or ())
        facts["Prompt"] = f"{prompt.get('name', '')} {versions}".strip()
    planned = subject.running_time_calculation or {}
    if subject.minimum_detectable_effect is not None:
        facts["Planned effect"] = f"{numbers.number(subject.minimum_detectable_effect)} %"
    if planned.get("recommended_sample_size"):
        size = numbers.counted(planned["recommended_sample_size"], "unit")
        days = planned.get("recommended_running_time")
        facts["Planned size"] = f"{size} in {numbers.days(days)}" if days else size
    if subject.holdout is not None:
        facts["Holdout"] = subject.holdout.name or f"#{subject.holdout.id}"
    if subject.excluded_variants:
        facts["Left out"] = ", ".join(subject.excluded_variants)
    if subject.tags:
        facts["Tags"] = ", ".join(subject.tags)
    facts |= _exposure_facts(subject)
    if subject.created_by is not None:
        facts["Created by"] = subject.created_by.label
    return facts


def _exposure_facts(subject: Experiment) -> dict[str, Cell | str]:
    cohort = subject.exposure_cohort
    facts: dict[str, Cell | str] = {
        "Exposed by": exposure_words(subject.exposure_criteria),
        "Excluded": exclusion_words(subject.exposure_criteria),
        "Exposure cohort": "" if cohort is None else f"#{cohort}",
    }
    return {label: fact for label, fact in facts.items() if fact}


def _variants(subject: Experiment) -> Table:
    names = {}
    if subject.feature_flag is not None:
        names = {variant.key: variant.name or "" for variant in subject.feature_flag.variants}
    columns = (
        Column("Variant", names=("variant",)),
        Column("Share", "right", ("share",)),
        Column("Name", names=("name",), wrap=True),
    )
    rows = tuple(
        Row(
            (
                Text(key, note="baseline" if key == subject.baseline_key else ""),
                Figure(share / 100, numbers.share(share / 100)),
                Text(shortened(names.get(key))),
            )
        )
        for key, share in subject.split.items()
    )
    return Table("Variants", columns, rows, titled=True)


def _metrics(subject: Experiment) -> Table | None:
    entries = subject.metric_entries
    if not entries:
        return None
    columns = (
        Column("Metric", names=("metric",)),
        Column("Role", names=("role",)),
        Column("Kind", names=("kind",)),
        Column("Better when", names=("goal",)),
        Column("Shared", names=("shared",)),
    )
    rows = tuple(
        Row(
            (
                Text(shortened(entry.name), strong=entry.role == "primary"),
                Text(entry.role),
                Text(entry.kind or "legacy"),
                Text("lower" if entry.goal == "decrease" else "higher"),
                Text("shared" if entry.shared else ""),
            )
        )
        for entry in entries
    )
    return Table("Metrics", columns, rows, titled=True)


def experiment_list(subject: Any) -> Description:
    """Describe many experiments."""
    title = "Experiments"
    found = list(subject.results)
    note = numbers.counted(subject.count, "experiment")
    if not found:
        empty = (
            Heading(title, note=note),
            Sentence("No experiment matches.", lead=True),
            NextStep("search for less, or leave out the status."),
        )
        return Description("experiment-list", title, empty)
    columns = (
        Column("#", "right", ("id",)),
        Column("Name", names=("name",), wrap=True),
        Column("Status", names=("status",)),
        Column("Started", "right", ("start_date",)),
        Column("Ended", "right", ("end_date",)),
        Column("Concluded", names=("conclusion",)),
        # Last, since a key is never cut: a long one may stand out at the right.
        Column("Flag", names=("flag_key",), wrap=True),
    )
    rows = tuple(Row(_list_cells(one)) for one in found)
    blocks: list[Block] = [
        Heading(title, note=note),
        Table("Experiments, newest first", columns, rows),
    ]
    if subject.note:
        blocks.append(Sentence(subject.note))
    if getattr(subject, "next", None) or len(found) < subject.count:
        shown = numbers.count(len(found))
        blocks.append(
            NextStep(f"{shown} of {numbers.count(subject.count)} are shown; search to narrow them.")
        )
    return Description("experiment-list", title, tuple(blocks), lambda: _list_records(found))


def _list_cells(one: Experiment) -> tuple[Cell, ...]:
    badge = status_badge(one.status, archived=one.archived)
    mark = {"running": "●", "paused": "‖", "draft": "○", "archived": "▫"}.get(badge.text, "■")
    words, tone, sign = _CONCLUSIONS.get(
        one.conclusion or "", ((one.conclusion or "").replace("_", " "), "quiet", "")
    )
    return (
        Figure(one.id, str(one.id), quiet=True),
        Text(shortened(one.name), strong=True, note=", ".join(one.tags)),
        Reading(badge.text, badge.tone, mark),
        Text(numbers.day(one.start_date, year=True) if one.start_date else ""),
        Text(numbers.day(one.end_date, year=True) if one.end_date else ""),
        Reading(words, tone, sign),
        Text(one.feature_flag_key, code=True),
    )


def _list_records(found: list[Experiment]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "name": one.name,
            "status": one.status,
            "archived": one.archived,
            "start_date": one.start_date,
            "end_date": one.end_date,
            "flag_key": one.feature_flag_key,
            "variants": split_words(one.feature_flag) if one.feature_flag else None,
            "conclusion": one.conclusion,
            "tags": ", ".join(one.tags),
        }
        for one in found
    ]


def experiment_stats(subject: ExperimentStats) -> Description:
    """Describe how many experiments were launched, run and were completed lately."""
    title = "Experiments in this project"
    change = float(subject.percent_change)
    arrow = "▲" if change > 0 else "▼" if change < 0 else "="
    before = numbers.counted(subject.launched_previous_30d, "launch", "launches")
    words = (
        Span(numbers.counted(subject.active_experiments, "experiment"), strong=True),
        " running or paused now; ",
        Span(numbers.counted(subject.launched_last_30d, "launch", "launches"), strong=True),
        f" in the last 30 days, {arrow} {numbers.lift(change / 100, 1)} against {before} before.",
    )
    columns = (
        Column("Experiments", names=("measure",)),
        Column("Count", "right", ("count",)),
    )
    rows = tuple(
        Row((Text(label), whole(count)))
        for label, count in (
            ("running or paused now", subject.active_experiments),
            ("launched in the last 30 days", subject.launched_last_30d),
            ("launched in the 30 days before", subject.launched_previous_30d),
            ("completed in the last 30 days", subject.completed_last_30d),
        )
    )
    blocks: tuple[Block, ...] = (
        Heading(title),
        Sentence(words, lead=True),
        Table("Counts", columns, rows),
        SmallPrint(("archived experiments are not counted",)),
    )
    return Description("experiment-stats", title, blocks)
