"""The writes that make an experiment: what they share, and the one that makes it from nothing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.api import parse
from exp_jupyter.client.lookup.experiments import experiments_of
from exp_jupyter.client.lookup.flags import flag_of_key
from exp_jupyter.client.writes.approvals.pending_request import standing
from exp_jupyter.client.writes.base import Write
from exp_jupyter.client.writes.experiments.fields import (
    checked_fields,
    configured,
    flag_config,
    not_shown,
)
from exp_jupyter.client.writes.experiments.prompt_request import LONGEST_NAME
from exp_jupyter.client.writes.flags.change import FlagChange, held_out, rollout_rows
from exp_jupyter.client.writes.flags.keys import checked_key, slug
from exp_jupyter.client.writes.flags.shares import checked_share, filters_of, split_of
from exp_jupyter.errors import ApiError, ExpError, InputError, NotFoundError, PermissionDeniedError
from exp_jupyter.schema.approvals.writes import (
    IS_THERE,
    UNLESS_THERE,
    DiffRow,
    WriteOutcome,
    WritePlan,
    WriteState,
)
from exp_jupyter.schema.experiments.experiment import Experiment
from exp_jupyter.schema.flags.feature_flag import FeatureFlag
from exp_jupyter.schema.flags.flag import FlagFilters

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

_DEFAULT_SPLIT = {"control": 50.0, "test": 50.0}


class NewExperiment(Write):
    """Makes an experiment, known again by its name together with its flag.

    Notes
    -----
    The project would make a second one of the same name without a word, so before anything is
    sent one of this name and flag is looked for, in the archive too. To have another one, give
    another name. Should there be two of them all the same, since a request that was lost arrived
    late, the outcome names both.
    """

    def __init__(self, api: ProjectApi, name: str, flag_key: str) -> None:
        super().__init__(api)
        self._name = name
        self._flag_key = flag_key
        self._reads_flags = True

    @property
    def _there(self) -> ProjectApi:
        """The project in which it is made."""
        return self._api

    @abstractmethod
    def _filters(self) -> FlagFilters | None:
        """Return the filters of the flag that comes with it; None where it brings none."""

    @property
    def _starts(self) -> bool:
        return False

    def _refusal(self, flag: FeatureFlag | None) -> tuple[str, str] | None:
        """Say why the project would refuse, given the flag of this key, and what to do."""
        del flag
        return None

    def _change(self) -> FlagChange | None:
        filters = self._filters()
        if filters is None:
            return None
        active = True if self._starts else None
        return FlagChange(self._flag_key, None, active=active, rollouts=filters.rollouts)

    def _headers(self) -> dict[str, str]:
        # Somebody may make it between the look and the request; a project in a folder looks
        # again in the transaction that makes it. Others do not know the header.
        return {UNLESS_THERE: "true"}

    def _adapt(self, refusal: ApiError) -> bool:
        return refusal.status == IS_THERE or super()._adapt(refusal)

    def _second_step(self) -> str:
        return "the experiment is made"

    def _look(self) -> WriteState:
        made = self._made()
        if made is not None:
            where = "in the archive" if made.archived else f"as experiment {made.id}"
            return WriteState(
                "already_done",
                f'"{made.name}" exists {where}; its status is {made.status}.',
                result=made,
            )
        flag = self._flag()
        change = self._change()
        asked = change.asked(self._there) if change is not None else None
        if asked is not None:
            words = (
                f"The request was approved and the flag {self._flag_key} made; the experiment "
                "itself is still to be made."
            )
            state = standing(
                asked,
                waits=f'The flag for "{self._name}" waits for approval.',
                left=lambda: words if flag is not None else "",
                spent=self._spent,
            )
            if state is not None:
                return state
        refused = self._refusal(flag)
        if refused is not None:
            return WriteState("refused", refused[0], next_step=refused[1])
        return WriteState("to_do", f'"{self._name}" does not exist yet.')

    def _made(self) -> Experiment | None:
        return next(self._all_made(), None)

    def _all_made(self) -> Iterator[Experiment]:
        for archived in (None, True):
            for one in experiments_of(self._there, archived=archived, search=self._name):
                if one.name == self._name and one.feature_flag_key == self._flag_key:
                    yield one

    def _flag(self) -> FeatureFlag | None:
        try:
            return flag_of_key(self._there, self._flag_key)
        except (PermissionDeniedError, NotFoundError):
            self._reads_flags = False
            return None

    def _who_sees(self, *, starts: bool = False) -> str:
        """Say who sees a variant once it is made, which a flag that is on decides by itself."""
        flag = self._flag()
        if flag is None and not self._reads_flags:
            sure = "People begin to see its variants at once." if starts else ""
            return sure or "Whether its flag is on already cannot be seen with this key."
        used = self._others_on(flag) if flag is not None else ""
        if flag is not None and flag.active:
            return f"The flag is on, so people see its variants already.{used}"
        if starts:
            return f"People begin to see its variants at once.{used}"
        return f"Nobody sees a variant before it is launched.{used}"

    def _others_on(self, flag: FeatureFlag) -> str:
        numbers = sorted(flag.experiment_set)
        if not numbers:
            return ""
        listed = ", ".join(str(number) for number in numbers)
        whom = f"Experiment {listed} uses" if len(numbers) == 1 else f"Experiments {listed} use"
        return f" {whom} it too: pausing or shipping one does it to all."

    def _rows(self) -> list[DiffRow]:
        status = "running" if self._starts else "draft"
        flag = self._flag()
        rows = [DiffRow("Experiment", None, f"{self._name} ({status})")]
        filters = self._filters()
        if flag is not None or filters is None:
            state = "active" if flag is not None and flag.active else "inactive"
            shown = f"{self._flag_key} ({state})"
            return [*rows, DiffRow("Flag", shown, f"{self._flag_key} (used as it is)")]
        state = "active" if self._starts else "inactive"
        rows.append(DiffRow("Flag", None, f"{self._flag_key} ({state})"))
        return rows + rollout_rows(None, filters)

    def _gate(self) -> str:
        change = self._change()
        if change is None or self._flag() is not None:
            return ""
        return change.gate(self._there)

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        made = parse(Experiment, body, self._api.path("experiments"))
        begun = "finished on the approved flag" if finishing else "on the flag"
        told = (
            f'"{made.name}" was created as experiment {made.id}, {begun} '
            f"{made.feature_flag_key}; its status is {made.status}."
        )
        step = "" if made.start_date else "Launch it when everything is in place."
        if twins := self._twins(made):
            listed = " and ".join(str(one) for one in twins)
            told += f" Experiment {listed} has the same name and flag."
            step = (
                "Keep one of them: project.experiments.update(…, deleted=True) takes the other "
                "out of the project."
            )
        return WriteOutcome("applied", told, step, result=made)

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        if (result.name, result.feature_flag_key) != (self._name, self._flag_key):
            return f"is about experiment {result.id}, of another name or flag"
        if self._starts != (result.start_date is not None):
            return "does not show whether it has begun"
        return ""

    def _twins(self, made: Experiment) -> list[int]:
        """Return the ids of others like it; none when they cannot be looked for."""
        try:
            return sorted(one.id for one in self._all_made() if one.id != made.id)
        except ExpError:
            return []  # it was made, and that is what has to be said


class Create(NewExperiment):
    """Makes an experiment from nothing, with a new flag or on one there is.

    Parameters
    ----------
    api
        The project.
    name
        At most 400 characters.
    flag_key
        A new key, or that of a flag there is; made from the name when None.
    variants
        A new flag's variants: shares in percent by key, or keys alone for an even split.
    rollout
        Percent of people a new flag lets in; 100 by default.
    fields
        Everything else by the API's names.

    Raises
    ------
    exp_jupyter.errors.InputError
        An argument is not usable.
    """

    def __init__(
        self,
        api: ProjectApi,
        name: str,
        flag_key: str | None,
        *,
        variants: Mapping[str, float] | Sequence[str] | None,
        rollout: float | None,
        fields: Mapping[str, Any],
    ) -> None:
        title = checked_name(name)
        super().__init__(api, title, checked_key(flag_key) or slug(title))
        self._fields = checked_fields(fields, more=("type",))
        self._flag_is_new = False
        checked_share("rollout", rollout)
        if variants is not None or rollout is not None:
            if "feature_flag" in fields:
                raise InputError(
                    "feature_flag says what variants and rollout say too.",
                    hint="Give one or the other.",
                )
            shares = dict(_DEFAULT_SPLIT) if variants is None else split_of(variants)
            filters = filters_of(shares, 100 if rollout is None else rollout).to_dict()
            self._fields["feature_flag"] = {"filters": filters}

    @property
    def _starts(self) -> bool:
        return self._fields.get("start_date") is not None

    def _filters(self) -> FlagFilters:
        return configured(filters_of(_DEFAULT_SPLIT, 100), flag_config(self._fields))

    def _change(self) -> FlagChange:
        filters = held_out(self._api, self._filters(), self._fields.get("holdout_id"))
        active = True if self._starts else None
        return FlagChange(self._flag_key, None, active=active, rollouts=filters.rollouts)

    def _refusal(self, flag: FeatureFlag | None) -> tuple[str, str] | None:
        if flag is None:
            return None
        if "feature_flag" in self._fields:
            return (
                f"The flag {flag.key} exists; an experiment uses it as it is.",
                "Leave variants, rollout and feature_flag out, or give another flag_key.",
            )
        if len(flag.variants) < 2:
            return (
                f"The flag {flag.key} has fewer than two variants to compare.",
                "Give another flag_key; %exp_flags lists the flags that can be used.",
            )
        return None

    def _flag(self) -> FeatureFlag | None:
        flag = super()._flag()
        self._flag_is_new = flag is None and self._reads_flags
        return flag

    def _call(self) -> tuple[str, str, Any]:
        body = {"name": self._name, "feature_flag_key": self._flag_key, **self._fields}
        if self._flag_is_new and not flag_config(self._fields):
            # The project's own defaults, said aloud: it takes no configuration for a flag that
            # exists, so a request that is repeated by mistake cannot make a second experiment.
            body["feature_flag"] = {"filters": self._filters().to_dict()}
        return "POST", self._api.path("experiments"), body

    def _mismatch(self, body: Any, result: Any) -> str:
        odd = super()._mismatch(body, result)
        return odd or not_shown(self._fields, result)

    def _finishing(self) -> tuple[str, str, Any]:
        method, path, body = self._call()
        # The approved request has made the flag with its variants: now it exists, and the
        # project takes no configuration for a flag that exists.
        return method, path, {key: one for key, one in body.items() if key != "feature_flag"}

    def _describe(self) -> WritePlan:
        rows, gate = self._rows(), self._gate()  # they find out whether the flag is new
        method, path, body = self._call()
        metrics = Experiment.model_validate(
            {"id": 0, "name": self._name, "metrics": self._fields.get("metrics")}
            | {"metrics_secondary": self._fields.get("metrics_secondary")}
        ).metric_entries
        if metrics:
            rows.append(DiffRow("Metrics", None, ", ".join(entry.name for entry in metrics)))
        return WritePlan(
            title=f'Create "{self._name}"',
            sentence=f'Creates the experiment "{self._name}" on the flag {self._flag_key}. '
            f"{self._who_sees(starts=self._starts)}",
            method=method,
            path=path,
            body=body,
            diff=tuple(rows),
            gate=gate,
        )


def checked_name(name: str) -> str:
    """Return an experiment's name.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is empty or too long.
    """
    title = str(name).strip()
    if not title:
        raise InputError("The name is empty.", hint="Give the experiment a name.")
    if len(title) > LONGEST_NAME:
        raise InputError(
            f"The name has {len(title)} characters, at most {LONGEST_NAME} are allowed.",
            hint="Give a shorter name.",
        )
    return title
