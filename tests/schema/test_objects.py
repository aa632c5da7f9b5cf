"""What the API objects know beyond their fields, and the older shapes they accept."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from exp_jupyter.schema import (
    ApprovalNeeded,
    ChangeRequest,
    EligibleFlags,
    Experiment,
    MinimalFeatureFlag,
    UserBasic,
)

EXAMPLES = Path(__file__).parents[1] / "contract" / "examples"


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def test_a_moment_is_aware_and_either_form_of_utc_is_read():
    for text in ("2026-03-02T09:15:00.318822Z", "2026-03-02T09:15:00.318822+00:00"):
        found = Experiment.model_validate({"id": 1, "name": "a", "start_date": text})
        assert found.start_date == datetime(2026, 3, 2, 9, 15, 0, 318822, tzinfo=UTC)


def test_metrics_come_primary_first_in_the_projects_order():
    body = example("experiments.retrieve.response")
    extra = {"kind": "ExperimentMetric", "metric_type": "mean", "uuid": "u-2"}
    extra["source"] = {"kind": "EventsNode", "event": "login"}
    body["metrics"].insert(0, extra)
    body["primary_metrics_ordered_uuids"] = [body["metrics"][1]["uuid"], "u-2"]
    body["saved_metrics"] = [
        {"id": 5, "experiment": 1, "saved_metric": 88, "metadata": {"type": "secondary"}}
        | {"name": "Orders per user", "query": {"metric_type": "mean", "uuid": "u-3"}}
    ]
    entries = Experiment.model_validate(body).metric_entries
    assert [(entry.role, entry.name) for entry in entries] == [
        ("primary", "Checkout conversion"),
        ("primary", "mean of login"),
        ("secondary", "Revenue per user"),
        ("secondary", "Orders per user"),
    ]
    assert entries[-1].shared
    assert entries[0].fingerprint == body["metrics"][1]["fingerprint"]


def test_variants_and_split_come_from_the_flag():
    found = Experiment.model_validate(example("create_from_prompt.response"))
    assert found.variants == ("control", "test-1", "test-2")
    assert found.split == {"control": 33, "test-1": 33, "test-2": 34}
    assert found.prompt_metadata["versions"] == [3, 5, 6]


def test_a_flag_of_an_older_copy_needs_only_its_core():
    old = {"id": 1, "key": "a", "filters": {"groups": []}, "active": True}
    flag = MinimalFeatureFlag.model_validate(old | {"evaluation_tags": ["web"]})
    assert flag.variants == ()
    assert flag.to_dict()["evaluation_tags"] == ["web"]


def test_a_list_reads_like_a_list():
    flags = EligibleFlags.model_validate(example("eligible_feature_flags.response"))
    assert len(flags) == 1
    assert [flag.key for flag in flags] == ["one-page-checkout"]
    assert flags[0].created_by.label == "Mina Okafor"
    assert flags[:1] == flags.results


def test_a_person_without_a_name_is_called_by_mail_or_number():
    assert UserBasic(id=3, email="a@example.com").label == "a@example.com"
    assert UserBasic(id=3).label == "person 3"


def test_an_object_is_one_short_line_and_cannot_be_changed():
    found = Experiment.model_validate(example("experiments.retrieve.response"))
    assert repr(found) == "Experiment(id=2087, name='One-page checkout', status='running')"
    with pytest.raises(ValidationError):
        found.name = "other"


def test_the_call_that_made_a_result_is_a_note_and_no_part_of_it():
    plain = Experiment(id=1, name="a")
    noted = Experiment(id=1, name="a").coded("project.experiments.get(1)")
    assert noted.code() == "project.experiments.get(1)"
    assert plain.code() == ""
    assert "_code" not in noted.to_dict()


def test_a_change_request_counts_votes_and_knows_whom_it_waits_for():
    request = ChangeRequest.model_validate(example("change_requests.retrieve.response"))
    assert (request.approved_count, request.quorum) == (0, 2)
    assert request.waits_for_me
    assert request.flag_key == "one-page-checkout"


def test_the_gate_is_read_in_both_of_its_shapes():
    request = {"id": "r-1", "state": "pending"}
    lenient = {"code": "change_request_pending", "error": "…", "existing_change_request": request}
    assert ApprovalNeeded.model_validate(lenient).request_id == "r-1"
    usual = ApprovalNeeded.model_validate(example("approval.error_409_approval_required"))
    assert usual.request_id == usual.request.id


def test_a_flag_that_is_to_be_created_is_known_by_its_requested_key():
    intent = {"flag_id": None, "full_request_data": {"key": "new-flag"}}
    assert ChangeRequest(id="r-1", intent=intent).flag_key == "new-flag"
