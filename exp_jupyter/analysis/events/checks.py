"""What can be wrong between a question and somebody's events, said before or instead of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.events.exposure import Exposing
from exp_jupyter.analysis.events.metrics import events_of, properties_of
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import FunnelMetric, MeanMetric, Metric
from exp_jupyter.warehouse.daily import daily_sums
from exp_jupyter.warehouse.request.suggestions import listed, meant
from exp_jupyter.warehouse.sources.assignments import ASSIGNED
from exp_jupyter.warehouse.sources.engines import ConnectedSource
from exp_jupyter.warehouse.sources.open_units import kind_of
from exp_jupyter.warehouse.sql.dialects import rendered
from exp_jupyter.warehouse.surveys.survey import Response, Survey, flags, responses, variants_of

if TYPE_CHECKING:
    from exp_jupyter.analysis.definition.experiment import ExperimentSpec
    from exp_jupyter.warehouse.events.fold import DailySums
    from exp_jupyter.warehouse.request.days import Days
    from exp_jupyter.warehouse.request.population import Population, Request
    from exp_jupyter.warehouse.sql.event_source import EventSource

MOST_VARIANTS = 50
MOST_TOLD = 5
"""Variants that nothing is known of and that are named."""


def check_properties(
    source: EventSource, metrics: Sequence[Metric], population: Population, exposing: Exposing
) -> None:
    """Refuse properties that no column can hold, naming the metric that reads them.

    Raises
    ------
    exp_jupyter.errors.InputError
        Neither a column of that name nor a column of properties is there, or it holds no numbers
        where a metric adds it up.
    """
    configs = (population.criteria.exposure_config, population.criteria.activation)
    filters = [
        item.key
        for config in configs
        for item in (config.properties if config else ()) or ()
        if item.type == "event"
    ]
    own = [population.variant_property, *filters]
    if population.default_event:
        own.insert(0, "$feature_flag")
    _check_names(source, own, f"The exposure ({exposing.words})")
    for metric in metrics:
        check_read(source, metric)


def check_read(source: EventSource, metric: Metric) -> None:
    """Refuse a metric that reads a property which no column can hold.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names the metric and the property.
    """
    _check_names(source, properties_of(metric), f"Metric {metric.name or metric.metric_type!r}")


def _check_names(source: EventSource, names: Sequence[str], who: str) -> None:
    for name in names:
        column = source.typed.get(name)
        if column is None and source.properties is None:
            raise InputError(
                f"{who} reads the property {name!r}, but the events have no column of that name.",
                hint=f"{meant(name, source.typed)}Say which column holds it: "
                f"columns={{{name!r}: '…'}}. The columns are: {listed(source.columns)}.",
            )
        if column is not None and kind_of(source.columns[column]) not in (
            *("number", "boolean", "text"),
            "",
        ):
            raise InputError(
                f"{who} reads column {column!r}, which holds {source.columns[column]}.",
                hint="Convert it first.",
            )


def check_survey(
    found: Survey, metrics: Sequence[Metric], population: Population, start: datetime
) -> None:
    """Refuse events that hold nothing, end too early, or lack an event that a metric names.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names the event and the metric.
    """
    if not found.rows or found.last is None:
        raise InputError(
            "The events have no rows.", hint="There is nothing to analyse yet; check the source."
        )
    if found.last < start:
        raise InputError(
            f"The events end at {found.last:%Y-%m-%d %H:%M} UTC, before the experiment's start at "
            f"{start:%Y-%m-%d %H:%M} UTC.",
            hint="Check start, its time zone, and whether the events are complete.",
        )
    event = population.exposure_event
    known = [name for name in found.events if name != ASSIGNED]
    if event is not None and event not in found.events:
        raise InputError(
            f"No event is called {event!r}, so nobody was exposed.",
            hint=f"{meant(event, known)}The events are: {listed(known)}. Say which exposes units: "
            "exposure='…', or give an assignment table.",
        )
    activation = population.criteria.activation
    if activation and activation.event and activation.event not in found.events:
        raise InputError(
            f"No event is called {activation.event!r}, so nobody was activated.",
            hint=f"{meant(activation.event, found.events)}The events are: {listed(found.events)}.",
        )
    for metric in metrics:
        for names in events_of(metric, population.actions):
            if not any(name in found.events for name in names):
                raise InputError(
                    f"Metric {metric.name!r}: no event is called {names[0]!r}.",
                    hint=f"{meant(names[0], known)}The events are: {listed(known)}.",
                )


class _RenderedError(Exception):
    """The statement could be written; it is not to be run."""


class _WritingSource(ConnectedSource):
    """A source whose statements are written in the engine's words and not run."""

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        rendered(sql, parameters, self.client.engine, self.client.place)
        raise _RenderedError


def check_rendered(source: EventSource, request: Request) -> None:
    """Refuse metrics that another engine cannot be asked, before it is asked anything long.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names the metric and the engine.
    """
    if not isinstance(source, ConnectedSource):
        return
    own = {item.name: getattr(source, item.name) for item in fields(source) if item.init}
    writing = _WritingSource(**own)
    writing.__dict__.update(columns=source.columns, client=source.client)
    for metric in request.metrics:
        try:
            daily_sums(writing, replace(request, metrics=(metric,)))
        except _RenderedError:
            continue
        except InputError as error:
            raise InputError(
                f"Metric {metric.name!r} cannot be computed on {source.client.engine}: "
                f"{error.message}",
                hint=error.hint,
            ) from error


