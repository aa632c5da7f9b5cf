"""An experiment's life: launch, pause, freeze, end, ship, archive, reset, and the ways back."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from exp_jupyter.schema.approvals.rules import DISABLE
from exp_jupyter.server.refusals import forbidden, invalid
from exp_jupyter.server.services import activity
from exp_jupyter.server.services.approvals.gate import Gated
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments import exposure_freeze
from exp_jupyter.server.services.experiments import writes as experiment_writes
from exp_jupyter.server.services.experiments.view import flag_of
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.people import cohorts
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.services.results import metrics
from exp_jupyter.server.store import Document, Work

FLAG_WRITE = "feature_flag:write"
_SHIPPED = "Added automatically when the experiment was ended to keep only one variant."


def launch(work: Work, actor: Actor, identifier: int) -> Document:
    """Start a draft now and switch its flag on."""
    experiment = experiments.find(work, identifier)
    if experiment["start_date"]:
        raise invalid("Experiment has already been launched.")
    flag = flag_of(work, experiment)
    experiments.check_launchable(flag)
    flags.update(work, actor, flag, {"active": True}, method="POST")
    started = {**experiment, "start_date": work.stamp()}
    return experiment_writes.changed(work, actor, experiment, metrics.fingerprinted(started))


def pause(work: Work, actor: Actor, identifier: int) -> Document:
    """Switch the flag of a running experiment off."""
    experiment, flag = _running(work, identifier)
    if not flag["active"]:
        raise invalid("Experiment is already paused.")
    flags.update(work, actor, flag, {"active": False}, method="POST")
    return experiment


def resume(work: Work, actor: Actor, identifier: int) -> Document:
    """Switch the flag of a paused experiment on again."""
    experiment, flag = _running(work, identifier)
    if flag["active"]:
        raise invalid("Experiment is not paused.")
    flags.update(work, actor, flag, {"active": True}, method="POST")
    return experiment


def _running(work: Work, identifier: int) -> tuple[Document, Document]:
    experiment = experiments.find(work, identifier)
    _require_launched(experiment)
    if experiment["end_date"]:
        raise invalid("Experiment has already ended.")
    flag = flag_of(work, experiment)
    if flag["deleted"]:
        raise invalid("Experiment does not have a feature flag linked.")
    return experiment, flag


def _require_launched(experiment: Document) -> None:
    if not experiment["start_date"]:
        raise invalid("Experiment has not been launched yet.")


def end(
    work: Work, actor: Actor, identifier: int, conclusion: str | None, comment: str | None
) -> Document:
    """End a launched experiment now; its flag stays as it is."""
    experiment = experiments.find(work, identifier)
    _require_launched(experiment)
    if experiment["end_date"]:
        raise invalid("Experiment has already ended.")
    return experiment_writes.changed(
        work,
        actor,
        experiment,
        {
            **experiment,
            "end_date": work.stamp(after=experiment["start_date"]),
            "conclusion": conclusion,
            "conclusion_comment": comment,
        },
    )


def ship(
    work: Work,
    actor: Actor,
    identifier: int,
    variant_key: str,
    *,
    to_everyone: bool = False,
    conclusion: str | None = None,
    comment: str | None = None,
) -> Document:
    """Give everybody in the split one variant, and end the experiment if it runs.

    Parameters
    ----------
    to_everyone
        Also release the flag to everybody, whatever its release conditions say.
    conclusion, comment
        Stored when they are given.
    """
    experiment = experiments.find(work, identifier)
    _require_launched(experiment)
    flag = flag_of(work, experiment)
    if flag["deleted"]:
        raise invalid("Experiment does not have a linked feature flag.")
    if variant_key not in flags.variant_keys(flag):
        raise invalid(f"Variant '{variant_key}' not found on feature flag.")
    filters = shipped_filters(flag, variant_key, to_everyone=to_everyone)
    flags.update(work, actor, flag, {"filters": filters}, method="POST")
    shipped = dict(experiment)
    if not shipped["end_date"]:
        shipped["end_date"] = work.stamp(after=shipped["start_date"])
    if conclusion is not None:
        shipped["conclusion"] = conclusion
    if comment is not None:
        shipped["conclusion_comment"] = comment
    stored = experiment_writes.changed(work, actor, experiment, shipped)
    change = {"type": activity.EXPERIMENT, "action": "changed", "field": "shipped_variant"}
    activity.note(
        work,
        actor,
        identifier,
        stored["name"],
        activity.SHIPPED,
        stored["updated_at"],
        [{**change, "before": None, "after": variant_key}],
    )
    return stored


def shipped_filters(flag: Document, variant_key: str, *, to_everyone: bool) -> Document:
    """Return the flag's filters with all of the split on one variant.

    With ``to_everyone`` a release group for everybody stands in front of those there are; one that
    shipping put there before is not put there twice.
    """
    filters: Document = copy.deepcopy(flag["filters"])
    for variant in filters["multivariate"]["variants"]:
        variant["rollout_percentage"] = 100 if variant["key"] == variant_key else 0
    everybody = {"properties": [], "rollout_percentage": 100, "description": _SHIPPED}
    groups = filters.get("groups") or []
    if to_everyone and not (groups and everybody.items() <= groups[0].items()):
        filters["groups"] = [everybody, *groups]
    return filters


def archive(work: Work, actor: Actor, identifier: int, *, disable_flag: bool = False) -> Document:
    """Put an ended experiment away, and its flag with it when that is switched off.

    Parameters
    ----------
    disable_flag
        Also switch an active flag off, unless another live experiment uses it.
    """
    if disable_flag:
        actor.require(FLAG_WRITE)
    experiment = experiments.find(work, identifier)
    if experiment["archived"]:
        raise invalid("Experiment is already archived.")
    if not experiment["end_date"]:
        raise invalid("Experiment must be ended before it can be archived.")
    flag = flag_of(work, experiment)
    if actor.may(FLAG_WRITE) and not flag["deleted"] and not _used_elsewhere(work, experiment):
        _archive_flag(work, actor, experiment, flag, disable=disable_flag)
    return experiment_writes.changed(work, actor, experiment, {**experiment, "archived": True})


def _used_elsewhere(work: Work, experiment: Document) -> bool:
    return bool(
        work.experiments.count(
            "flag_id = ? AND id != ? AND NOT deleted AND NOT archived",
            [experiment["flag_id"], experiment["id"]],
        )
    )


def _archive_flag(
    work: Work, actor: Actor, experiment: Document, flag: Document, *, disable: bool
) -> None:
    if flag["active"] and not disable:
        return
    changes: Document = {"archived": True, "archived_with": experiment["id"]}
    if flag["archived"]:
        changes = {}
    if flag["active"]:
        changes["active"] = False
    try:
        flags.update(work, actor, flag, changes, method="POST")
    except Gated as gated:
        raise forbidden(
            f"Disabling this feature flag requires approval ({DISABLE}). Disable it from the "
            "feature flag itself, then archive the experiment."
        ) from gated


def unarchive(work: Work, actor: Actor, identifier: int) -> Document:
    """Bring an archived experiment back; its flag too, when archiving had put that away."""
    experiment = experiments.find(work, identifier)
    if not experiment["archived"]:
        raise invalid("Experiment is not archived.")
    flag = flag_of(work, experiment)
    together = flag["archived"] and flag["archived_with"] == experiment["id"]
    if together and actor.may(FLAG_WRITE) and not flag["deleted"]:
        back = {"archived": False, "archived_with": None}
        flags.update(work, actor, flag, back, method="POST", gated=False)
    return experiment_writes.changed(work, actor, experiment, {**experiment, "archived": False})


def reset(work: Work, actor: Actor, identifier: int) -> Document:
    """Make a launched experiment a draft again; its flag stays as it is."""
    experiment = experiments.find(work, identifier)
    if not experiment["start_date"]:
        raise invalid("Experiment is already in draft state.")
    return experiment_writes.changed(
        work,
        actor,
        experiment,
        {
            **experiment,
            "start_date": None,
            "end_date": None,
            "archived": False,
            "conclusion": None,
            "conclusion_comment": None,
        },
    )


def freezable(work: Work, identifier: int) -> Document:
    """Return an experiment whose exposure can be frozen, or refuse with 400."""
    experiment = experiments.find(work, identifier)
    exposure_freeze.require_freezable(experiment, flag_of(work, experiment))
    return experiment


def freeze_exposure(work: Work, actor: Actor, identifier: int, exposed: Iterable[int]) -> Document:
    """Let nobody new into a running experiment; those exposed so far stay and count.

    Parameters
    ----------
    exposed
        The persons exposed so far.
    """
    experiment = freezable(work, identifier)
    flag = flag_of(work, experiment)
    name = f'Users exposed to experiment "{experiment["name"]}" when it was frozen'
    cohort = cohorts.create(work, actor, name, exposure_freeze.require_few(exposed))
    filters = exposure_freeze.frozen_filters(flag, cohort)
    flags.update(work, actor, flag, {"filters": filters}, method="POST")
    return experiment


def unfreeze_exposure(work: Work, actor: Actor, identifier: int) -> Document:
    """Let people into a frozen experiment again; the cohort it was frozen to goes."""
    experiment = experiments.find(work, identifier)
    flag = flag_of(work, experiment)
    exposure_freeze.require_frozen(experiment, flag)
    filters = exposure_freeze.unfrozen_filters(flag)
    flags.update(work, actor, flag, {"filters": filters}, method="POST")
    for cohort in exposure_freeze.cohorts_of(flag):
        cohorts.soft_delete(work, cohort)
    return experiment
