"""Experiments: one by its number, those there are, and the one that a name means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from exp_jupyter.client.api import ProjectApi
from exp_jupyter.client.lookup.names import not_there, suggestion
from exp_jupyter.errors import ApiError, InputError, NotFoundError
from exp_jupyter.schema.experiments.experiment import Experiment, ExperimentList


def experiment_of_id(api: ProjectApi, number: int) -> Experiment:
    """Return one experiment with all its fields.

    Raises
    ------
    exp_jupyter.errors.NotFoundError
        No experiment has this id.
    """
    return api.read(Experiment, api.path("experiments", number))


def experiments_of(
    api: ProjectApi,
    *,
    status: str | None = None,
    archived: bool | None = None,
    search: str | None = None,
    order: str | None = None,
    prompt_name: str | None = None,
    event: str | None = None,
    tag: str | None = None,
) -> Iterator[Experiment]:
    """Yield the experiments there are, one page of requests at a time."""
    params = {"status": status, "archived": archived, "search": search, "order": order}
    params |= {"prompt_name": prompt_name, "event": event}
    params["tags"] = None if tag is None else json.dumps([tag.strip().lower()])
    for page in api.pages(ExperimentList, api.path("experiments"), params):
        yield from page


def experiment_called(api: ProjectApi, text: str) -> Experiment | None:
    """Return the experiment of this exact name or flag key; the archive is looked through last."""
    by_name = _one_of(text, [one for one in experiments_of(api, search=text) if one.name == text])
    if by_name is not None:
        return by_name
    for archived in (None, True):
        found = _one_of(text, [*experiments_of(api, archived=archived)])
        if found is not None:
            return found
    return None


def named_experiment(api: ProjectApi, text: str) -> Experiment:
    """Return the experiment of this name or flag key.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is none, or several; the hint names the nearest.
    """
    if not text:
        raise InputError("No experiment was given.", hint="Give its id, flag key or name.")
    found = experiment_called(api, text)
    if found is not None:
        return found
    everyone = [*experiments_of(api), *experiments_of(api, archived=True)]
    names = [name for one in everyone for name in (one.name, one.feature_flag_key)]
    raise InputError(
        f'There is no experiment "{text}".', hint=suggestion(text, names) or _some(everyone)
    )


def missing_experiment(api: ProjectApi, known: int, miss: NotFoundError) -> NotFoundError:
    """Return the error for an id that is not there, with what is there as its hint."""
    try:
        hint = _some([*experiments_of(api)])
    except ApiError:
        return miss
    return not_there(miss, f"There is no experiment {known} in this project.", hint)


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
