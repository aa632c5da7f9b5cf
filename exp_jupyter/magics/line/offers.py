"""What Tab may offer for a word of a magic: names already seen, and what the notebook holds.

Pressing Tab asks nobody: no project, no database, no lazy table. Only the types of the notebook's
variables are looked at, and columns are read of tables that are in memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.lookup.names import as_id

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session

UNIT_FORMS = ("mean", "proportion", "median", "quantile(0.9)")
EVENT_FORMS = ("total", "conversion", "retention(1-7 days)")
EVENT_SUMS = ("sum", "avg", "min", "max")
_FILES = ("*.parquet", "*.csv")
_READ = 20_000
"""Rows of a table of events whose names are looked at."""
_SHORT_ID = 8
_MOST = 200
"""Columns and events that are offered at most."""

_IN_MEMORY = ("pandas", "polars.dataframe", "pyarrow", "duckdb", "_duckdb")
_CONNECTS = frozenset({"cursor", "connect", "execute"})
_BOUND = re.compile(
    r"^\s*(?P<name>[^\W\d]\w*)\s*(?::[^=]*)?=[^=]|\bfor\s+(?P<each>[^\W\d]\w*)\s+in\b"
    r"|\bas\s+(?P<alias>[^\W\d]\w*)"
)
_PARAMETERS = re.compile(r"^\s*(?:async\s+)?def\s+\w+\s*\((?P<all>.*?)\)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """What is being completed.

    Attributes
    ----------
    session
        The notebook's state.
    before
        The words in front, options included.
    places
        Those of them that are no options and no values of options.
    typed
        What is written of the word so far.
    above
        The cell's text in front of the line.
    """

    session: Session
    before: Sequence[str]
    places: Sequence[str]
    typed: str
    above: str = ""

    @property
    def table(self) -> Any:
        """The table the line is about, if it is a variable that is in memory; else None."""
        name = self.places[0] if self.places else ""
        found = self.session.shell.user_ns.get(name)
        return found if type(found).__module__.startswith(_IN_MEMORY) else None


def offered(kind: str, asked: Asked) -> Iterable[str]:
    """Return the texts a word of this kind can have; ``kind`` is what ``Arguments.add`` was told.

    A kind that is not known is the list of the words themselves.
    """
    return _KNOWN[kind](asked) if kind in _KNOWN else kind.split()


def _experiments(asked: Asked) -> Iterable[str]:
    known = asked.session.names.experiments.values()
    names = [entry.name for entry in known]
    # A name of digits would be read as an id, and one that two have means neither.
    named = [name for name in names if as_id(name) is None and names.count(name) == 1]
    return [*(str(entry.id) for entry in known), *named]


def _named_experiment(asked: Asked) -> str:
    # The experiment stands before its metric or variant, wherever in the line that is.
    return next((word for word in asked.before if asked.session.names.experiment(word)), "")


def _metrics(asked: Asked) -> Iterable[str]:
    return asked.session.names.metrics(_named_experiment(asked))


def _variants(asked: Asked) -> Iterable[str]:
    return asked.session.names.variants(_named_experiment(asked))


def _tables(asked: Asked) -> Iterable[str]:
    variables = asked.session.shell.user_ns
    held = [name for name in variables if not name.startswith("_") and _holds(variables[name])]
    here = Path()
    files = sorted(path.name for pattern in _FILES for path in here.glob(pattern))
    return dict.fromkeys((*_names_above(asked.above), *held, *files))


def _holds(value: Any) -> bool:
    """Whether a variable is a table or leads to one, as far as its type says."""
    kind = type(value)
    if isinstance(value, type) or kind.__module__ == "builtins":
        return False
    rows = hasattr(kind, "columns") or hasattr(kind, "__arrow_c_stream__")
    return rows or any(hasattr(kind, name) for name in _CONNECTS)


def _names_above(text: str) -> list[str]:
    """Return what the cell binds in front of the line: a function's own names have no value yet."""
    inside = text.rpartition("\ndef ")
    names: list[str] = []
    for found in _PARAMETERS.finditer(f"{inside[1]}{inside[2]}"):
        parts = (re.match(r"\s*\**([^\W\d]\w*)", part) for part in found["all"].split(","))
        names += [part[1] for part in parts if part]
    for line in text.splitlines():
        if bound := _BOUND.search(line):
            names.append(bound["name"] or bound["each"] or bound["alias"])
    return names


def columns_of(table: Any) -> list[str]:
    """Return the columns of a table in memory; none of anything else."""
    if table is None:
        return []
    names = getattr(table, "column_names", None) or getattr(table, "columns", ())
    return [str(name) for name in names][:_MOST] if isinstance(names, Iterable) else []


def _columns(asked: Asked) -> Iterable[str]:
    return columns_of(asked.table)


def _unit_metrics(asked: Asked) -> Iterable[str]:
    columns = columns_of(asked.table)
    column, sign, _ = asked.typed.rpartition(":")
    if sign:
        return [f"{column}:{form}" for form in UNIT_FORMS]
    above, over, _ = asked.typed.partition("/")
    if over:
        return [f"{above}/{below}:ratio" for below in columns]
    return [f"{name}:mean" for name in columns]


def _events(asked: Asked) -> Iterable[str]:
    """Return the names of the events in a table, most frequent first."""
    table, column = asked.table, _mapped(asked, "event")
    if table is None or column not in columns_of(table):
        return []
    first = table.head(_READ) if hasattr(table, "head") else table.slice(0, _READ)
    values = first[column].to_list() if hasattr(first[column], "to_list") else []
    counts: dict[str, int] = {}
    for value in values:
        if isinstance(value, str):
            counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])[:_MOST]


def _mapped(asked: Asked, part: str) -> str:
    """Return the column that ``--columns part=column`` names, or the part's own name."""
    pairs = (word.split("=", 1) for word in asked.before if word.startswith(f"{part}="))
    return next((pair[1] for pair in pairs), part)


def _event_metrics(asked: Asked) -> Iterable[str]:
    name, named, rest = asked.typed.rpartition("=")
    event, sign, form = rest.partition(":")
    lead = f"{name}{named}"
    if not sign:
        return [f"{lead}{one}:conversion" for one in _events(asked)]
    how, opened, _ = form.partition("(")
    if opened and how in EVENT_SUMS:
        return [f"{lead}{event}:{how}({one})" for one in columns_of(asked.table)]
    return [f"{lead}{event}:{one}" for one in (*EVENT_FORMS, *(f"{how}(" for how in EVENT_SUMS))]


def _requests(asked: Asked) -> Iterable[str]:
    """Return the ids as the inbox shows them; whoever types on gets the whole ones."""
    from exp_jupyter.schema.approvals.approval import short_ids

    short = short_ids(asked.session.names.requests)
    return [*short.values()] if len(asked.typed) < _SHORT_ID else [*short]


def _templates(asked: Asked) -> Iterable[str]:
    from exp_jupyter.schema.metrics.prompt_metrics import TEMPLATE_KEYS

    return [key for key in TEMPLATE_KEYS if key not in asked.before]


_KNOWN: Mapping[str, Callable[[Asked], Iterable[str]]] = {
    "experiment": _experiments,
    "metric": _metrics,
    "variant": _variants,
    "flag": lambda asked: asked.session.names.flags,
    "prompt": lambda asked: asked.session.names.prompts,
    "request": _requests,
    "template": _templates,
    "magic": lambda asked: asked.session.magics,
    "table": _tables,
    "column": _columns,
    "event": _events,
    "exposure": lambda asked: [*_events(asked), *_tables(asked)],
    "unit-metric": _unit_metrics,
    "event-metric": _event_metrics,
}
