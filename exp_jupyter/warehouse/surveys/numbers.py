"""What metrics add up of events' properties: how many values there are that are no numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from exp_jupyter.schema.metrics.metric import DataWarehouseNode
from exp_jupyter.warehouse.events.fold import filled
from exp_jupyter.warehouse.events.joins import TableReader, table_of
from exp_jupyter.warehouse.events.matching import Matcher, Node
from exp_jupyter.warehouse.request.number_text import NumberFormat, unread
from exp_jupyter.warehouse.sql.conditions import all_of
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.properties import Parameters, PropertyReader

_FRACTIONS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True)
class UnreadValues:
    """Values of a property among the events of a source node.

    Attributes
    ----------
    values, unread
        How many there are, and how many of them stand for no finite number.
    example
        One of these.
    readable
        How many each other way of writing numbers reads.
    """

    values: int
    unread: int
    example: str
    readable: Mapping[NumberFormat, int]


def unread_values(
    source: EventSource,
    node: Node,
    key: str,
    scope: str,
    *,
    actions: Mapping[int, Sequence[Mapping[str, Any]]],
    since: datetime,
    until: datetime,
    where: str,
    formats: Sequence[NumberFormat],
) -> UnreadValues | None:
    """Return how many values of a property are no numbers; None where all are by their type.

    Parameters
    ----------
    source
        The events.
    node
        Whose events.
    key, scope
        The property, and whether it is an ``event``'s or a ``person``'s.
    actions
        Action id to its steps.
    since, until
        The instants between which events are looked at, the second left out.
    where
        What to call the metric in a refusal.
    formats
        Ways of writing numbers to try where some are none.
    """
    parameters = Parameters()
    reader: PropertyReader
    if isinstance(node, DataWarehouseNode):
        table = table_of(source, node, where)
        if key not in table.columns:
            return None  # an expression, which says itself what it reads
        reader = TableReader(table, parameters)
        condition, named = all_of(node.filters, reader, where), ""
    else:
        reader = PropertyReader(source, parameters)
        matcher = Matcher(reader, actions)
        condition = matcher.condition(node, where)
        named = matcher.named(matcher.names)
    own = reader.source
    column = key if isinstance(node, DataWarehouseNode) else own.typed.get(key)
    by_type = column is not None and scope == "event"
    if by_type and own.is_number(str(column)):
        if not own.columns[str(column)].startswith(_FRACTIONS):
            return None
    elif by_type and isinstance(node, DataWarehouseNode) and own.is_boolean(str(column)):
        return None
    text, number = reader.text(key, scope), reader.number(key, scope)
    first, last = reader.bound(since), reader.bound(until)
    rows = (
        f"FROM {own.relation} AS e{reader.joins(condition, text, number)} "
        f"WHERE {reader.timestamp} >= {first} AND {reader.timestamp} < {last} "
        f"AND {condition}{named}"
    )
    wrong = unread(text, number)
    found = source.rows(
        f"SELECT COUNT(NULLIF(TRIM({text}), '')) AS n, "
        f"SUM(CASE WHEN {wrong} THEN 1 ELSE 0 END) AS bad, "
        f"MIN(CASE WHEN {wrong} THEN {text} END) AS example {rows}",
        parameters.values,
    )
    lost = int(filled(found["bad"], 0)[0] or 0)
    if not lost:
        return None
    tried = [
        f"SUM(CASE WHEN ABS({style.sql(text)}) < 1e308 THEN 1 ELSE 0 END) AS f{place}"
        for place, style in enumerate(formats)
    ]
    counts = source.rows(f"SELECT {', '.join(tried)} {rows}", parameters.values)
    example = np.ma.getdata(found["example"])[0]
    return UnreadValues(
        int(filled(found["n"], 0)[0]),
        lost,
        str(example),
        {style: int(filled(counts[f"f{i}"], 0)[0] or 0) for i, style in enumerate(formats)},
    )
