"""Null where the API has a value of its own: one odd object never costs a whole list."""

from __future__ import annotations

from typing import Any

import pytest

from exp_jupyter.schema import Experiment, ExperimentList, FlagList, MetricsRecalculation


def _listed(*experiments: dict[str, Any]) -> ExperimentList:
    body = {"count": len(experiments), "next": None, "previous": None}
    return ExperimentList.model_validate({**body, "results": list(experiments)})


START, END = "2026-03-02T09:00:00Z", "2026-03-09T09:00:00Z"


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [(None, None, "draft"), (START, None, "running"), (START, END, "stopped")],
)
def test_a_null_status_is_read_off_the_dates(start: Any, end: Any, status: str) -> None:
    odd = {"id": 1, "name": "old", "status": None, "start_date": start, "end_date": end}
    found = _listed(odd, {"id": 2, "name": "new", "status": "paused"})
    assert [experiment.status for experiment in found] == [status, "paused"]


NEVER_NULL = sorted(
    name
    for name, field in Experiment.model_fields.items()
    if not field.is_required() and field.get_default(call_default_factory=True) is not None
)


@pytest.mark.parametrize("name", NEVER_NULL)
def test_null_in_a_field_is_the_fields_default(name: str) -> None:
    (found,) = _listed({"id": 1, "name": "odd", name: None})
    plain = Experiment.model_validate({"id": 1, "name": "odd"})
    assert getattr(found, name) == getattr(plain, name)


def test_nulls_inside_a_flag_cost_nothing_either() -> None:
    odd = {"id": 3, "key": "k", "active": None, "tags": None, "filters": {"groups": None}}
    found = FlagList.model_validate({"count": 1, "results": [odd]})
    assert (found[0].active, found[0].tags, found[0].variants) == (False, [], ())


def test_a_field_with_another_name_on_the_wire_is_meant_too() -> None:
    job = {"id": "a", "experiment_id": 1, "status": "completed", "metric_errors": None}
    assert MetricsRecalculation.model_validate(job).metric_errors == {}


def test_what_a_thing_cannot_be_without_is_still_asked_for() -> None:
    with pytest.raises(ValueError, match="name"):
        _listed({"id": 1, "name": None})
