"""Filters on the elements of a page that an autocaptured event speaks of.

An event has them as text, from the innermost outwards, in ``$elements_chain``; a filter holds
where it holds for any of them. A list that an event carries as ``$elements`` is a property like
any other, here as in PostHog.
"""

from __future__ import annotations

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sql.properties import PropertyReader

_ATTRIBUTES = {
    "tag_name": r"(?:^|;)([A-Za-z0-9_-]+)",
    "text": r'[:"]text="([^"]*)"',
    "href": r'[:"]href="([^"]*)"',
}
"""By key of a filter what finds its values in the chain."""

ELEMENT = "element_value"
"""The name of one element's value in a condition."""


class ElementReader(PropertyReader):
    """Reads one element's value, whichever key is asked for: see ``any_element``."""

    def text(self, key: str, scope: str = "event") -> str:  # noqa: ARG002 - there is one value
        """Return the value as text."""
        return ELEMENT

    def number(self, key: str, scope: str = "event") -> str:  # noqa: ARG002 - as above
        """Return the value as a number, NULL where it is none."""
        return f"TRY_CAST({ELEMENT} AS DOUBLE)"

    def is_number(self, key: str, scope: str = "event") -> bool:  # noqa: ARG002 - as above
        """Whether the value is a number by its type: never."""
        return False


def element_reader(reader: PropertyReader) -> ElementReader:
    """Return what reads an element's value and binds to the same statement."""
    return ElementReader(reader.source, reader.parameters)


def any_element(reader: PropertyReader, key: str, condition: str, where: str) -> str:
    """Return the condition that another one holds for an element's value.

    Parameters
    ----------
    reader
        Reads the events.
    key
        ``tag_name``, ``text`` or ``href``.
    condition
        On the value of one element, written with an ``ElementReader``.
    where
        What the filter belongs to, for a refusal.

    Raises
    ------
    exp_jupyter.errors.InputError
        The key is another one, or the engine cannot look into lists.
    """
    if key not in _ATTRIBUTES:
        raise InputError(
            f"{where}: filters on an element's {key!r} are not supported.",
            hint=f"Use {', '.join(_ATTRIBUTES)}.",
        )
    if not reader.source.reads_lists:
        raise InputError(
            f"{where}: filters of type 'element' are not supported on this engine.",
            hint="Use a filter of type event or person.",
        )
    chain = f"COALESCE({reader.text('$elements_chain')}, '')"
    values = f"regexp_extract_all({chain}, {reader.parameters.bind(_ATTRIBUTES[key])}, 1)"
    return f"(len(list_filter({values}, lambda {ELEMENT}: COALESCE({condition}, FALSE))) > 0)"
