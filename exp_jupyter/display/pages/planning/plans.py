"""How plans are described: how many, how long, and what more days would buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from exp_jupyter.display.charts.curve import CurveChart
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Block,
    Cell,
    Description,
    Figure,
    Heading,
    NextStep,
    Picture,
    Sentence,
    SmallPrint,
    Span,
    Words,
    fields,
)
from exp_jupyter.display.pages.results.effects import warnings_of

if TYPE_CHECKING:
    from exp_jupyter.engine.planning.sample_size import SizePlan
    from exp_jupyter.schema.experiments.planning import RunningTime

_KINDS = {
    "funnel": "funnel",
    "mean_count": "mean of counts",
    "mean_sum_or_avg": "mean of sums",
    "mean": "mean",
    "ratio": "ratio",
    "retention": "retention",
}
_SHARES = {"funnel", "retention"}
_SHORT_PLAN, _LONG_PLAN = 7, 60


def size_plan(subject: SizePlan) -> Description:
    """Describe how many units an experiment needs, and how long that takes."""
    title = "Sample size"
    kind = _KINDS.get(subject.kind, subject.kind)
    blocks: list[Block] = [
        Heading(title, note=f"{kind} · {numbers.counted(subject.variants, 'variant')}"),
        Sentence(_size_words(subject), lead=True),
        *_time_words(subject),
        fields("The plan", _plan_fields(subject)),
    ]
    chart = _curve(subject)
    if chart is not None:
        blocks.append(Picture(chart, f"{chart.label}, by day"))
    blocks += warnings_of(subject.warnings)
    if subject.tuning_n is not None:
        tuning = f"{subject.tuning_n:.10g}"
        words = f"analyse with the tuning of this plan (tuning_n={tuning}), for example:"
        line = f"%exp_compare CONTROL TREATMENT --method sequential --tuning {tuning}"
        blocks.append(NextStep(words, code=line))
    if subject.rate is None:
        step = "give the new units per day (rate) to see how long that takes."
        blocks.append(NextStep(step))
    blocks.append(SmallPrint((f"formula {subject.formula}", f"mode {subject.mode}")))
    return Description("size-plan", title, tuple(blocks), lambda: [_record(subject)])


def _size_words(subject: SizePlan) -> Words:
    total = numbers.count(subject.sample_size)
    aim = f" to find a relative effect of {_percent(subject.mde)}"
    if subject.margin is not None:
        aim = f" to rule out being worse by {_percent(subject.margin)}"
    each = ""
    if _even(subject):
        each = f", {numbers.count(max(subject.per_variant))} in each variant"
    words: Words = (Span(f"{total} units", strong=True), f"{aim}{each}.")
    if subject.days is not None and subject.rate:
        words = (
            Span(f"{total} units in {numbers.days(subject.days)}", strong=True),
            f"{aim}{each}.",
        )
    return words


def _even(subject: SizePlan) -> bool:
    arms = subject.per_variant
    return bool(arms) and max(arms) - min(arms) <= 1


def _time_words(subject: SizePlan) -> tuple[Block, ...]:
    if subject.days is None:
        return ()
    if subject.days < _SHORT_PLAN:
        words = "Run whole weeks all the same: weekdays and weekends bring different people."
    elif subject.days > _LONG_PLAN:
        words = (
            f"That is about {numbers.number(subject.days / 7, 2)} weeks. "
            "A larger effect, more units per day or a covariate would shorten it."
        )
    else:
        return ()
    return (Sentence((Span(words, quiet=True),)),)


def _percent(points: float) -> str:
    return f"{numbers.number(points)} %"


def _plan_fields(subject: SizePlan) -> dict[str, Cell | str]:
    rows: dict[str, Cell | str] = {"Baseline": _baseline(subject.kind, subject.baseline)}
    if subject.variance is not None:
        rows["Variance per unit"] = Figure(subject.variance, numbers.number(subject.variance))
    if subject.margin is not None:
        rows["Margin"] = f"{_percent(subject.margin)} of the baseline"
    if subject.mde:
        absolute = numbers.number(abs(subject.baseline) * subject.mde / 100)
        rows["Minimum detectable effect"] = Figure(
            subject.mde, f"{_percent(subject.mde)} of the baseline ({absolute} absolute)"
        )
    if subject.per_variant and not _even(subject):
        rows["Units per variant"] = ", ".join(map(numbers.count, subject.per_variant))
    if subject.rate is not None:
        rows["New units per day"] = Figure(subject.rate, numbers.number(subject.rate, 6))
    side = "" if subject.alternative == "two-sided" else f", one-sided ({subject.alternative})"
    rows["False positives"] = f"{numbers.share(subject.alpha)}{side}"
    rows["Power"] = numbers.share(subject.power)
    if subject.correlation:
        removed = numbers.lift(-(subject.correlation**2), 0)
        rows["Covariate"] = f"correlation {numbers.number(subject.correlation)}, variance {removed}"
    if subject.clusters:
        arms = ", ".join(map(numbers.count, subject.clusters))
        about = f"{numbers.number(cast('float', subject.cluster_size))} units each"
        rows["Clusters per variant"] = f"{arms}, of {about}"
        icc = numbers.number(cast("float", subject.icc))
        rows["Design effect"] = Figure(
            subject.design_effect, f"{subject.design_effect:.2f} at ICC {icc}"
        )
    if subject.sequential is not False:
        rows["Looking every day"] = "allowed: sized for an always-valid interval"
    if subject.comparisons > 1:
        rows["Comparisons"] = numbers.count(subject.comparisons)
    if subject.effect == "multiplicative":
        rows["Effect"] = "multiplicative: the variance grows with it"
    rows |= _exact(subject)
    rows |= _api(subject)
    return rows


def _exact(subject: SizePlan) -> dict[str, Cell | str]:
    """Say what the exact formula asks where the plan follows another one."""
    exact = subject.exact_sample_size
    if exact is None or exact == subject.sample_size or not subject.sample_size:
        return {}
    change = numbers.lift(exact / subject.sample_size - 1)
    words = f"{numbers.counted(exact, 'unit')} ({change})"
    return {"For the test that is made": Figure(exact, words)}


def _api(subject: SizePlan) -> dict[str, Cell | str]:
    """Say what the API's formula asks, and what that really finds."""
    size, power = subject.api_sample_size, subject.api_power
    if size is None or power is None:
        return {}
    found = f"finds it with {numbers.percent(power, 1)} power"
    if subject.mode == "compat":
        return {"Power it really has": Figure(power, numbers.percent(power, 1))}
    return {"The project’s formula": Figure(size, f"{numbers.counted(size, 'unit')}, {found}")}


