"""What a write does to a flag, as the approval gate sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.writes.approvals.pending_request import my_request
from exp_jupyter.client.writes.approvals.policy_preview import Gated, action_keys, gate_sentence
from exp_jupyter.errors import ApiError, InputError, ProtocolError
from exp_jupyter.schema.approvals.approval import ChangeRequest
from exp_jupyter.schema.approvals.rules import UPDATE, FlagState, actions
from exp_jupyter.schema.approvals.writes import DiffRow
from exp_jupyter.schema.experiments.experiment import Holdout
from exp_jupyter.schema.flags.flag import FlagFilters, FlagGroup, MinimalFeatureFlag
from exp_jupyter.schema.flags.rollout import FIELD

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi


@dataclass(frozen=True)
class FlagChange:
    """A flag as it is, and what a write wants of it.

    Attributes
    ----------
    key
        The flag's key.
    flag
        The flag as it is; None for one that is to be made.
    active
        Whether it is to be active; None when the write leaves that alone.
    rollouts
        Its rollout percentages by path; None when the write leaves them alone.
    with_experiment
        Whether a flag that is to be made comes with an experiment.
    """

    key: str
    flag: MinimalFeatureFlag | None
    active: bool | None = None
    rollouts: Mapping[str, float] | None = None
    with_experiment: bool = True

    def gate(self, api: ProjectApi) -> str:
        """Return the sentence about the policy that will likely catch it."""
        before = FlagState(self.flag.active, self.flag.filters.rollouts) if self.flag else None
        now = before or FlagState(False, {})
        after = FlagState(
            now.active if self.active is None else self.active,
            now.rollouts if self.rollouts is None else self.rollouts,
        )
        caught = [
            Gated(key, now.rollouts, after.rollouts) if key == UPDATE else Gated(key)
            for key in actions(before, after, brought_along=self.with_experiment)
        ]
        return gate_sentence(api, *caught) if caught else ""

    def is_done(self) -> bool:
        """Return whether the flag is already as the write wants it."""
        flag = self.flag
        return flag is not None and (
            self.active in {None, flag.active} and self.rollouts in (None, flag.filters.rollouts)
        )

    def asked(self, api: ProjectApi) -> ChangeRequest | None:
        """Return my newest change request for exactly this, or None."""
        return my_request(api, self._is_asked_by)

    def outlived(self, asked: ChangeRequest) -> bool:
        """Return whether the flag has changed since ``asked``, so that its refusal is history."""
        preconditions = asked.intent.get("preconditions")
        then = preconditions.get("version") if isinstance(preconditions, dict) else None
        now = self.flag.version if self.flag else None
        return then is not None and now is not None and then != now

    def _is_asked_by(self, request: ChangeRequest) -> bool:
        number = request.intent.get("flag_id")
        if self.flag is None:
            same = number is None and request.flag_key == self.key
        else:
            same = number == self.flag.id
        wanted = request.intent.get("gated_changes")
        if not same or not isinstance(wanted, dict):
            return False
        if request.action_key in action_keys(UPDATE):
            asked = _by_path(wanted)
            # A new flag may bring more than this write decides: its holdout's share.
            return self.rollouts is not None and (
                self.rollouts.items() <= asked.items()
                if self.flag is None
                else self.rollouts == asked
            )
        return self.active is not None and wanted.get("active") == self.active


def laid_over(
    filters: FlagFilters, shares: Mapping[str, float] | None, rollout: float | None
) -> FlagFilters:
    """Return a flag's filters with other shares of its variants, and another rollout.

    Parameters
    ----------
    filters
        As they are.
    shares
        The variants' shares in percent by key; those not named, and all with None, stay.
    rollout
        Percent of the first release group, which is made if there is none; None leaves it.
    """
    groups = [*filters.groups]
    if rollout is not None:
        first = groups[0] if groups else FlagGroup()
        groups[:1] = [first.model_copy(update={"rollout_percentage": rollout})]
    multivariate = filters.multivariate
    if shares is not None and multivariate is not None:
        variants = [
            one.model_copy(
                update={"rollout_percentage": shares.get(one.key, one.rollout_percentage)}
            )
            for one in multivariate.variants
        ]
        multivariate = multivariate.model_copy(update={"variants": variants})
    return filters.model_copy(update={"groups": groups, "multivariate": multivariate})


def held_out(api: ProjectApi, filters: FlagFilters, holdout: Any) -> FlagFilters:
    """Return a flag's filters with another holdout.

    Parameters
    ----------
    api
        The project; a holdout that the key may not read is taken to have no share.
    filters
        As they are.
    holdout
        The holdout's number; None takes the flag out of its holdout.
    """
    part: dict[str, Any] | None = None
    if holdout is not None:
        part = {"id": holdout, "exclusion_percentage": _share_of(api, holdout)}
    return filters.model_copy(update={"holdout": part})


def rollout_rows(before: FlagFilters | None, after: FlagFilters) -> list[DiffRow]:
    """Return a plan's rows about whom a flag is released to, and who gets what."""
    old = before.rollouts if before is not None else {}
    rows = []
    for place, _ in enumerate(after.groups):
        label = "Rollout" if len(after.groups) == 1 else f"Rollout of release group {place + 1}"
        rows.append((label, f"groups[{place}].rollout_percentage"))
    variants = after.multivariate.variants if after.multivariate else []
    for place, variant in enumerate(variants):
        rows.append(
            (f"Variant {variant.key}", f"multivariate.variants[{place}].rollout_percentage")
        )
    new = after.rollouts
    return [
        DiffRow(label, _percent(old.get(path)), _percent(new.get(path)))
        for label, path in rows
        if before is None or old.get(path) != new.get(path)
    ]


def _share_of(api: ProjectApi, holdout: Any) -> float | None:
    try:
        found = api.read(Holdout, api.path("experiment_holdouts", holdout))
    except (ApiError, InputError, ProtocolError):
        return None
    shares = [group.get(FIELD) for group in found.filters if isinstance(group, dict)]
    return shares[0] if shares else None


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:g} %"


def _by_path(wanted: dict[str, Any]) -> dict[str, Any]:
    listed = wanted.get("rollout_percentage")
    return {
        entry["path"]: entry["value"]
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and {"path", "value"} <= entry.keys()
    }
