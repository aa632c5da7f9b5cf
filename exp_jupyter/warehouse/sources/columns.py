"""Which of a table's columns hold what of an event: a mapping, checked before anything is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.suggestions import listed, meant
from exp_jupyter.warehouse.sources.open_units import kind_of

REQUIRED = ("event", "person_id", "timestamp")
OPTIONAL = ("uuid", "distinct_id", "properties")
_USUAL = {
    "event": ("event_name", "event_type", "name", "action"),
    "person_id": ("user_id", "distinct_id", "customer_id", "visitor_id", "account_id", "user"),
    "timestamp": ("ts", "time", "event_time", "occurred_at", "created_at", "datetime", "date"),
}
_GROUP = re.compile(r"\$group_([0-4])")
_USABLE = ("number", "boolean", "text")
_WORDS = {
    "number": "numbers",
    "boolean": "yes or no",
    "text": "text",
    "time": "dates or times",
    "other": "lists or records",
    "": "nothing but NULL",
}


@dataclass(frozen=True)
class EventColumns:
    """Which columns hold what; see ``EventSource`` for the fields.

    Examples
    --------
    >>> present = {"event": "VARCHAR", "user": "BIGINT", "ts": "TIMESTAMP", "price": "DOUBLE"}
    >>> found = read_columns({"person_id": "user", "timestamp": "ts", "revenue": "price"}, present)
    >>> found.person_id, found.typed["revenue"], found.uuid
    ('user', 'price', None)
    """

    event: str
    person_id: str
    timestamp: str
    uuid: str | None = None
    distinct_id: str | None = None
    properties: str | None = None
    groups: Mapping[int, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)


def read_columns(given: Mapping[str, str] | None, present: Mapping[str, str]) -> EventColumns:
    """Read a mapping of columns, and check it against the columns that are there.

    Parameters
    ----------
    given
        What a column holds to the column's name. The keys ``event``, ``person_id``, ``timestamp``,
        ``uuid``, ``distinct_id``, ``properties`` and ``$group_0`` … ``$group_4`` are the parts of
        an event; any other key is a property. What is not given is looked for under its own name.
    present
        The table's columns and their types in DuckDB's words.

    Notes
    -----
    Every other column with text, numbers or booleans is a property of its own name; it stands
    before a property of that name inside ``properties``.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is missing, has the wrong type, or is given twice; the message names it.
    """
    if given is not None and not isinstance(given, Mapping):
        raise InputError(
            f"columns is a {type(given).__name__}; expected a mapping.",
            hint="For example columns={'person_id': 'user_id', 'timestamp': 'ts'}.",
        )
    wanted = {str(key): str(name) for key, name in (given or {}).items()}
    for key, name in wanted.items():
        if name not in present:
            raise InputError(
                f"There is no column {name!r} for {_role(key)}.",
                hint=f"{meant(name, present)}The columns are: {listed(present)}.",
            )
    parts = {key: wanted.get(key, key if key in present else None) for key in OPTIONAL}
    needed = {key: wanted.get(key, key) for key in REQUIRED}
    for key, name in needed.items():
        if name not in present:
            raise _missing(key, present)
    groups = {int(_GROUP.sub(r"\1", key)): name for key, name in wanted.items() if _is_group(key)}
    for key in present:
        if _is_group(key):
            groups.setdefault(int(key[-1]), key)
    own = {**needed, **{key: name for key, name in parts.items() if name}}
    named = {k: n for k, n in wanted.items() if k not in own and not _is_group(k)}
    _check_overlap({**own, **named})
    _check_types(own, present)
    for key, name in named.items():
        _check_kind(key, name, present[name], _USABLE)
    taken = set(own.values())
    free = {n: n for n, kind in present.items() if n not in taken and _is_value(kind)}
    return EventColumns(
        **needed,
        uuid=parts["uuid"],
        distinct_id=parts["distinct_id"],
        properties=parts["properties"],
        groups=groups,
        typed={**free, **named},
    )


def _is_value(kind: str) -> bool:
    return kind_of(kind) in _USABLE and kind != "UUID"


def _is_group(key: str) -> bool:
    return _GROUP.fullmatch(key) is not None


def _role(key: str) -> str:
    return f"{key!r}" if key in (*REQUIRED, *OPTIONAL) or _is_group(key) else f"property {key!r}"


def _missing(key: str, present: Mapping[str, str]) -> InputError:
    usual = [name for name in _USUAL[key] if name in present]
    near = meant(key, present)
    said = f"Did you mean columns={{{key!r}: {usual[0]!r}}}? " if usual else near
    return InputError(
        f"The events have no column {key!r}.",
        hint=f"{said}The columns are: {listed(present)}. Say which: columns={{{key!r}: '…'}}.",
    )


def _check_overlap(mapping: Mapping[str, str]) -> None:
    taken: dict[str, str] = {}
    for key, name in mapping.items():
        other = taken.setdefault(name, key)
        # Where nothing is known of identities, the id a person was seen under is the person.
        if other != key and {other, key} != {"person_id", "distinct_id"}:
            raise InputError(
                f"Column {name!r} is both {_role(other)} and {_role(key)}.",
                hint="Give each column one meaning.",
            )


def _check_types(own: Mapping[str, str], present: Mapping[str, str]) -> None:
    kinds = {
        "event": ("text",),
        "person_id": ("text", "number"),
        "timestamp": ("time", "text"),
        "uuid": ("text", "number"),
        "distinct_id": ("text", "number"),
        "properties": ("text", "record"),
    }
    for key, name in own.items():
        _check_kind(key, name, present[name], kinds[key])


def _check_kind(key: str, name: str, written: str, usable: tuple[str, ...]) -> None:
    if "record" in usable and written.startswith(("STRUCT", "MAP", "JSON")):
        return
    kind = kind_of(written)
    if kind in usable or kind == "":
        return
    hint = "Name another column, or convert it first."
    if key == "timestamp":
        hint = "Convert it first, for example with pandas.to_datetime, or in a SELECT."
    raise InputError(
        f"Column {name!r} cannot be {_role(key)}: it holds {_WORDS[kind]} ({written}), "
        f"expected {' or '.join(_EXPECTED.get(part, part) for part in usable)}.",
        hint=hint,
    )


_EXPECTED = {"time": "timestamps", "number": "numbers", "boolean": "booleans", "record": "JSON"}
