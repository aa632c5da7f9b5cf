"""The write that changes fields of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.writes.diff import cell, label
from exp_jupyter.client.writes.experiment import ExperimentWrite, is_active
from exp_jupyter.client.writes.experiments.create import checked_name
from exp_jupyter.client.writes.experiments.fields import (
    INSTRUCTIONS,
    METRIC_FIELDS,
    checked_fields,
    configured,
    differing,
    flag_config,
    not_shown,
)
from exp_jupyter.client.writes.experiments.version import changed_meanwhile, versioned
from exp_jupyter.client.writes.flags.change import FlagChange, held_out, rollout_rows
from exp_jupyter.errors import ApiError, ChangedMeanwhileError, InputError, NotFoundError
from exp_jupyter.schema.approvals.writes import DiffRow, WriteState
from exp_jupyter.schema.experiments.experiment import Experiment
from exp_jupyter.schema.flags.flag import FlagFilters

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

_NEW_FINGERPRINT = frozenset(
    {
        *METRIC_FIELDS,
        "stats_config",
        "exposure_criteria",
        "start_date",
        "only_count_matured_users",
        "excluded_variants",
    }
)
"""A change of these gives metrics another fingerprint, under which no day is stored yet."""


class Update(ExperimentWrite):
    """Changes fields of one experiment.

    Parameters
    ----------
    api, experiment
        As every write on an experiment takes them.
    fields
        The new values by the API's names.

    Raises
    ------
    exp_jupyter.errors.InputError
        There are none, a name is not the API's, or the experiment's own name is empty.
    """

    deed = "changed"

    def __init__(self, api: ProjectApi, experiment: Experiment, fields: Mapping[str, Any]) -> None:
        super().__init__(api, experiment)
        if not set(fields) - INSTRUCTIONS:
            raise InputError(
                f'Nothing of "{experiment.name}" is to change.',
                hint="Give the new values, such as name= or description=.",
            )
        self._fields = checked_fields(fields)
        if "name" in fields:
            self._fields["name"] = checked_name(fields["name"])

    def _needs_name(self) -> bool:
        return bool(self._fields.get("deleted"))

    def _body(self) -> dict[str, Any]:
        return self._fields | versioned(self._experiment, self._fields)

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        return self._another(result) or not_shown(self._fields, result, self._experiment)

    def _explained(self, refusal: ApiError) -> ApiError:
        if not isinstance(refusal, ChangedMeanwhileError):
            return refusal
        return changed_meanwhile(refusal, self._experiment, self._read())

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        if self._fields.get("deleted"):
            return (
                f'Delete "{one.name}"',
                (
                    f'Takes "{one.name}" (experiment {one.id}) out of the project. Its flag '
                    f"{one.feature_flag_key} stays, {'on' if is_active(one) else 'off'}."
                ),
            )
        named = ", ".join(label(name).lower() for name in differing(self._fields, one))
        again = (
            " The daily series of its metrics begin again, as their definition changes."
            if one.start_date and _NEW_FINGERPRINT & set(differing(self._fields, one))
            else ""
        )
        return (
            f'Change "{one.name}"',
            f'Changes "{one.name}" (experiment {one.id}): {named or "nothing"}.{again}',
        )

    def _rows(self) -> list[DiffRow]:
        one, rows = self._experiment, []
        told = one.to_dict()
        filters = self._filters(one)
        for name in differing(self._fields, one):
            if name == "feature_flag":
                continue  # shown number by number below
            if name in METRIC_FIELDS:
                rows.append(_metrics_row(name, one, self._fields[name]))
            else:
                have = one.holdout.id if name == "holdout_id" and one.holdout else told.get(name)
                rows.append(DiffRow(label(name), cell(have), cell(self._fields[name])))
        if filters is not None and one.feature_flag is not None:
            rows += rollout_rows(one.feature_flag.filters, filters)
        return rows

    def _done(self, now: Experiment) -> str:
        return "" if differing(self._fields, now) else f'"{now.name}" is like that.'

    def _look(self) -> WriteState:
        try:
            return super()._look()
        except NotFoundError:
            if not self._fields.get("deleted"):
                raise
            return WriteState("already_done", f'"{self._experiment.name}" is deleted.')

    def _filters(self, now: Experiment) -> FlagFilters | None:
        """Return the flag's filters as this write makes them; None where it leaves them alone."""
        config, flag = flag_config(self._fields), now.feature_flag
        syncs = now.start_date is None or self._fields.get("update_feature_flag_params")
        moves = "holdout_id" in differing(self._fields, now)
        if not (config or moves) or flag is None or not syncs:
            return None
        filters = configured(flag.filters, config)
        return held_out(self._api, filters, self._fields["holdout_id"]) if moves else filters

    def _change(self, now: Experiment) -> FlagChange | None:
        filters = self._filters(now)
        launches = now.start_date is None and self._fields.get("start_date") is not None
        if filters is None and not launches:
            return None
        return FlagChange(
            now.feature_flag_key,
            now.feature_flag,
            active=True if launches and self._fields.get("end_date") is None else None,
            rollouts=filters.rollouts if filters is not None else None,
        )

    def _told(self, now: Experiment) -> tuple[str, str]:
        if self._fields.get("deleted"):
            return f'"{now.name}" is deleted.', ""
        return f'"{now.name}" was changed.', ""


def _metrics_row(name: str, before: Experiment, wanted: Any) -> DiffRow:
    """Return the row of a list of metrics, by their names."""
    after = before.model_copy(
        update={name: wanted or [], "primary_metrics_ordered_uuids": None}
        | {other: [] for other in METRIC_FIELDS if other != name}
        | {"secondary_metrics_ordered_uuids": None, "saved_metrics": []}
    )
    role = "secondary" if name == "metrics_secondary" else "primary"
    old = [entry.name for entry in before.metric_entries if entry.role == role and not entry.shared]
    new = [entry.name for entry in after.metric_entries]
    words = "none" if not new else ", ".join(new)
    return DiffRow(
        label(name), ", ".join(old) or None, f"{words} (defined anew)" if new == old else words
    )
