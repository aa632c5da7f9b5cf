"""Finding a thing by what a person calls it, with a suggestion on a miss."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import ApiError, InputError, NotFoundError

if TYPE_CHECKING:
    from exp_jupyter.client.resources.experiments import Experiments
    from exp_jupyter.schema.experiments.experiment import Experiment, MetricEntry


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """Return ``Did you mean …?`` for the names nearest to ``wanted``; empty when none is near.

    Examples
    --------
    >>> suggestion("chekout", ["Checkout", "Search"])
    'Did you mean "Checkout"?'
    """
    by_folded = {name.casefold(): name for name in known if name}
    near = difflib.get_close_matches(wanted.casefold(), by_folded, n=3, cutoff=0.5)
    if not near:
        inside = [folded for folded in by_folded if wanted.casefold() in folded]
        near = sorted(inside, key=len)[:3]
    quoted = [f'"{by_folded[folded]}"' for folded in near]
    return f"Did you mean {' or '.join(quoted)}?" if quoted else ""


def as_id(ref: Any) -> int | None:
    """Return ``ref`` as an id if it is one: a whole number, or text made of digits only."""
    if isinstance(ref, bool):
        return None
    if isinstance(ref, int):
        return ref
    if isinstance(ref, str) and ref.strip().isdecimal():
        return int(ref)
    return None


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
    raise InputError(
        f'"{experiment.name}" has no metric "{text}".',
        hint=suggestion(text, names) or f"It has {', '.join(_quoted(names))}.",
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


def experiment_called(experiments: Experiments, text: str) -> Experiment | None:
    """Return the experiment of this exact name or flag key; the archive is looked through last."""
    by_name = _one_of(text, [one for one in experiments.iterate(search=text) if one.name == text])
    if by_name is not None:
        return by_name
    for archived in (None, True):
        found = _one_of(text, [*experiments.iterate(archived=archived)])
        if found is not None:
            return found
    return None


def named_experiment(experiments: Experiments, text: str) -> Experiment:
    """Return the experiment of this name or flag key.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is none, or several; the hint names the nearest.
    """
    if not text:
        raise InputError("No experiment was given.", hint="Give its id, flag key or name.")
    found = experiment_called(experiments, text)
    if found is not None:
        return found
    everyone = [*experiments.iterate(), *experiments.iterate(archived=True)]
    names = [name for one in everyone for name in (one.name, one.feature_flag_key)]
    raise InputError(
        f'There is no experiment "{text}".', hint=suggestion(text, names) or _some(everyone)
    )


def missing_experiment(experiments: Experiments, known: int, miss: NotFoundError) -> NotFoundError:
    """Return the error for an id that is not there, with what is there as its hint."""
    try:
        hint = _some([*experiments.iterate()])
    except ApiError:
        return miss
    return NotFoundError(
        f"There is no experiment {known} in this project.",
        hint=hint,
        status=miss.status,
        kind=miss.kind,
        code=miss.code,
        attr=miss.attr,
        detail=miss.detail,
        body=miss.body,
    )


def _some(experiments: Sequence[Experiment]) -> str:
    if not experiments:
        return "The project has no experiments yet."
    listed = ", ".join(f'{one.id} "{one.name}"' for one in experiments[:5])
    return f"It has {listed}{', …' if len(experiments) > 5 else ''}."


def _one_of(ref: str, found: Sequence[Experiment]) -> Experiment | None:
    """Return the one experiment that ``ref`` names by exact name or flag key, or None.

    Raises
    ------
    exp_jupyter.errors.InputError
        Several experiments answer to it.
    """
    for matches in (
        [one for one in found if one.name == ref],
        [one for one in found if one.feature_flag_key == ref],
        [one for one in found if one.name.casefold() == ref.casefold()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            listed = ", ".join(f"{one.id} ({one.status})" for one in matches)
            raise InputError(
                f'{len(matches)} experiments answer to "{ref}".',
                hint=f"Give one by its id: {listed}.",
            )
    return None


def _quoted(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' for name in names]
