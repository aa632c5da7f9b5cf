"""How flags to build on and prompt templates are described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
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
    Table,
    Text,
    fields,
)

if TYPE_CHECKING:
    from exp_jupyter.schema.flags.flag import MinimalFeatureFlag
    from exp_jupyter.schema.metrics.prompt import PromptTemplates

_LONGEST = 60


def shortened(text: str | None, longest: int = _LONGEST) -> str:
    """Return the first line of a text, cut where it gets too long for a table."""
    first = (text or "").strip().splitlines()[0] if (text or "").strip() else ""
    return first if len(first) <= longest else first[: longest - 1].rstrip() + "…"


def split_words(flag: MinimalFeatureFlag) -> str:
    """Return a flag's variants and their shares, for example ``control 50 %, test 50 %``."""
    return ", ".join(f"{key} {numbers.share(share / 100)}" for key, share in flag.split.items())


def eligible_flags(subject: Any) -> Description:
    """Describe the flags an experiment can be built on."""
    title = "Feature flags"
    count, shown = subject.count, len(subject.results)
    note = numbers.counted(count, "flag") + (" to build on" if count else "")
    if not shown:
        empty: tuple[Block, ...] = (
            Heading(title, note=note),
            Sentence("No flag matches.", lead=True),
            NextStep(
                "search for less, or create a flag with at least two variants, the first named "
                "control."
            ),
        )
        return Description("eligible-flags", title, empty)
    columns = (
        Column("Key", names=("key",)),
        Column("On", names=("active",)),
        Column("Variants", names=("variants",), wrap=True),
        Column("Rollout", "right", ("rollout_percentage",)),
        Column("Used by", "right", ("experiments",)),
        Column("Created", "right", ("created_at",)),
        Column("Description", names=("description",), wrap=True),
    )
    rows = tuple(Row(_flag_cells(flag)) for flag in subject.results)
    blocks: list[Block] = [
        Heading(title, note=note),
        Table("Flags with a control and at least one more variant", columns, rows),
    ]
    if shown < count:
        blocks.append(
            NextStep(f"{shown} of {numbers.count(count)} are shown; search, or ask with an offset.")
        )
    return Description("eligible-flags", title, tuple(blocks), lambda: _records(subject))


def _flag_cells(flag: Any) -> tuple[Cell, ...]:
    used = len(getattr(flag, "experiment_set", ()) or ())
    rollout = flag.rollout_percentage
    on = Reading("on", "good", "●") if flag.active else Reading("off", "quiet", "○")
    return (
        Text(flag.key, code=True),
        on,
        Text(split_words(flag)),
        Figure(rollout, numbers.MISSING if rollout is None else numbers.share(rollout / 100)),
        Figure(used, numbers.counted(used, "experiment") if used else "free", quiet=not used),
        Text(numbers.day(getattr(flag, "created_at", None), year=True), quiet=True),
        Text(shortened(flag.name)),
    )


def _records(subject: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": flag.id,
            "key": flag.key,
            "active": flag.active,
            "variants": ", ".join(flag.split),
            "rollout_percentage": flag.rollout_percentage,
            "experiments": len(getattr(flag, "experiment_set", ()) or ()),
            "created_at": getattr(flag, "created_at", None),
            "description": flag.name,
        }
        for flag in subject.results
    ]


def feature_flag(subject: Any) -> Description:
    """Describe one flag."""
    badge = Badge("on", "good") if subject.active else Badge("off", "quiet")
    columns = (
        Column("Variant", names=("variant",)),
        Column("Share", "right", ("share",)),
        Column("Name", names=("name",)),
    )
    rows = tuple(
        Row(
            (
                Text(variant.key, code=True),
                Figure(
                    variant.rollout_percentage,
                    numbers.share((variant.rollout_percentage or 0) / 100),
                ),
                Text(shortened(variant.name)),
            )
        )
        for variant in subject.variants
    )
    facts: dict[str, Cell | str] = {"Description": shortened(subject.name, 200)}
    if subject.rollout_percentage is not None:
        facts["Rollout"] = f"{numbers.share(subject.rollout_percentage / 100)} of the first group"
    if subject.version is not None:
        facts["Version"] = str(subject.version)
    body: tuple[Block, ...] = (Table("Variants", columns, rows),) if rows else ()
    title = subject.key
    return Description(
        "feature-flag", title, (Heading(title, badge), *body, fields("The flag", facts))
    )


def prompt_templates(subject: PromptTemplates) -> Description:
    """Describe the metrics a prompt experiment can have."""
    title = "Prompt metrics"
    if not len(subject):
        empty = (
            Heading(title),
            Sentence("The project offers no templates.", lead=True),
            NextStep("prompt experiments need a project with prompt management; check which one."),
        )
        return Description("prompt-templates", title, empty)
    columns = (
        Column("Template", names=("key",)),
        Column("Metric", names=("label",)),
        Column("What it measures", names=("description",), wrap=True),
    )
    rows = tuple(
        Row((Text(one.key, code=True), Text(one.label), Text(one.description)))
        for one in subject.results
    )
    blocks: tuple[Block, ...] = (
        Heading(title, note=numbers.counted(len(subject), "template")),
        Table("Templates for experiments on prompts", columns, rows),
    )
    return Description("prompt-templates", title, blocks)
