"""The writes that make an experiment: from nothing, or as a copy of another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.awaiting import standing
from exp_jupyter.client.flag_change import FlagChange, rollout_rows
from exp_jupyter.client.flag_update import checked_share, checked_split, filters_of
from exp_jupyter.client.project import parse
from exp_jupyter.client.prompt_request import LONGEST_NAME, checked_key, slug
from exp_jupyter.client.wanted import checked_fields, configured, flag_config
from exp_jupyter.client.write import Write
from exp_jupyter.errors import InputError, NotFoundError, PermissionDeniedError
from exp_jupyter.schema.experiment import Experiment
from exp_jupyter.schema.feature_flag import FeatureFlag
from exp_jupyter.schema.flag import FlagFilters
from exp_jupyter.schema.writes import DiffRow, WriteOutcome, WritePlan, WriteState

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project

_DEFAULT_SPLIT = {"control": 50.0, "test": 50.0}
_MOST_VARIANTS = 20


class NewExperiment(Write):
    """Makes an experiment, known again by its name together with its flag.

    Notes
    -----
    The project would make a second one of the same name without a word, so before anything is
    sent one of this name and flag is looked for, in the archive too. To have another one, give
    another name.
    """

    def __init__(self, project: Project, name: str, flag_key: str) -> None:
        super().__init__(project)
        self._name = name
        self._flag_key = flag_key
        self._reads_flags = True

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
        asked = change.asked(self._project) if change is not None else None
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
        for archived in (None, True):
            for one in self._project.experiments.iterate(archived=archived, search=self._name):
                if one.name == self._name and one.feature_flag_key == self._flag_key:
                    return one
        return None

    def _flag(self) -> FeatureFlag | None:
        try:
            return self._project.flags.find(self._flag_key)
        except (PermissionDeniedError, NotFoundError):
            self._reads_flags = False
            return None

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
        return change.gate(self._project)

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        made = parse(Experiment, body, self._project.path("experiments"))
        begun = "finished on the approved flag" if finishing else "on the flag"
        return WriteOutcome(
            "applied",
            f'"{made.name}" was created as experiment {made.id}, {begun} '
            f"{made.feature_flag_key}; its status is {made.status}.",
            "" if made.start_date else "Launch it when everything is in place.",
            result=made,
        )


class Create(NewExperiment):
    """Makes an experiment from nothing, with a new flag or on one there is.

    Parameters
    ----------
    project
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
        project: Project,
        name: str,
        flag_key: str | None,
        *,
        variants: Mapping[str, float] | Sequence[str] | None,
        rollout: float | None,
        fields: Mapping[str, Any],
    ) -> None:
        title = checked_name(name)
        super().__init__(project, title, checked_key(flag_key) or slug(title))
        self._fields = checked_fields(fields, more=("type",))
        self._flag_is_new = False
        checked_share("rollout", rollout)
        if variants is not None or rollout is not None:
            if "feature_flag" in fields:
                raise InputError(
                    "feature_flag says what variants and rollout say too.",
                    hint="Give one or the other.",
                )
            shares = dict(_DEFAULT_SPLIT) if variants is None else _split(variants)
            filters = filters_of(shares, 100 if rollout is None else rollout).to_dict()
            self._fields["feature_flag"] = {"filters": filters}

    @property
    def _starts(self) -> bool:
        return self._fields.get("start_date") is not None

    def _filters(self) -> FlagFilters:
        return configured(filters_of(_DEFAULT_SPLIT, 100), flag_config(self._fields))

    def _refusal(self, flag: FeatureFlag | None) -> tuple[str, str] | None:
        if flag is None:
            return None
        if "feature_flag" in self._fields:
            return (
                f"The flag {flag.key} exists; an experiment uses it as it is.",
                "Leave variants, rollout and feature_flag out, or give another flag_key.",
            )
        if len(flag.variants) < 2 or "control" not in flag.split:
            return (
                f"The flag {flag.key} has no control and test variant to compare.",
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
        return "POST", self._project.path("experiments"), body

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
        seen = (
            "People begin to see its variants at once."
            if self._starts
            else "Nobody sees a variant before it is launched."
        )
        return WritePlan(
            title=f'Create "{self._name}"',
            sentence=f'Creates the experiment "{self._name}" on the flag {self._flag_key}. {seen}',
            method=method,
            path=path,
            body=body,
            diff=tuple(rows),
            gate=gate,
        )


class Duplicate(NewExperiment):
    """Makes a draft with the settings of an experiment.

    Parameters
    ----------
    project, source
        The project, and the experiment to copy.
    name
        The copy's name; the source's with ``(Copy)`` when None.
    flag_key
        The copy's flag, new or existing; by default it shares the source's.

    Raises
    ------
    exp_jupyter.errors.InputError
        An argument is not usable.
    """

    def __init__(
        self, project: Project, source: Experiment, name: str | None, flag_key: str | None
    ) -> None:
        suffix = " (Copy)"
        title = checked_name(name) if name else source.name[: LONGEST_NAME - len(suffix)] + suffix
        given = checked_key(flag_key)
        super().__init__(project, title, given or source.feature_flag_key)
        self._source = source
        self._given_key = given

    @property
    def _shares(self) -> bool:
        return self._flag_key == self._source.feature_flag_key

    def _filters(self) -> FlagFilters | None:
        flag = self._source.feature_flag
        if self._shares or flag is None:
            return None
        # A copy takes over the variants and the first group's rollout, not its conditions.
        first = flag.rollout_percentage
        return filters_of(flag.split, 100 if first is None else float(first))

    def _refusal(self, flag: FeatureFlag | None) -> tuple[str, str] | None:
        del flag
        if self._source.is_legacy:
            return (
                f'"{self._source.name}" has metrics of an older kind and cannot be copied.',
                "Create a new experiment with metrics of the present kind.",
            )
        return None

    def _call(self) -> tuple[str, str, Any]:
        body = {"name": self._name}
        if self._given_key:
            body["feature_flag_key"] = self._given_key
        return "POST", self._project.path("experiments", self._source.id, "duplicate"), body

    def _describe(self) -> WritePlan:
        source = self._source
        shared = (
            f" Both share the flag {self._flag_key}: pausing or shipping one does it to the other."
            if self._shares
            else ""
        )
        method, path, body = self._call()
        metrics = ", ".join(entry.name for entry in source.metric_entries)
        return WritePlan(
            title=f'Duplicate "{source.name}"',
            sentence=f'Makes the draft "{self._name}" with the metrics and settings of '
            f'"{source.name}" (experiment {source.id}).{shared}',
            method=method,
            path=path,
            body=body,
            diff=(*self._rows(), *([DiffRow("Metrics", None, metrics)] if metrics else [])),
            gate=self._gate(),
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


def _split(variants: Mapping[str, float] | Sequence[str]) -> dict[str, float]:
    if isinstance(variants, Mapping):
        shares = {str(key): share for key, share in variants.items()}
    elif isinstance(variants, str):
        raise InputError(f"variants is {variants!r}.", hint="Give a list, as ['control', 'test'].")
    else:
        keys = [str(key) for key in variants]
        even = 100 // max(len(keys), 1)
        shares = dict.fromkeys(keys, float(even))
        if len(shares) != len(keys):
            raise InputError("variants names one twice.", hint="Give each variant once.")
        if keys:
            shares[keys[-1]] = float(100 - even * (len(keys) - 1))
    if not 2 <= len(shares) <= _MOST_VARIANTS or "control" not in shares:
        raise InputError(
            f"variants are {', '.join(shares) or 'none'}.",
            hint=f"Give two to {_MOST_VARIANTS} variants, one of them control.",
        )
    checked_split(shares)
    return shares
