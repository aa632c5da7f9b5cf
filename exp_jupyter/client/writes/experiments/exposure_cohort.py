"""The write that makes a cohort of the people who were exposed to an experiment."""

from __future__ import annotations

from typing import Any

from exp_jupyter.client.api import parse
from exp_jupyter.client.writes.experiment import ExperimentWrite
from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WriteState
from exp_jupyter.schema.experiments.cohort import MadeCohort
from exp_jupyter.schema.experiments.experiment import Experiment


class CreateExposureCohort(ExperimentWrite):
    """Makes one experiment's exposure cohort, which it can have only once."""

    tail = "create_exposure_cohort_for_experiment"

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Make the exposure cohort of "{one.name}"',
            (
                f'Makes a cohort of the people who were exposed to "{one.name}" (experiment '
                f"{one.id}), for filters, exclusions and release conditions. An experiment gets "
                "one such cohort, and only once."
            ),
        )

    def _rows(self) -> list[DiffRow]:
        return [DiffRow("Exposure cohort", _named(self._experiment), "those exposed by now")]

    def _done(self, now: Experiment) -> str:
        if now.exposure_cohort is None:
            return ""
        return f'"{now.name}" has its exposure cohort already: {_named(now)}.'

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        if now.start_date is None:
            return f'"{now.name}" has not been launched, so it exposed nobody.', "Launch it first."
        return None

    def _look(self) -> WriteState:
        state = super()._look()
        if state.kind != "to_do":
            return state
        return WriteState("to_do", "It has no exposure cohort yet.", result=state.result)

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            f'"{now.name}" has its exposure cohort: {_named(now)}.',
            "A filter of type cohort, with its number as the value, names its members.",
        )

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        # The answer is a cohort, which says nothing of whose it is: the experiment does.
        made = self._read().exposure_cohort
        return "" if made == result.id else f"is about cohort {result.id}"

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # nothing is gated here
        made = parse(MadeCohort, body, self._path).cohort
        known = {**self._experiment.to_dict(), "exposure_cohort": made.id}
        sentence, step = self._told(Experiment.model_validate(known))
        if made.count is not None:
            people = "1 person" if made.count == 1 else f"{made.count} people"
            sentence = f"{sentence.removesuffix('.')}, with {people}."
        return WriteOutcome("applied", sentence, step, result=made)


def _named(experiment: Experiment) -> str:
    number = experiment.exposure_cohort
    return "none" if number is None else f"cohort {number}"