def about_strays(
    source: EventSource, population: Population, days: Days, spec: ExperimentSpec
) -> list[str]:
    """Return what to say of variants that exposures name and the split does not."""
    if population.exposure_event is None:
        return []
    found = responses(source, population, days)
    strays = [
        key
        for key in variants_of(found)
        if key not in spec.split and key not in spec.variants and key not in spec.excluded_variants
    ]
    return [
        f"{found[key].inside:,} exposures name {key!r}, which the split does not have: left out"
        for key in strays[:MOST_TOLD]
    ]


def seen_variants(
    source: EventSource,
    population: Population,
    days: Days,
    exposing: Exposing,
    control: str = "control",
) -> tuple[str, ...]:
    """Return the variants that exposures inside the window name, in order of their names.

    ``false`` is one where it is the control; else it says that the flag was off.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is none, or there are too many to be variants.
    """
    if population.exposure_event is None:
        raise InputError(
            "An action exposes units; the variants must be named.",
            hint="Give variants=('control', 'test').",
        )
    found = responses(source, population, days)
    known = variants_of(found)
    if control == "false" and found.get(control, Response(0, 0)).inside:
        known = tuple(sorted({*known, control}))
    if not known:
        raise no_exposure(source, population, days, exposing, found)
    if len(known) > MOST_VARIANTS:
        raise InputError(
            f"{exposing.words.capitalize()} names {len(known):,} different variants in "
            f"{population.variant_property!r}; these are no variants.",
            hint="Name the property that holds the variant: exposure={'event': …, 'variant': …}.",
        )
    return known


def no_exposure(
    source: EventSource,
    population: Population,
    days: Days,
    exposing: Exposing,
    found: Mapping[str, Response] | None = None,
) -> InputError:
    """Return the error of an experiment that nobody is in: how many rows, and what they name."""
    if population.exposure_event is None:
        return InputError(
            "Nobody was exposed: no event matches the exposure's action.",
            hint="Check the action's steps.",
        )
    found = responses(source, population, days) if found is None else found
    rows = sum(one.rows for one in found.values())
    inside = sum(one.inside for one in found.values())
    who = f"flag {population.flag_key!r}" if population.default_event else exposing.words
    if not rows:
        hint = "Check the filters of the exposure."
        if population.default_event:
            known = flags(source, population.exposure_event)
            hint = f"{meant(population.flag_key, known)}The flags are: {listed(known)}."
        return InputError(f"Nobody was exposed: {who} has no rows.", hint=hint)
    if not inside:
        return InputError(
            f"Nobody was exposed: {who} has {rows:,} rows, none between "
            f"{days.start:%Y-%m-%d %H:%M} and {days.stop:%Y-%m-%d %H:%M} UTC.",
            hint="Check start, end and the time zone.",
        )
    activation = population.criteria.activation
    if activation is not None and set(variants_of(found)) & set(population.variants):
        return InputError(
            f"Nobody was activated: {who} has {inside:,} rows in the period, but no unit has "
            f"{activation.label} after its own.",
            hint="Check that both name a person by the same id.",
        )
    named = ", ".join(
        f"{key or 'nothing'} ({one.inside:,})" for key, one in list(found.items())[:10]
    )
    return InputError(
        f"Nobody was exposed to {_quoted(population.variants) or 'a variant'}: {who} has "
        f"{inside:,} rows in the period, and their variants are {named}.",
        hint=f"The variant is read from {population.variant_property!r}; name another with "
        "exposure={'event': …, 'variant': …}, or the variants with variants=(…).",
    )


def _quoted(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names)


def about_first_steps(metrics: Sequence[Metric], exposing: str | None) -> list[str]:
    """Return what to say of ordered funnels that begin with what exposes: it counts once."""
    return [
        f"metric {metric.name or metric.metric_type!r}: its first step is the exposure itself, "
        f"which is no step as well; a unit needs a second {exposing!r}, so leave that step out"
        for metric in metrics
        if isinstance(metric, FunnelMetric)
        and exposing is not None
        and getattr(metric.series[0], "event", None) == exposing
    ]


def check_measured(
    metrics: Sequence[Metric], sums: Sequence[DailySums], exposing: str | None
) -> None:
    """Refuse a metric that no unit of any variant has.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names it.
    """
    for metric, found in zip(metrics, sums, strict=True):
        last = dict(zip(found.names, found.values[:, :, -1].sum(axis=(0, 1)).tolist(), strict=True))
        if isinstance(metric, MeanMetric) and metric.threshold is not None:
            continue  # nobody has reached it: that is an answer
        if isinstance(metric, FunnelMetric):
            held = last.get("k1", 0.0)
        elif metric.metric_type == "retention":
            held = last["n"]
        else:
            held = last["ss"] + last.get("bb", 0.0)
        if not held:
            raise InputError(
                f"Metric {metric.name!r}: no exposed unit of any variant has it.",
                hint=_why_unmeasured(metric, exposing),
            )


def _why_unmeasured(metric: Metric, exposing: str | None) -> str:
    for word in about_first_steps([metric], exposing):
        return f"{word[:1].upper()}{word[1:]}."
    named = properties_of(metric)
    reads = f" and {_quoted(named)} holds values there" if named else ""
    return (
        "Check that its events come after the exposure, that both name a person by the same id"
        f"{reads}."
    )


def chosen_control(control: Any, variants: Sequence[str]) -> str:
    """Return the control among the variants.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is none of them, or there is nothing to compare it with.
    """
    key = str(control)
    if key not in variants:
        raise InputError(
            f"No unit was exposed to the control {control!r}.",
            hint=f"{meant(key, variants)}The variants are: {', '.join(variants)}. Say which is the "
            "control: control='…'.",
        )
    if len(variants) < 2:
        raise InputError(
            f"Every unit was exposed to {key!r}; there is nothing to compare.",
            hint="Check that the other arms' exposures are among the events.",
        )
    return key
