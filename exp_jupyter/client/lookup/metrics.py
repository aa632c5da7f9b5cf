"""The metric of an experiment that a person means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exp_jupyter.client.lookup.names import as_id, suggestion
from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    from exp_jupyter.schema.experiments.experiment import Experiment, MetricEntry


def find_metric(experiment: Experiment, wanted: str | int | None) -> MetricEntry:
    """Return the metric of ``experiment`` that ``wanted`` names.

    Parameters
    ----------
    experiment
        With all its fields, as ``get`` brings it.
    wanted
        The metric's uuid, its name (upper and lower case count only if they have to), or its
        index in ``experiment.metric_entries``, from 0. None means the first one.

    Raises
    ------
    exp_jupyter.errors.InputError
        No metric or several are meant; the message lists what there is.
    """
    entries = experiment.metric_entries
    if not entries:
        raise InputError(
            f'"{experiment.name}" has no metrics.',
            hint="Add a metric to the experiment first.",
        )
    if wanted is None:
        return entries[0]
    text = str(wanted).strip()
    for found in (
        [entry for entry in entries if text and entry.uuid == text],
        [entry for entry in entries if entry.name == text],
        [entry for entry in entries if entry.name.casefold() == text.casefold()],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f'{len(found)} metrics of "{experiment.name}" are called "{text}".',
                hint=f"Give one by its uuid: {', '.join(str(entry.uuid) for entry in found)}.",
            )
    index = as_id(wanted)
    if index is not None and 0 <= index < len(entries):
        return entries[index]
    names = [entry.name for entry in entries]
    quoted = [f'"{name}"' for name in names]
    raise InputError(
        f'"{experiment.name}" has no metric "{text}".',
        hint=suggestion(text, names) or f"It has {', '.join(quoted)}.",
    )


def require_stored(metric: MetricEntry) -> None:
    """Refuse a metric whose daily results nobody can find.

    Raises
    ------
    exp_jupyter.errors.InputError
        It has no uuid or no fingerprint.
    """
    if not metric.uuid or not metric.fingerprint:
        raise InputError(
            f'"{metric.name}" has no uuid or fingerprint, so its daily results cannot be found.',
            hint="It is an older kind of metric; save it again in the project.",
        )


def earlier_fingerprint(metric: MetricEntry, wanted: str | None) -> str | None:
    """Return the fingerprint of an earlier definition; None where the one in force is meant.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is not 64 hexadecimal digits.
    """
    if wanted is None:
        return None
    text = wanted.strip().lower() if isinstance(wanted, str) else ""
    if text and text == metric.fingerprint:
        return None
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise InputError(
            f"{wanted!r} is not a fingerprint of a metric; expected 64 hexadecimal digits.",
            hint="A series knows its own as .fingerprint.",
        )
    return text


def nothing_stored(metric: MetricEntry, fingerprint: str) -> InputError:
    """Return the error that a project keeps no days of an earlier definition."""
    return InputError(
        f'"{metric.name}" has no daily results under the fingerprint {fingerprint[:8]}….',
        hint="Leave fingerprint out to read the series of the definition in force.",
    )
