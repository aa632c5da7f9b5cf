"""What to say of events' values before they are added up: no numbers, repeated, one that weighs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.definition.written_numbers import Unread, about_unread, formats_to_try
from exp_jupyter.analysis.events.metrics import nodes_of
from exp_jupyter.analysis.results.verdicts import heaviest_words
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import ActionsNode, DataWarehouseNode, EventsNode, Metric
from exp_jupyter.schema.metrics.short_forms import OF_PROPERTY
from exp_jupyter.warehouse.events.repeated import Duplicates, repeated
from exp_jupyter.warehouse.events.sessions import by_session
from exp_jupyter.warehouse.surveys.numbers import unread_values

if TYPE_CHECKING:
    from exp_jupyter.warehouse.events.fold import DailySums
    from exp_jupyter.warehouse.sql.event_source import EventSource


def check_numbers(
    source: EventSource,
    metrics: Sequence[Metric],
    actions: Mapping[int, Sequence[Mapping[str, Any]]],
    since: datetime,
    until: datetime,
) -> list[str]:
    """Refuse metrics that add up what is no number; return what to say of a few values.

    Parameters
    ----------
    source
        The events.
    metrics
        What is measured.
    actions
        Action id to its steps.
    since, until
        The instants between which events count.

    Raises
    ------
    exp_jupyter.errors.InputError
        More than a hundredth of a property's values are no numbers; the message names the metric,
        the property, how many, and one of them.
    """
    said: list[str] = []
    for metric in metrics:
        who = f"metric {metric.name or metric.metric_type!r}"
        for node in nodes_of(metric):
            if not isinstance(node, (EventsNode, ActionsNode, DataWarehouseNode)):
                continue
            key = node.math_property
            if node.math not in OF_PROPERTY or not key or by_session(node):
                continue
            person = node.math_property_type == "person_properties"
            found = unread_values(
                source,
                node,
                key,
                "person" if person else "event",
                actions=actions,
                since=since,
                until=until,
                where=who,
                formats=formats_to_try(source.numbers),
            )
            if found is None:
                continue
            what = f"{'person property' if person else 'property'} {key!r}"
            if isinstance(node, DataWarehouseNode):
                what = f"column {key!r} of table {node.table_name!r}"
            unread = Unread(what, who, found.values, found.unread, found.example)
            said.append(about_unread(unread, found.readable, source.numbers, "count as 0"))
    return list(dict.fromkeys(said))


def check_duplicates(given: Any) -> Duplicates:
    """Return what becomes of repeated events.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is neither ``keep`` nor ``drop``.
    """
    if given not in ("keep", "drop"):
        raise InputError(
            f"duplicates is {given!r}; expected keep or drop.",
            hint="drop keeps one of several events with the same uuid, name, person and time.",
        )
    return given  # type: ignore[no-any-return]


def about_repeated(source: EventSource, since: datetime, until: datetime) -> list[str]:
    """Return what to say of events that are there twice."""
    found = repeated(source, since, until)
    said = []
    if found is not None and found.extra:
        rows = "row repeats" if found.extra == 1 else "rows repeat"
        said.append(
            f"{found.extra:,} {rows} another's uuid, name, person and time, such as "
            f"{found.example[:60]!r}, and count again; duplicates='drop' counts each event once"
        )
    if found is not None and found.reused:
        said.append(
            f"{found.reused:,} rows have the {source.uuid!r} of another event: it does not "
            "identify events, and they all count"
        )
    return said


def about_heaviest(
    metrics: Sequence[Metric], sums: Sequence[DailySums], variants: Sequence[str]
) -> list[str]:
    """Return what to say of units that make most of an arm's variance."""
    said = []
    for metric, found in zip(metrics, sums, strict=True):
        if found.heaviest is None:
            continue
        n = found.values[:, :, -1, found.names.index("n")].sum(axis=0)
        for place, key in enumerate(variants):
            most, spread = (float(part) for part in found.heaviest[place])
            label = str(metric.name or metric.metric_type)
            said += heaviest_words(label, key, int(n[place]), most, spread, events=True)
    return said
