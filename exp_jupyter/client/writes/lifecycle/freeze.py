"""The writes that keep newcomers out of a running experiment, and let them in again."""

from __future__ import annotations

from exp_jupyter.client.writes.experiment import ExperimentWrite
from exp_jupyter.client.writes.lifecycle.stages import not_running
from exp_jupyter.errors import ApiError, NotFoundError
from exp_jupyter.schema.approvals.writes import DiffRow
from exp_jupyter.schema.experiments.experiment import Experiment

FROZEN = "exposure_frozen"
_NOT_OFFERED = frozenset({404, 405, 501})


class _Enrolment(ExperimentWrite):
    """Changes who may still get into a running experiment."""

    frozen: bool

    def _rows(self) -> list[DiffRow]:
        after = FROZEN if self.frozen else "running"
        now = "frozen" if self._experiment.status == FROZEN else "open"
        return [
            DiffRow("Status", self._experiment.status, after),
            DiffRow("Enrolment", now, "frozen" if self.frozen else "open"),
        ]

    def _done(self, now: Experiment) -> str:
        running = now.start_date is not None and now.end_date is None
        if not running or (now.status == FROZEN) is not self.frozen:
            return ""
        return f'The enrolment of "{now.name}" is {"frozen" if self.frozen else "open"}.'

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        return not_running(now, "Nobody enrols any more.")

    def _explained(self, refusal: ApiError) -> ApiError:
        if refusal.status not in _NOT_OFFERED:
            return refusal
        return NotFoundError(
            "This project cannot freeze who is in an experiment; nothing was changed.",
            hint="Its version lacks it: pause the experiment, or narrow its flag's rollout.",
            status=refusal.status,
            detail=refusal.detail,
            body=refusal.body,
        )


class Freeze(_Enrolment):
    """Keeps newcomers out of a running experiment; those who are in stay in."""

    tail, deed, frozen = "freeze_exposure", "frozen", True

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Freeze who is in "{one.name}"',
            (
                f'Lets nobody else into "{one.name}" (experiment {one.id}): its flag '
                f"{one.feature_flag_key} gets the condition that one was exposed by now. Those who "
                "are in keep their variant, and their events go on to count."
            ),
        )

    def _told(self, now: Experiment) -> tuple[str, str]:
        return f'Nobody else gets into "{now.name}".', f"%exp_unfreeze {now.id} opens it again."


class Unfreeze(_Enrolment):
    """Lets newcomers into a frozen experiment again."""

    tail, deed, frozen = "unfreeze_exposure", "opened again", False

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Let newcomers into "{one.name}" again',
            (
                f'Opens "{one.name}" (experiment {one.id}) to everybody its flag '
                f"{one.feature_flag_key} is released to, as before it was frozen."
            ),
        )

    def _told(self, now: Experiment) -> tuple[str, str]:
        return f'"{now.name}" takes newcomers again.', ""