def _baseline(kind: str, value: float | None) -> Figure:
    if kind in _SHARES:
        return Figure(value, numbers.percent(value))
    return Figure(value, numbers.number(value, 6))


def _curve(subject: SizePlan) -> CurveChart | None:
    if not subject.rate or subject.days is None:
        return None
    points = tuple((int(day), float(mde) / 100) for day, mde in subject.curve() if mde > 0)
    if len(points) < 2:
        return None
    aim = subject.mde if subject.margin is None else subject.margin
    label = (
        "smallest effect the plan can find"
        if subject.margin is None
        else "smallest margin the plan can rule out"
    )
    last_day, last = points[-1]
    alt = (
        f"The {label} falls with time: {_percent(aim)} after {numbers.days(subject.days)}, "
        f"{numbers.percent(last, 1)} after {numbers.days(last_day)}."
    )
    plan = (subject.days, aim / 100) if aim and subject.days <= last_day else None
    return CurveChart(points, plan, label[0].upper() + label[1:], alt)


def _record(subject: SizePlan) -> dict[str, Any]:
    names = [
        "kind",
        "baseline",
        "variance",
        "mde",
        "variants",
        "rate",
        "alpha",
        "power",
        "alternative",
        "margin",
        "correlation",
        "sample_size",
        "days",
        "exact_sample_size",
        "api_sample_size",
        "api_power",
        "effect",
        "tuning_n",
        "mode",
    ]
    return {name: getattr(subject, name) for name in names}


def running_time(subject: RunningTime) -> Description:
    """Describe the project's own answer to how long an experiment must run."""
    title = "Running time"
    size, days = subject.recommended_sample_size, subject.recommended_running_time_days
    blocks: list[Block] = [Heading(title, note="as the project computes it")]
    if size is None:
        blocks.append(Sentence((Span("No size can be computed", strong=True), "."), lead=True))
        blocks.append(
            NextStep("give a baseline above 0, and for ratio and retention a variance or sums.")
        )
    elif days is None:
        words: Words = (Span(f"{numbers.count(size)} units", strong=True), " over all variants.")
        blocks.append(Sentence(words, lead=True))
        blocks.append(NextStep("give the exposures per day to see how long that takes."))
    else:
        words = (
            Span(f"{numbers.count(size)} units in {numbers.days(days)}", strong=True),
            ", over all variants.",
        )
        blocks.append(Sentence(words, lead=True))
    facts: dict[str, Cell | str] = {}
    if subject.baseline_value is not None:
        facts["Baseline"] = Figure(
            subject.baseline_value, numbers.number(subject.baseline_value, 6)
        )
    if subject.variance is not None:
        facts["Variance per unit"] = Figure(subject.variance, numbers.number(subject.variance))
    if facts:
        blocks.append(fields("What it was computed from", facts, titled=True))
    blocks.append(SmallPrint(("formula 16 · variance / effect² · variants", "mode compat")))

    def record() -> list[dict[str, Any]]:
        return [
            {
                "baseline_value": subject.baseline_value,
                "variance": subject.variance,
                "recommended_sample_size": size,
                "recommended_running_time_days": days,
            }
        ]

    return Description("running-time", title, tuple(blocks), record)
