"""Connecting: the demo, a folder, or a project elsewhere, all through the same client."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exp_jupyter.connection.target import is_folder, is_path, refuse_key, refuse_to_make
from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from exp_jupyter.client.project import Project

__all__ = ["connect", "import_events", "import_table"]


def connect(
    target: str | Path | None = None,
    *,
    project: int | str | None = None,
    key: str | None = None,
    as_: str | None = None,
) -> Project:
    """Return a project to work with.

    Parameters
    ----------
    target
        ``demo`` for the embedded demo project; a project's name in the settings; a folder; or the
        address of a project elsewhere, such as ``https://us.posthog.com``, or of one of its pages.
        None takes the ``target`` of the settings, or the demo. A folder that holds a project is
        opened; a new one is made only where the target is written as a path: ``./name``,
        ``name/``, ``/srv/name`` or a ``Path``.
    project
        The project's number, for an address; by default the one in it, or the key's current
        project.
    key
        A personal API key, for an address; by default from ``POSTHOG_PERSONAL_API_KEY``, the
        system keyring, or a hidden prompt.
    as_
        For the demo: which of its people to be, ``owner`` (default) or ``reviewer``.

    Raises
    ------
    exp_jupyter.errors.InputError
        The target or an argument is not usable.
    exp_jupyter.errors.CredentialsError
        There is no key, and nobody to ask for one; or the target is itself a key.
    exp_jupyter.errors.StoreError
        The folder cannot be opened.

    Examples
    --------
    The demo is made when it is first asked for, and gone with the process::

        project = connect()
        project.experiments.list(status="running")

    >>> connect("demo", key="phx_example")
    Traceback (most recent call last):
    exp_jupyter.errors.InputError: key is for a project elsewhere; 'demo' is in this process.
    """
    if target is None:
        from exp_jupyter.connection.profiles import configured_target

        chosen, mine = configured_target()
    else:
        chosen, mine = _written(target), True
    refuse_key(chosen)
    if chosen == "demo":
        _only_embedded(chosen, project, key)
        from exp_jupyter.connection.embedded import demo

        return demo(as_ or "owner")
    if as_ is not None:
        raise InputError(
            "as_ is for the demo, which has two people.", hint="Leave it out, or connect to demo."
        )
    if "://" in chosen:
        from exp_jupyter.connection.profiles import named_by_me
        from exp_jupyter.connection.remote import remote

        return remote(chosen, project, key, chosen_by_me=mine or named_by_me(chosen))
    return _named_or_folder(chosen, project, key)


def _written(target: str | Path) -> str:
    """Return a target as text; a ``Path`` stays recognisable as one."""
    if isinstance(target, str):
        return target.strip()
    path = str(target)
    return path if is_path(path) else f"./{path}"


def _named_or_folder(text: str, project: int | str | None, key: str | None) -> Project:
    from exp_jupyter.connection.profiles import named_by_me, profiles

    # What is written as a path is one, and needs no settings that could be broken.
    known = {} if is_path(text) else profiles()
    profile = known.get(text)
    if profile is not None and profile.origin:
        from exp_jupyter.connection.remote import remote

        number = profile.project if project is None else project
        return remote(
            profile.origin,
            number,
            key,
            variable=profile.key_variable,
            chosen_by_me=profile.mine or named_by_me(profile.origin),
        )
    from exp_jupyter.connection.embedded import folder

    _only_embedded(text, project, key)
    if profile is None and not is_path(text) and not is_folder(text, empty=False):
        refuse_to_make(text, known)
    return folder(profile.folder if profile is not None else text)


def _only_embedded(text: str, project: int | str | None, key: str | None) -> None:
    if project is not None or key is not None:
        name = "project" if project is not None else "key"
        raise InputError(
            f"{name} is for a project elsewhere; {text!r} is in this process.",
            hint=f"Leave {name} out, or give an address such as https://us.posthog.com.",
        )


def import_events(
    folder: str | Path,
    source: pd.DataFrame | str | Path,
    *,
    event: str = "event",
    distinct_id: str = "distinct_id",
    timestamp: str = "timestamp",
    uuid: str | None = "uuid",
    properties: str | Sequence[str] | None = None,
    name: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
) -> int:
    """Add the rows of a table as events to the project in a folder; all of them or none.

    What PostHog exports is imported as it is: its events, whose properties are JSON, and its
    persons, each of whom becomes one event ``$set``.

    Parameters
    ----------
    folder
        The project's folder, as ``connect`` opens or makes it.
    source
        A DataFrame, or the path of a ``.csv`` or ``.parquet`` file.
    event, distinct_id, timestamp
        The columns that hold these. A timestamp without an offset is UTC.
    uuid
        The column that tells events apart, where there is one: UUIDs, or any ids that are unique
        among the events of a name. A row whose event is there already is not added again, so that
        a table may be imported twice. None: every row is an event of its own.
    properties
        A column of JSON objects, or the columns that become properties; by default all columns
        that are not named otherwise.
    name
        One name for all rows, for a table that holds only one kind of event.
    decimal, thousands
        How numbers are written in columns of text: the sign before the fraction, by default ``.``,
        and the sign that groups digits, by default none. A column is read as numbers when all its
        texts are.

    Returns
    -------
    int
        How many events were added; ``already_there`` of it says how many were not for being there,
        and it shows as a sentence.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is missing or of the wrong type, an id belongs to two events, or some rows are not
        events; the message names the column and numbers the rows from 1.
    exp_jupyter.errors.StoreError
        The folder holds no project.

    Examples
    --------
    ::

        project = exp_jupyter.connect("./growth")
        exp_jupyter.import_events("./growth", orders, name="order", timestamp="ordered_at")
    """
    from exp_jupyter.connection.embedded import add_events

    return add_events(
        folder,
        source,
        event=event,
        distinct_id=distinct_id,
        timestamp=timestamp,
        uuid=uuid,
        properties=properties,
        name=name,
        decimal=decimal,
        thousands=thousands,
    )


def import_table(
    folder: str | Path,
    name: str,
    source: pd.DataFrame | str | Path,
    *,
    decimal: str | None = None,
    thousands: str | None = None,
) -> int:
    """Put a warehouse table into the project in a folder, for metrics whose source it is.

    Parameters
    ----------
    folder
        The project's folder, as ``connect`` opens or makes it.
    name
        The table's name, as metrics say it in ``table_name``. A table of that name is replaced as
        a whole; days that were computed from the old one stay until they are recalculated.
    source
        A DataFrame, or the path of a ``.csv`` or ``.parquet`` file. Metrics need a column of times
        and one with the key of the units. A time without an offset is UTC.
    decimal, thousands
        How numbers are written in columns of text, as for `import_events`.

    Returns
    -------
    int
        How many rows the table has.

    Raises
    ------
    exp_jupyter.errors.InputError
        The name is not usable, or the rows cannot be read.
    exp_jupyter.errors.StoreError
        The folder holds no project.

    Examples
    --------
    A metric on it names the fields that join its rows to the exposed units::

        exp_jupyter.import_table("./growth", "invoices", invoices)
        source = {
            "kind": "ExperimentDataWarehouseNode",
            "table_name": "invoices",
            "timestamp_field": "issued_at",
            "events_join_key": "properties.customer",
            "data_warehouse_join_key": "customer",
            "math": "sum",
            "math_property": "amount",
        }
    """
    from exp_jupyter.connection.embedded import add_table

    return add_table(folder, name, source, decimal=decimal, thousands=thousands)
