"""Reading a property of an event or a person, and binding values to a statement."""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.hogql_functions import Term


def name_sql(name: str) -> str:
    """Return a column's name, quoted.

    Examples
    --------
    >>> name_sql('a "b')
    '"a ""b"'
    """
    return '"' + name.replace('"', '""') + '"'


class Parameters:
    """Values to bind to one statement: nothing a user writes is ever pasted into SQL.

    Examples
    --------
    >>> parameters = Parameters()
    >>> parameters.bind("it's"), parameters.bind("it's"), parameters.values
    ('$p0', '$p0', {'p0': "it's"})
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[type, Any], str] = {}

    def bind(self, value: Any) -> str:
        """Return the placeholder of a value; equal values share one."""
        key = (type(value), value)
        if key not in self._names:
            name = f"p{len(self._names)}"
            self._names[key] = name
            self.values[name] = value
        return f"${self._names[key]}"


class PropertyReader:
    """SQL that reads properties from a source's rows.

    Parameters
    ----------
    source
        The events; its rows are called ``e`` in the statement, the persons' rows ``p``, the
        members of cohorts ``k0``….
    parameters
        Where names and values are bound.
    """

    scopes: ClassVar[Mapping[str, str]] = {
        "event": "event",
        "feature": "event",
        "person": "person",
        "cohort": "person",
        "element": "event",
    }
    """Whose property a filter of a type reads."""

    def __init__(self, source: EventSource, parameters: Parameters) -> None:
        self.source = source
        self.parameters = parameters
        self.reads_persons = False
        self._cohorts: dict[int, str] = {}  # the names of their joined members

    def column(self, name: str) -> str:
        """Return one of the source's own columns."""
        return f"e.{name_sql(name)}"

    @property
    def timestamp(self) -> str:
        """The column with the event's instant."""
        return self.column(self.source.timestamp)

    def bound(self, moment: datetime) -> str:
        """Return the place of a bound instant that compares with ``timestamp``."""
        kind = self.source.columns.get(self.source.timestamp, "TIMESTAMP")
        moment = moment.astimezone(UTC)
        return self.parameters.bind(moment if "TIME ZONE" in kind else moment.replace(tzinfo=None))

    def named(self, path: Sequence[str]) -> Term | None:
        """Return what a name of an expression stands for, given in its parts; None for nothing.

        The names are ``properties.<name>``, ``person.properties.<name>``, ``event``,
        ``distinct_id`` and ``person_id``.
        """
        if len(path) == 2 and path[0] == "properties":
            return Term("", "property", path[1])
        if len(path) == 3 and path[0] == "person" and path[1] == "properties":
            return Term("", "person", path[2])
        own = {
            "event": self.source.event,
            "distinct_id": self.source.distinct_id,
            "person_id": self.source.person_id,
        }
        column = own.get(path[0]) if len(path) == 1 else None
        return Term(f"CAST({self.column(column)} AS VARCHAR)", "text") if column else None

    def text(self, key: str, scope: str = "event") -> str:
        """Return a property as text, NULL where it is missing or null."""
        typed = self.source.typed.get(key) if scope == "event" else None
        if typed is not None:
            column = self.column(typed)
            if self.source.is_boolean(typed) or self.source.is_number(typed):
                return f"CAST({column} AS VARCHAR)"
            return column
        return f"json_extract_string({self._json(scope)}, {self._path(key)})"

    def number(self, key: str, scope: str = "event") -> str:
        """Return a property as a number, NULL where it is missing or is none."""
        typed = self.source.typed.get(key) if scope == "event" else None
        if typed is not None and self.source.is_number(typed):
            return f"CAST({self.column(typed)} AS DOUBLE)"
        if typed is not None and self.source.is_boolean(typed):
            return "CAST(NULL AS DOUBLE)"
        text, written = self.text(key, scope), self.source.numbers
        if typed is not None or written.plain:
            return written.sql(text)
        # What JSON holds as a number is one already; only its text is written in some way.
        plain = f"TRY_CAST({text} AS DOUBLE)"
        if self.source.quotes_json:
            quoted = f"{self.raw(key, scope)} LIKE '\"%'"
            return f"(CASE WHEN {quoted} THEN {written.sql(text)} ELSE {plain} END)"
        if written.thousands == ".":
            raise InputError(
                f"Property {key!r}: numbers written as 2.800,00 are read from a column of their "
                "own here.",
                hint=f"Have a column for it, and name it: columns={{{key!r}: '…'}}.",
            )
        return f"COALESCE({written.sql(text)}, {plain})"

    def is_number(self, key: str, scope: str = "event") -> bool:
        """Whether the property has a column of numbers."""
        typed = self.source.typed.get(key) if scope == "event" else None
        return typed is not None and self.source.is_number(typed)

    def raw(self, key: str, scope: str = "event") -> str:
        """Return a property's JSON text, empty where it is missing."""
        return (
            f"COALESCE(CAST(json_extract({self._json(scope)}, {self._path(key)}) AS VARCHAR), '')"
        )

    def group(self, index: int) -> str:
        """Return the key of the event's group of a type, NULL where it has none."""
        column = self.source.groups.get(index)
        found = self.column(column) if column else self.text(f"$group_{index}")
        return f"NULLIF({found}, '')"

    def member(self, cohort: int) -> str:
        """Return the condition that an event's person is in a cohort now, never NULL.

        Raises
        ------
        exp_jupyter.errors.InputError
            The source does not know the cohort.
        """
        if self.source.cohorts is None:
            raise InputError(
                f"Cohort {cohort} is not known: the source has no cohorts.",
                hint="Give cohorts=… with the columns person_id and cohort_id.",
            )
        if cohort not in self._cohorts:
            known = self.source.known_cohorts(cohort)
            if cohort not in known:
                listed = ", ".join(map(str, sorted(known))) or "none"
                raise InputError(
                    f"Cohort {cohort} is not known to the source.",
                    hint=f"It knows {listed}. A cohort without members has one row without a "
                    "person_id.",
                )
            self._cohorts[cohort] = f"k{len(self._cohorts)}"
        return f"({self._cohorts[cohort]}.person_id IS NOT NULL)"

    @property
    def reads_present(self) -> bool:
        """Whether a condition depends on what persons are like now."""
        return self.reads_persons or bool(self._cohorts)

    def joins(self, *read: str) -> str:
        """Return the joins to the events that the given SQL reads from."""
        person, joined = self.column(self.source.person_id), ""
        if any("p.properties" in sql for sql in read):
            joined = f" LEFT JOIN {self.source.persons} AS p ON p.person_id = {person}"
        for cohort, name in self._cohorts.items():
            if any(f"{name}.person_id" in sql for sql in read):
                joined += (
                    f" LEFT JOIN (SELECT DISTINCT c.person_id AS person_id "
                    f"FROM {self.source.cohorts} AS c WHERE c.cohort_id = "
                    f"{self.parameters.bind(cohort)}) AS {name} ON {name}.person_id = {person}"
                )
        return joined

    def _path(self, key: str) -> str:
        # A JSON pointer names any key, whatever characters it has.
        return self.parameters.bind("/" + key.replace("~", "~0").replace("/", "~1"))

    def _json(self, scope: str) -> str:
        if scope == "person":
            if self.source.persons is None:
                raise InputError(
                    "The source has no person properties.",
                    hint="Give a table of persons, or filter on event properties.",
                )
            self.reads_persons = True
            return "p.properties"
        if self.source.properties is None:
            raise InputError(
                "The source has no column of properties.",
                hint="Say which columns hold the properties you need.",
            )
        return self.column(self.source.properties)
