"""The write that changes a flag: switches it, moves its rollout, or sets what else it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.api import parse
from exp_jupyter.client.lookup.names import suggestion
from exp_jupyter.client.writes.approvals.pending_request import standing
from exp_jupyter.client.writes.base import Write
from exp_jupyter.client.writes.diff import cell, label
from exp_jupyter.client.writes.flags.change import FlagChange, laid_over, rollout_rows
from exp_jupyter.client.writes.flags.shares import checked_share, checked_split
from exp_jupyter.errors import InputError, NotFoundError
from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WritePlan, WriteState
from exp_jupyter.schema.flags.feature_flag import FeatureFlag
from exp_jupyter.schema.flags.flag import FlagFilters
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

_SAID_OTHERWISE = frozenset({"key", "filters", "active", "name", "version", "creation_context"})
"""Fields of a request that have words of their own here, or that nobody may change."""


class FlagUpdate(Write):
    """Changes one flag.

    Parameters
    ----------
    api
        The project.
    flag
        The flag as it was read when the write was made; the plan's "before".
    active
        Switch it on or off; None leaves it.
    rollout
        Percent of the first release group; None leaves it.
    variants
        Shares of the variants in percent, by key; those not named stay.
    name
        Its description; None leaves it.
    fields
        What else is to be, by the API's names.

    Raises
    ------
    exp_jupyter.errors.InputError
        Nothing is asked for, a share is not usable, or a name is not the API's.

    Notes
    -----
    A change of rollout sends the flag's release conditions as they were when the write was made.
    If somebody changes the flag in between, the write is refused rather than undo that; the flag's
    version goes with it, so that the project refuses what is changed after the last look.
    """

    def __init__(
        self,
        api: ProjectApi,
        flag: FeatureFlag,
        *,
        active: bool | None = None,
        rollout: float | None = None,
        variants: Mapping[str, float] | None = None,
        name: str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(api)
        self._fields = _checked_fields(fields or {})
        if (active, rollout, variants, name) == (None, None, None, None) and not fields:
            raise InputError(
                f"Nothing of the flag {flag.key} is to change.",
                hint="Give active, rollout, variants or name.",
            )
        checked_share("rollout", rollout)
        if variants is not None:
            _check_variants(flag, variants)
        self._flag = flag
        self._active = active
        self._name = name
        self._variants, self._rollout = variants, rollout
        self._filters = self._laid_over(flag)

    def _laid_over(self, flag: FeatureFlag) -> FlagFilters | None:
        if self._rollout is None and self._variants is None:
            return None
        return laid_over(flag.filters, self._variants, self._rollout)

    def _renew(self) -> None:
        self._flag = self._api.read(FeatureFlag, self._path)
        self._filters = self._laid_over(self._flag)

    @property
    def _path(self) -> str:
        return self._api.path("feature_flags", self._flag.id)

    def _call(self) -> tuple[str, str, Any]:
        moves = self._filters is not None
        wanted = {
            "active": self._active,
            "name": self._name,
            "filters": self._filters.to_dict() if self._filters is not None else None,
            "version": self._flag.version if moves else None,
        }
        body = {key: one for key, one in wanted.items() if one is not None}
        return "PATCH", self._path, body | self._fields

    def _describe(self) -> WritePlan:
        flag = self._flag
        rows, deeds = [], []
        if self._active is not None:
            rows.append(DiffRow("Flag", _switched(flag.active), _switched(self._active)))
            deeds.append(f"switches it {'on' if self._active else 'off'}")
        if self._filters is not None:
            rows += rollout_rows(flag.filters, self._filters)
            deeds.append("changes who sees it")
        if self._name is not None:
            rows.append(DiffRow("Description", flag.name or None, self._name or None))
            deeds.append("changes its description")
        if self._fields.get("deleted"):
            deeds.append("deletes it")
        elif self._fields:
            deeds.append("changes its settings")
        told = flag.to_dict()
        rows += [
            DiffRow(label(field), cell(told.get(field)), cell(value))
            for field, value in self._fields.items()
        ]
        used = [str(number) for number in flag.experiment_set]
        by = f" Experiment {', '.join(used)} uses this flag." if used else ""
        method, path, body = self._call()
        return WritePlan(
            title=f"Change the flag {flag.key}",
            sentence=f"Changes the flag {flag.key}: {' and '.join(deeds)}.{by}",
            method=method,
            path=path,
            body=body,
            diff=tuple(rows),
            gate=self._change(flag).gate(self._api),
            confirm_name=flag.key if self._fields.get("deleted") else None,
        )

    def _change(self, flag: FeatureFlag) -> FlagChange:
        rollouts = self._filters.rollouts if self._filters is not None else None
        return FlagChange(flag.key, flag, active=self._active, rollouts=rollouts)

    def _look(self) -> WriteState:
        try:
            now = self._api.read(FeatureFlag, self._path)
        except NotFoundError:
            if not self._fields.get("deleted"):
                raise
            return WriteState("already_done", f"The flag {self._flag.key} is deleted.")
        change = self._change(now)
        if change.is_done() and self._name in {None, now.name} and self._is_set(now):
            return WriteState("already_done", f"The flag {now.key} is like that.", result=now)
        asked = change.asked(self._api)
        if asked is not None and not (asked.state == "rejected" and change.outlived(asked)):
            state = standing(
                asked,
                waits=f"The change of the flag {now.key} waits for approval.",
                left=lambda: "",  # an applied request has done all of it
                spent=self._spent,
            )
            if state is not None:
                return state
        planned = self._flag.filters if self._filters is not None else None
        if planned not in (None, now.filters):
            return WriteState(
                "refused",
                f"The flag {now.key} was changed since this was planned.",
                result=now,
                next_step="Make the write again, and look at its plan once more.",
            )
        return WriteState("to_do", f"The flag {now.key} is {_switched(now.active)}.", result=now)

    def _is_set(self, now: FeatureFlag) -> bool:
        told = now.to_dict()
        return all(told.get(field) == value for field, value in self._fields.items())

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        if (result.id, result.key) != (self._flag.id, self._flag.key):
            gone = self._fields.get("deleted") and result.id == self._flag.id
            return "" if gone else f"is about the flag {result.key}"
        before, after = self._flag.to_dict(), result.to_dict()
        kept = [
            field
            for field, wanted in self._fields.items()
            if field in after and after[field] != wanted and after[field] == before.get(field)
        ]
        done = self._change(result).is_done() and self._name in {None, result.name}
        return "" if done and not kept else "does not show the change"

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # an approved request has done all of it
        now = parse(FeatureFlag, body, self._path)
        deed = "deleted" if self._fields.get("deleted") else "changed"
        return WriteOutcome("applied", f"The flag {now.key} was {deed}.", result=now)


def _checked_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    from exp_jupyter.schema.requests.bodies import FlagUpdate as Request

    known = {*Request.model_fields} - _SAID_OTHERWISE
    for name in fields:
        if name not in known:
            raise InputError(
                f"A flag has no field {name!r} that can be written.",
                hint=suggestion(name, known) or f"It has {', '.join(sorted(known))}.",
            )
    return {name: plain(value) for name, value in fields.items()}


def _check_variants(flag: FeatureFlag, shares: Mapping[str, float]) -> None:
    known = flag.split
    for key in shares:
        if key not in known:
            raise InputError(
                f"The flag {flag.key} has no variant {key!r}.",
                hint=suggestion(key, known) or f"It has {', '.join(known) or 'none'}.",
            )
    checked_split({**known, **shares})


def _switched(active: bool) -> str:
    return "active" if active else "inactive"
