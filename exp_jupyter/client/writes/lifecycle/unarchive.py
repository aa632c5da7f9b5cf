"""The write that brings an experiment back from the archive."""

from __future__ import annotations

from exp_jupyter.client.writes.experiment import ExperimentWrite, yes
from exp_jupyter.schema.approvals.writes import DiffRow
from exp_jupyter.schema.experiments.experiment import Experiment


class Unarchive(ExperimentWrite):
    """Brings one experiment back; dates, conclusion and status stay as they are."""

    tail, deed = "unarchive", "unarchived"

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Unarchive "{one.name}"',
            (
                f'Brings "{one.name}" (experiment {one.id}) back from the archive. Its dates, '
                "conclusion and status stay. If archiving it had archived its flag too, the flag "
                "comes back inactive, provided the key may write flags."
            ),
        )

    def _rows(self) -> list[DiffRow]:
        one = self._experiment
        rows = [DiffRow("Archived", yes(one.archived), "no")]
        rows.append(DiffRow("Status", one.status, one.status))
        flag = one.feature_flag
        flag_archived = (flag.model_extra or {}).get("archived") if flag else None
        if isinstance(flag_archived, bool):
            label = f"Flag {one.feature_flag_key}, archived"
            rows.append(DiffRow(label, yes(flag_archived), "no"))
        return rows

    def _done(self, now: Experiment) -> str:
        return "" if now.archived else f'"{now.name}" is not archived.'

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            f'"{now.name}" is back from the archive; its status is {now.status}.',
            f"%exp_timeseries {now.id} shows its results.",
        )
