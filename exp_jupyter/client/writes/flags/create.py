"""The write that makes a flag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.api import parse
from exp_jupyter.client.lookup.flags import flag_of_key
from exp_jupyter.client.writes.approvals.pending_request import standing
from exp_jupyter.client.writes.base import Write
from exp_jupyter.client.writes.flags.change import FlagChange, rollout_rows
from exp_jupyter.client.writes.flags.keys import checked_key
from exp_jupyter.client.writes.flags.shares import checked_share, filters_of, split_of
from exp_jupyter.errors import InputError
from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WritePlan, WriteState
from exp_jupyter.schema.flags.feature_flag import FeatureFlag
from exp_jupyter.schema.flags.flag import FlagFilters, FlagGroup

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi


class NewFlag(Write):
    """Makes a flag, known again by its key.

    Parameters
    ----------
    api
        The project.
    key
        Letters, digits, hyphens and underscores; a project has each key once.
    variants
        Shares in percent by key, or keys alone for an even split; None for a flag that is only on
        or off.
    rollout
        Percent of people it lets in.
    active
        Whether it is on at once.
    name
        Its description.

    Raises
    ------
    exp_jupyter.errors.InputError
        An argument is not usable.
    """

    def __init__(
        self,
        api: ProjectApi,
        key: str,
        *,
        variants: Mapping[str, float] | Sequence[str] | None = None,
        rollout: float = 100,
        active: bool = False,
        name: str = "",
    ) -> None:
        super().__init__(api)
        self._key = checked_key(key)
        if not self._key:
            raise InputError("The key is empty.", hint="Give the flag a key.")
        checked_share("rollout", rollout)
        self._filters = (
            FlagFilters(groups=[FlagGroup(properties=[], rollout_percentage=rollout)])
            if variants is None
            else filters_of(split_of(variants), rollout)
        )
        self._active, self._name = active, name

    def _call(self) -> tuple[str, str, Any]:
        body = {
            "key": self._key,
            "name": self._name,
            "filters": self._filters.to_dict(),
            "active": self._active,
        }
        return "POST", self._api.path("feature_flags"), body

    def _change(self) -> FlagChange:
        active = True if self._active else None
        rollouts = self._filters.rollouts
        return FlagChange(self._key, None, active, rollouts, with_experiment=False)

    def _describe(self) -> WritePlan:
        method, path, body = self._call()
        state = "active" if self._active else "inactive"
        seen = "People see it at once." if self._active else "Nobody sees it before it is on."
        return WritePlan(
            title=f"Create the flag {self._key}",
            sentence=f"Creates the flag {self._key}. {seen}",
            method=method,
            path=path,
            body=body,
            diff=(
                DiffRow("Flag", None, f"{self._key} ({state})"),
                *rollout_rows(None, self._filters),
            ),
            gate=self._change().gate(self._api),
        )

    def _look(self) -> WriteState:
        found = flag_of_key(self._api, self._key)
        if found is not None:
            return self._state_of(found)
        asked = self._change().asked(self._api)
        state = None
        if asked is not None:
            state = standing(
                asked,
                waits=f"The flag {self._key} waits for approval.",
                left=lambda: "",  # an applied request has made it; it was deleted since
                spent=self._spent,
            )
        return state or WriteState("to_do", f"There is no flag {self._key} yet.")

    def _state_of(self, found: FeatureFlag) -> WriteState:
        wanted = self._filters
        keys = [one.key for one in wanted.multivariate.variants] if wanted.multivariate else []
        if found.filters.rollouts == wanted.rollouts and [*found.split] == keys:
            state = "active" if found.active else "inactive"
            said = f"The flag {found.key} is there, {state}."
            return WriteState("already_done", said, result=found)
        return WriteState(
            "refused",
            f"There is a flag {found.key} with another rollout or other variants.",
            result=found,
            next_step=f"Give another key; project.flags.update({found.key!r}, …) changes it.",
        )

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        if result.key != self._key:
            return f"is about the flag {result.key}"
        same = self._state_of(result).kind == "already_done" and result.active is self._active
        if same and (result.name or "").strip() != self._name.strip():
            return "is about a flag with another description"
        return "" if same else "is about a flag with another rollout, other variants or state"

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # an approved request has done all of it
        made = parse(FeatureFlag, body, self._api.path("feature_flags"))
        state = "active" if made.active else "inactive"
        return WriteOutcome(
            "applied",
            f"The flag {made.key} was created as flag {made.id}; it is {state}.",
            "" if made.active else f"project.flags.enable({made.key!r}) switches it on.",
            result=made,
        )
