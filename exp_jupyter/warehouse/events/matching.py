"""Conditions on the scan's rows: events by their name, actions by their steps, with filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import (
    ActionsNode,
    DataWarehouseNode,
    EventsNode,
    PropertyFilter,
)
from exp_jupyter.warehouse.sql.conditions import all_of
from exp_jupyter.warehouse.sql.properties import PropertyReader

Node = EventsNode | ActionsNode | DataWarehouseNode


class Matcher:
    """Writes conditions, and remembers the names of the events they ask for.

    Parameters
    ----------
    reader
        Reads the rows.
    actions
        Action id to its steps (``event``, ``properties``).

    Attributes
    ----------
    names
        The events that some condition can hold for; None once one holds for events of any name.
    """

    def __init__(
        self, reader: PropertyReader, actions: Mapping[int, Sequence[Mapping[str, Any]]]
    ) -> None:
        self.reader = reader
        self.actions = actions
        self.names: set[str] | None = set()

    def events_of(self, node: Node) -> set[str] | None:
        """Return the names of the events a node can match; None for any."""
        if isinstance(node, EventsNode):
            return {node.event} if node.event else None
        if isinstance(node, ActionsNode):
            return self.events_of_action(node.id)
        return None

    def events_of_action(self, action: int) -> set[str] | None:
        """Return the names of the events an action can match; None for any."""
        names = {str(step.get("event") or "") for step in self.actions.get(action) or ()}
        return None if "" in names else names

    def condition(self, node: EventsNode | ActionsNode, where: str) -> str:
        """Return the condition that a row matches a source node.

        Raises
        ------
        exp_jupyter.errors.InputError
            The action is not known, or a filter is not supported.
        """
        if isinstance(node, ActionsNode):
            if node.id not in self.actions:
                raise InputError(
                    f"{where}: action {node.id} is not known.",
                    hint="Give the action's steps, or measure an event.",
                )
            return self.action(node.id, node.filters, where)
        return self.event(node.event, node.filters, where)

    def action(self, action: int, filters: Sequence[PropertyFilter], where: str) -> str:
        """Return the condition that a row matches an action; one not known matches nothing."""
        steps = self.actions.get(action)
        if not steps:
            return "FALSE"
        matched = " OR ".join(
            self.event(step.get("event"), tuple(step.get("properties") or ()), where)
            for step in steps
        )
        more = all_of(filters, self.reader, where)
        return f"({matched})" if more == "TRUE" else f"(({matched}) AND {more})"

    def event(self, name: str | None, filters: Sequence[Any], where: str) -> str:
        """Return the condition that a row is an event of a name; of any without one."""
        condition = all_of(filters, self.reader, where)
        if not name:
            self.names = None
            return f"({condition})"
        if self.names is not None:
            self.names.add(name)
        event = self.reader.column(self.reader.source.event)
        test = f"{event} = {self.reader.parameters.bind(name)}"
        if condition == "TRUE":
            return f"({test})"
        # An AND in a projection evaluates both sides for every row; CASE only for the event's.
        return f"(CASE WHEN {test} THEN {condition} ELSE FALSE END)"

    def named(self, names: set[str] | None) -> str:
        """Return the end of a WHERE that keeps events of these names; empty for any."""
        if names is None:
            return ""
        listed = ", ".join(self.reader.parameters.bind(name) for name in sorted(names))
        column = self.reader.column(self.reader.source.event)
        return f" AND {column} IN ({listed})" if listed else " AND FALSE"
