"""A call on one experiment: what all such writes share, so that each says only what is its own."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from exp_jupyter.client.api import parse
from exp_jupyter.client.lookup.experiments import experiment_of_id
from exp_jupyter.client.writes.approvals.pending_request import standing
from exp_jupyter.client.writes.base import Write
from exp_jupyter.client.writes.flags.change import FlagChange
from exp_jupyter.errors import InputError
from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WritePlan, WriteState
from exp_jupyter.schema.experiments.experiment import Experiment
from exp_jupyter.schema.requests.bodies import CONCLUSIONS

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

_LONGEST_COMMENT = 4000


class ExperimentWrite(Write):
    """A write on one experiment.

    A subclass says in words what it does and when there is nothing to do; looking, asking for
    approval and sending are the same for all.

    Parameters
    ----------
    api
        The project.
    experiment
        As it was read when the write was made; the plan's "before".
    """

    tail: ClassVar[str] = ""
    """The last part of the path; empty for a PATCH of the experiment itself."""
    deed: ClassVar[str] = ""
    """What is still to happen to the experiment, such as ``launched``."""
    asks_for_name: ClassVar[bool] = False
    """Whether a person has to type the experiment's name."""

    def __init__(self, api: ProjectApi, experiment: Experiment) -> None:
        super().__init__(api)
        self._experiment = experiment

    @abstractmethod
    def _words(self) -> tuple[str, str]:
        """Return the plan's title and sentence."""

    @abstractmethod
    def _rows(self) -> list[DiffRow]:
        """Return the plan's before and after."""

    @abstractmethod
    def _done(self, now: Experiment) -> str:
        """Say that there is nothing to do; empty when there is."""

    @abstractmethod
    def _told(self, now: Experiment) -> tuple[str, str]:
        """Say what was done and what comes next."""

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        """Say why the project would refuse, and what to do about it; None when it would not."""
        del now
        return None

    def _change(self, now: Experiment) -> FlagChange | None:
        """Return what it does to the flag; None where the gate does not look."""
        del now
        return None

    def _body(self) -> dict[str, Any] | None:
        return None

    def _gate(self) -> str:
        change = self._change(self._experiment)
        return change.gate(self._api) if change is not None else ""

    def _needs_name(self) -> bool:
        return self.asks_for_name

    @property
    def _path(self) -> str:
        tail = (self.tail,) if self.tail else ()
        return self._api.path("experiments", self._experiment.id, *tail)

    def _call(self) -> tuple[str, str, Any]:
        return "POST" if self.tail else "PATCH", self._path, self._body()

    def _describe(self) -> WritePlan:
        title, sentence = self._words()
        method, path, body = self._call()
        return WritePlan(
            title=title,
            sentence=sentence,
            method=method,
            path=path,
            body=body,
            diff=tuple(self._rows()),
            gate=self._gate(),
            confirm_name=self._experiment.name if self._needs_name() else None,
        )

    def _read(self) -> Experiment:
        return experiment_of_id(self._api, self._experiment.id)

    def _look(self) -> WriteState:
        now = self._read()
        if said := self._done(now):
            return WriteState("already_done", said, result=now)
        if (refused := self._refusal(now)) is not None:
            return WriteState("refused", refused[0], result=now, next_step=refused[1])
        return self._awaited(now) or WriteState(
            "to_do", f'"{now.name}" is {status_words(now)}.', result=now
        )

    def _awaited(self, now: Experiment) -> WriteState | None:
        change = self._change(now)
        asked = change.asked(self._api) if change is not None else None
        if change is None or asked is None:
            return None
        if asked.state == "rejected" and change.outlived(asked):
            return None

        def left() -> str:
            if not change.is_done():
                return ""  # applied once, and the flag was changed again since
            return (
                f"The request was approved and the flag {change.key} changed; the experiment "
                f"itself is still to be {self.deed}."
            )

        return standing(
            asked,
            waits=f'The change of "{now.name}"\'s flag {change.key} waits for approval.',
            left=left,
            spent=self._spent,
        )

    def _renew(self) -> None:
        self._experiment = self._read()

    def _second_step(self) -> str:
        return f"the experiment is {self.deed}" if self.deed else ""

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        return self._another(result) or ("" if self._done(result) else "does not show the change")

    def _another(self, now: Experiment) -> str:
        """Say that an answer is about another experiment; empty when it is about this one."""
        one = self._experiment
        if now.id != one.id:
            return f"is about experiment {now.id}"
        gone = now.feature_flag is not None and now.feature_flag.deleted
        if not gone and now.feature_flag_key != one.feature_flag_key:
            return f"is about an experiment on the flag {now.feature_flag_key or 'of no name'}"
        return ""

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # the same call either way, with the same answer
        now = parse(Experiment, body, self._path)
        sentence, step = self._told(now)
        return WriteOutcome("applied", sentence, step, result=now)


def status_words(experiment: Experiment) -> str:
    """Return where an experiment stands, in words."""
    words = {"draft": "a draft", "exposure_frozen": "running with its enrolment frozen"}
    status = words.get(experiment.status, experiment.status)
    return f"{status} and archived" if experiment.archived else status


def is_active(experiment: Experiment) -> bool:
    """Return whether the experiment's flag is active."""
    return bool(experiment.feature_flag and experiment.feature_flag.active)


def yes(value: object) -> str:
    """Return ``yes`` or ``no``."""
    return "yes" if value else "no"


def switched(active: bool) -> str:
    """Return a flag's state in words."""
    return "active" if active else "inactive"


def flag_row(experiment: Experiment, active: bool) -> DiffRow:
    """Return the plan's row about an experiment's flag."""
    label = f"Flag {experiment.feature_flag_key}"
    return DiffRow(label, switched(is_active(experiment)), switched(active))


def flag_gone(experiment: Experiment) -> tuple[str, str] | None:
    """Return the refusal because the flag is not there."""
    flag = experiment.feature_flag
    if flag is None or flag.deleted:
        return (
            f'"{experiment.name}" has no feature flag any more.',
            "Duplicate it with a new flag_key to go on.",
        )
    return None


def checked_conclusion(conclusion: str | None, comment: str | None) -> None:
    """Refuse a conclusion that is none.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is not one of the API's words, or the comment is too long.
    """
    if conclusion is not None and conclusion not in CONCLUSIONS:
        raise InputError(
            f"{conclusion!r} is not a conclusion.", hint=f"Choose from {', '.join(CONCLUSIONS)}."
        )
    if comment is not None and len(comment) > _LONGEST_COMMENT:
        raise InputError(
            f"The comment has {len(comment)} characters, at most {_LONGEST_COMMENT} are allowed.",
            hint="Give a shorter comment=.",
        )
