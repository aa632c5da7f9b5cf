"""An experiment's life: launch, pause, resume, end, ship, archive, unarchive, reset."""

from __future__ import annotations

import copy

from exp_jupyter.server.refusals import forbidden, invalid
from exp_jupyter.server.services import experiments, flags, metrics
from exp_jupyter.server.services.approval_gate import DISABLE, Gated
from exp_jupyter.server.services.experiment_view import flag_of
from exp_jupyter.server.services.people import Actor
from exp_jupyter.server.store import Document, Work

FLAG_WRITE = "feature_flag:write"


def launch(work: Work, actor: Actor, identifier: int) -> Document:
    """Start a draft now and switch its flag on."""
    experiment = experiments.find(work, identifier)
    if experiment["start_date"]:
        raise invalid("Experiment has already been launched.")
    flag = flag_of(work, experiment)
    experiments.check_launchable(flag)
    flags.update(work, actor, flag, {"active": True}, method="POST")
    started = {**experiment, "start_date": work.stamp()}
    return _save(work, metrics.fingerprinted(started))


def pause(work: Work, actor: Actor, identifier: int) -> Document:
    """Switch the flag of a running experiment off."""
    experiment, flag = _running(work, identifier)
    if not flag["active"]:
        raise invalid("Experiment is already paused.")
    flags.update(work, actor, flag, {"active": False}, method="POST")
    return _save(work, experiment)


def resume(work: Work, actor: Actor, identifier: int) -> Document:
    """Switch the flag of a paused experiment on again."""
    experiment, flag = _running(work, identifier)
    if flag["active"]:
        raise invalid("Experiment is not paused.")
    flags.update(work, actor, flag, {"active": True}, method="POST")
    return _save(work, experiment)


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


def end(work: Work, identifier: int, conclusion: str | None, comment: str | None) -> Document:
    """End a launched experiment now; its flag stays as it is."""
    experiment = experiments.find(work, identifier)
    _require_launched(experiment)
    if experiment["end_date"]:
        raise invalid("Experiment has already ended.")
    return _save(
        work,
        {
            **experiment,
            "end_date": work.stamp(),
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
        shipped["end_date"] = work.stamp()
    if conclusion is not None:
        shipped["conclusion"] = conclusion
    if comment is not None:
        shipped["conclusion_comment"] = comment
    return _save(work, shipped)


def shipped_filters(flag: Document, variant_key: str, *, to_everyone: bool) -> Document:
    """Return the flag's filters with all of the split on one variant."""
    filters: Document = copy.deepcopy(flag["filters"])
    for variant in filters["multivariate"]["variants"]:
        variant["rollout_percentage"] = 100 if variant["key"] == variant_key else 0
    catch_all = {"properties": [], "rollout_percentage": 100}
    groups = filters.get("groups") or []
    if to_everyone and not (groups and _is_catch_all(groups[0])):
        filters["groups"] = [catch_all, *groups]
    return filters


def _is_catch_all(group: Document) -> bool:
    """Tell whether a group releases to everybody, so that shipping twice adds no second one."""
    return (
        not group.get("properties")
        and group.get("rollout_percentage") == 100
        and not group.get("variant")
    )


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
    return _save(work, {**experiment, "archived": True})


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
            f"An approval policy guards {DISABLE}; disable the feature flag itself first."
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
    return _save(work, {**experiment, "archived": False})


def reset(work: Work, identifier: int) -> Document:
    """Make a launched experiment a draft again; its flag stays as it is."""
    experiment = experiments.find(work, identifier)
    if not experiment["start_date"]:
        raise invalid("Experiment is already in draft state.")
    return _save(
        work,
        {
            **experiment,
            "start_date": None,
            "end_date": None,
            "archived": False,
            "conclusion": None,
            "conclusion_comment": None,
        },
    )


def _save(work: Work, experiment: Document) -> Document:
    return work.experiments.save({**experiment, "updated_at": work.stamp()})
