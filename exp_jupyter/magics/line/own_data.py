"""What the magics on a person's own data share: where it is, how it is split."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.arguments import Arguments, nearest, number, one_of

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def add_table(it: Arguments) -> None:
    """Add what a connection needs."""
    it.add("--table", metavar="TABLE", help="with a connection: the table's name")
    it.add("--dialect", metavar="NAME", help="with a connection: its SQL, if it cannot be told")


def add_numbers(it: Arguments) -> None:
    """Add how numbers are written in text."""
    it.add(
        "--decimal",
        metavar="SIGN",
        help="in text: the sign before a number's fraction, . (default) or ,",
    )
    it.add(
        "--thousands",
        metavar="SIGN",
        help="in text: the sign between thousands: , . _ ' or a blank in quotes; default none",
    )


def add_duplicates(it: Arguments) -> None:
    """Add what becomes of events that are there twice."""
    it.add(
        "--duplicates",
        type=one_of("keep", "drop"),
        metavar="HANDLING",
        offers="keep drop",
        help="events with the same uuid, name, person and time: keep (default), or drop all but "
        "one",
    )


def add_winsorize(it: Arguments) -> None:
    """Add the levels that units' values are clamped to."""
    it.add(
        "--winsorize",
        nargs="+",
        type=number,
        metavar="LEVEL",
        help="clamp means and ratios to quantiles over all units: 0.99, or 0.01 0.99",
    )


def levels_of(given: list[float]) -> float | tuple[float, ...]:
    """Return one level, or a lower and an upper one."""
    return given[0] if len(given) == 1 else tuple(given)


def source_of(session: Session, magic: str, name: str) -> Any:
    """Return the variable of the notebook, or the path, that a magic's NAME is.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is neither.
    """
    from exp_jupyter.warehouse.sources.tables import FILES

    variables = session.variables
    if name in variables:
        return variables[name]
    if name.lower().endswith(FILES) or any(sign in name for sign in "*/\\") or Path(name).exists():
        return name
    known = [other for other in variables if not other.startswith("_")]
    raise InputError(
        f"%{magic}: there is no variable {name!r} in this notebook, and no such file.",
        hint=nearest(name, known) or "Name a DataFrame, or a Parquet file.",
    )


def split_of(magic: str, words: list[str]) -> Any:
    """Return the planned split: ``equal``, or the share of each variant."""
    if words == ["equal"]:
        return "equal"
    shares: dict[str, float] = {}
    for key, share in pairs_of(
        magic, "--split", words, "--split equal, or --split control=50 test=50"
    ):
        try:
            shares[key] = number(share)
        except ArgumentTypeError as wrong:
            raise InputError(
                f"%{magic}: --split {key}={share}: {wrong}.", hint=f"See %{magic}?"
            ) from None
    return shares


def pairs_of(magic: str, option: str, words: list[str], example: str) -> list[tuple[str, str]]:
    """Return what stands before and after the last ``=`` of every word.

    Raises
    ------
    exp_jupyter.errors.InputError
        A word has none.
    """
    found = []
    for word in words:
        key, sign, value = word.rpartition("=")
        if not sign or not key:
            what = "variant" if option == "--split" else "name"
            raise InputError(
                f"%{magic}: {option} {word!r} names no {what}.", hint=f"Write {example}."
            )
        found.append((key, value))
    return found


def add_missing(it: Arguments) -> None:
    """Add what a missing value means."""
    it.add(
        "--missing",
        type=one_of("refuse", "zero", "drop"),
        metavar="MEANING",
        offers="refuse zero drop",
        help="a missing value: refuse (default), zero (did nothing) or drop (not measured)",
    )


def add_columns(it: Arguments) -> None:
    """Add where things are in a table of events."""
    it.add(
        "--columns",
        nargs="+",
        metavar="PART=COLUMN",
        help="columns of other names: person_id=user_id timestamp=ts; the parts are event, "
        "person_id, timestamp, uuid, distinct_id, properties, or any property; where $name is a "
        "variable of the notebook too, put the pair in single quotes",
    )
    it.add(
        "--timezone", metavar="ZONE", help="where days begin, such as Europe/Berlin; default UTC"
    )


def with_function(form: str, variables: Mapping[str, Any]) -> Any:
    """Return a metric whose bootstrap names a function of the notebook with that function."""
    from exp_jupyter.analysis.units.metrics import bootstrap_metric

    column, _, kind = form.rpartition(":")
    named = re.fullmatch(r"\s*bootstrap\(\s*([A-Za-z_]\w*)\s*\)\s*", kind)
    function = variables.get(named[1]) if named and column else None
    return bootstrap_metric(column.strip(), function) if callable(function) else form


def columns_of(magic: str, words: list[str]) -> dict[str, str]:
    """Return the mapping of columns."""
    return dict(pairs_of(magic, "--columns", words, "--columns person_id=user_id timestamp=ts"))


def named(found: Any, function: str, name: str, source: Any) -> Any:
    """Say in a result's code what the notebook calls its data; the twin does not know it."""
    if not isinstance(source, str):
        found.coded(found.code().replace(f"{function}(events", f"{function}({name}", 1))
    return found
