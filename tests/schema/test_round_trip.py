"""Every body of the contract's examples survives being read and written again."""

import importlib
import json
from pathlib import Path

import pytest

from exp_jupyter import schema
from exp_jupyter.schema.requests import bodies as requests

EXAMPLES = Path(__file__).parents[1] / "contract" / "examples"
INDEX = {
    entry["file"]: entry
    for entry in json.loads((EXAMPLES / "index.json").read_text(encoding="utf-8"))["examples"]
}

TYPE_OF = {
    "approval.error_409_approval_required.json": schema.ApprovalNeeded,
    "approval.error_409_change_request_pending.json": schema.ApprovalNeeded,
    "approval_policies.create.response.json": schema.ApprovalPolicy,
    "approval_policies.list.response.json": schema.Page[schema.ApprovalPolicy],
    "change_requests.list.response.json": schema.ChangeRequestList,
    "change_requests.retrieve.response.json": schema.ChangeRequest,
    "eligible_feature_flags.response.json": schema.EligibleFlags,
    "experiment_holdouts.list.response.json": schema.Page[schema.Holdout],
    "experiment_saved_metrics.list.response.json": schema.Page[schema.SavedMetric],
    "experiments.list.response.json": schema.ExperimentList,
    "feature_flags.list.response.json": schema.FlagList,
    "feature_flags.retrieve.response.json": schema.FeatureFlag,
    "prompt_templates.response.json": schema.PromptTemplates,
    "query.experiment.response.json": schema.ExperimentResult,
    "query.exposure.response.json": schema.Exposures,
    "recalculate_timeseries.response.json": schema.Recalculation,
    "requires_flag_implementation.response.json": schema.FlagImplementation,
    "stats.response.json": schema.ExperimentStats,
    "timeseries_results.response.json": schema.TimeseriesResults,
    **dict.fromkeys(
        [
            "archive",
            "create_from_prompt",
            "end",
            "experiments.create",
            "experiments.retrieve",
            "launch",
            "pause",
            "reset",
            "resume",
            "ship_variant",
            "unarchive",
        ],
        schema.Experiment,
    ),
    **dict.fromkeys(["cancel", "reject"], schema.ChangeRequestDecision),
}


def type_of(file: str) -> type | None:
    stem = file.removesuffix(".json")
    if file in TYPE_OF:
        return TYPE_OF[file]
    if ".error_" in file or file.startswith("errors."):
        return schema.ErrorBody
    if file.startswith("calculate_running_time.") and stem.endswith(".response"):
        return schema.RunningTime
    if file.startswith("change_requests."):
        return schema.ChangeRequestDecision if ".response" in file else None
    return TYPE_OF.get(stem.removesuffix(".response")) if stem.endswith(".response") else None


ANSWERS = sorted(file for file in INDEX if not file.endswith(".request.json"))


def test_the_index_names_every_example():
    assert {path.name for path in EXAMPLES.glob("*.json")} - {"index.json"} == set(INDEX)


@pytest.mark.parametrize("file", ANSWERS)
def test_an_answer_is_dumped_as_it_came(file):
    body = json.loads((EXAMPLES / file).read_text(encoding="utf-8"))
    kind = type_of(file)
    assert kind is not None, "no type for this answer"
    parsed = kind.model_validate(body)
    dumped = parsed.to_list() if isinstance(body, list) else parsed.to_dict()
    # As text, so that 37 is not taken for 37.0 and the order of the keys counts as it stands.
    assert json.dumps(dumped, sort_keys=True) == json.dumps(body, sort_keys=True)


@pytest.mark.parametrize("file", ANSWERS)
def test_an_unknown_field_is_kept(file):
    body = json.loads((EXAMPLES / file).read_text(encoding="utf-8"))
    target = body[0] if isinstance(body, list) else body
    target["from_a_later_version"] = {"nested": [1, None]}
    parsed = type_of(file).model_validate(body)
    dumped = parsed.to_list() if isinstance(body, list) else parsed.to_dict()
    assert dumped == body


TAKEN_BY = {
    "approval_policies.create": requests.PolicyCreate,
    "archive": requests.ArchiveRequest,
    "change_requests.approve": requests.VoteRequest,
    "change_requests.reject": requests.VoteRequest,
    "copy_to_project": requests.CopyRequest,
    "create_from_prompt": requests.PromptExperimentRequest,
    "duplicate": requests.DuplicateRequest,
    "end": requests.EndRequest,
    "experiments.create": requests.ExperimentCreate,
    "experiments.partial_update": requests.ExperimentUpdate,
    "query.experiment": requests.QueryRequest,
    "query.exposure": requests.QueryRequest,
    "recalculate_timeseries": requests.RecalculateSeriesRequest,
    "ship_variant": requests.ShipRequest,
    **dict.fromkeys(
        [
            f"calculate_running_time.{metric}"
            for metric in ("funnel", "mean_count", "mean_sum_or_avg", "ratio", "retention")
        ],
        requests.RunningTimeRequest,
    ),
}


@pytest.mark.parametrize("file", sorted(file for file in INDEX if file.endswith(".request.json")))
def test_a_request_is_taken_as_it_was_sent(file):
    body = json.loads((EXAMPLES / file).read_text(encoding="utf-8"))
    kind = TAKEN_BY[file.removesuffix(".request.json")]
    assert kind.model_validate(body).given() == body


def test_every_name_is_there_and_at_home():
    for name in schema.__all__:
        assert getattr(schema, name).__module__.startswith("exp_jupyter.schema.")


def test_the_room_is_lazy():
    module = importlib.util.find_spec("exp_jupyter.schema")
    assert "pydantic" not in Path(module.origin).read_text(encoding="utf-8")
