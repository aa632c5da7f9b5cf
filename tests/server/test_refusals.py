"""What the project says no to, in the words of the API."""

from __future__ import annotations

from typing import Any

import pytest

MEAN = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "source": {"kind": "EventsNode", "event": "$pageview"},
}
RETENTION = {
    "kind": "ExperimentMetric",
    "metric_type": "retention",
    "start_event": {"kind": "ExperimentExposureNode"},
    "completion_event": {"kind": "EventsNode", "event": "buy"},
    "retention_window_start": 0,
    "retention_window_end": 7,
    "retention_window_unit": "day",
}
RED_BLUE = [{"key": "red", "rollout_percentage": 50}, {"key": "blue", "rollout_percentage": 50}]
TWO = "Feature flag must have at least 2 variants (a baseline and at least one test variant)"
UNSUPPORTED = "Unsupported key for the experiment feature_flag input."


def _split(*variants: dict[str, Any]) -> dict[str, Any]:
    return {"filters": {"multivariate": {"variants": list(variants)}}}


def _refused(answer: Any, attr: str | None, text: str) -> None:
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["detail"].startswith(text) or text in body["detail"], body
    assert (body["type"], body["attr"]) == ("validation_error", attr)


MISTAKES: list[tuple[dict[str, Any], str | None, str]] = [
    ({"stats_config": {"method": "magic"}}, None,
     "Invalid stats method: 'magic'. Must be one of: bayesian, frequentist"),
    ({"stats_config": {"method": 5}}, None, "Invalid stats method: '5'."),
    ({"stats_config": {"baseline_variant_key": "x"}}, None,
     "Invalid baseline_variant_key: 'x'. Must be one of: control, test"),
    ({"excluded_variants": ["control"]}, None, "baseline variant cannot be excluded ('control')"),
    ({"excluded_variants": ["holdout-3"]}, None,
     "cannot exclude holdout pseudo-variants: ['holdout-3']"),
    ({"excluded_variants": ["nope"]}, None, "unknown variants for this experiment: ['nope']"),
    ({"excluded_variants": ["test"]}, None, "at least one test variant must remain in analysis"),
    ({"running_time_calculation": {"x": 1}}, "running_time_calculation",
     "running_time_calculation got unknown keys: ['x']"),
    ({"running_time_calculation": {"recommended_sample_size": True}}, "running_time_calculation",
     "recommended_sample_size must be a number"),
    ({"running_time_calculation": {"exposure_estimate_config": [1]}}, "running_time_calculation",
     "exposure_estimate_config must be an object"),
    ({"exposure_criteria": {"filterTestAccounts": "yes"}}, "exposure_criteria",
     "exposure_criteria.filterTestAccounts must be a boolean, got str: 'yes'."),
    ({"exposure_criteria": {"exposure_config": 3}}, "exposure_criteria",
     "exposure_criteria.exposure_config must be an object, got int."),
    ({"exposure_criteria": {"exposure_config": {"kind": "Odd"}}}, "exposure_criteria",
     "exposure_criteria.exposure_config.kind must be one of "),
    ({"filters": {"properties": [{"key": "a"}]}}, None,
     "Experiments do not support global filter properties"),
    ({"metrics": {}}, "metrics", "Metrics must be a list"),
    ({"metrics": [7]}, "metrics", "Invalid metric at index 0: must be a dict"),
    ({"metrics_secondary": [{"kind": "x"}]}, "metrics_secondary",
     "Invalid metric at index 0: metric kind must be 'ExperimentMetric'"),
    ({"metrics": [MEAN, {"kind": "ExperimentTrendsQuery"}]}, "metrics",
     "index 1: legacy metric kind 'ExperimentTrendsQuery' is no longer supported"),
    ({"metrics": [{"kind": "ExperimentMetric"}]}, "metrics",
     "Invalid metric at index 0: ExperimentMetric requires a metric_type"),
    ({"metrics": [{**MEAN, "metric_type": "median"}]}, "metrics",
     "ExperimentMetric metric_type must be 'mean', 'funnel', 'ratio', or 'retention'"),
    ({"metrics": [{"kind": "ExperimentMetric", "metric_type": "funnel", "series": []}]}, "metrics",
     "Invalid metric at index 0: funnel metrics require at least one step."),
    ({"metrics": [{**MEAN, "threshold": 0}]}, "metrics", "threshold must be a positive number."),
    ({"metrics": [{**MEAN, "threshold": 2, "source": {**MEAN["source"], "math": "avg"}}]},
     "metrics", "a threshold is only supported for sum or count (total) math types."),
    ({"metrics": [{**MEAN, "threshold": 2, "upper_bound_percentile": 0.9}]}, "metrics",
     "a threshold cannot be combined with outlier handling (winsorization)."),
    ({"metrics": [{**MEAN, "conversion_window": 3}]}, "metrics",
     "conversion_window is set but conversion_window_unit is missing."),
    ({"metrics": [{**RETENTION, "conversion_window": 3, "conversion_window_unit": "day"}]},
     "metrics", "a conversion window cannot be combined with an experiment exposure start."),
    ({"metrics": [{**RETENTION, "start_handling": "last_seen"}]}, "metrics",
     "start_handling 'last_seen' cannot be combined with an experiment exposure start."),
    ({"metrics": [{**MEAN, "source": {**MEAN["source"], "math": "hogql",
                                      "math_hogql": "avg(sum(properties.a))"}}]},
     "metrics", "This SQL expression can't be used as a metric."),
    ({"metrics": [{**MEAN, "source": {**MEAN["source"], "math": "hogql", "math_hogql": "sum("}}]},
     "metrics", "Couldn't read the SQL expression for this metric. Check its syntax:"),
    ({"metrics": [{**MEAN, "source": {"kind": "ActionsNode", "id": 7}}]}, None,
     "Action(s) with ID 7 not found or deleted. Each ActionsNode must reference"),
    ({"holdout_id": 9}, "holdout_id", 'Invalid pk "9" - object does not exist.'),
    ({"saved_metrics_ids": {}}, "saved_metrics_ids",
     'Expected a list of items but got type "dict".'),
    ({"saved_metrics_ids": [3]}, "saved_metrics_ids", "Saved metric must be an object"),
    ({"saved_metrics_ids": [{"metadata": {}}]}, "saved_metrics_ids",
     "Saved metric must have an id"),
    ({"saved_metrics_ids": [{"id": 1, "metadata": "x"}]}, "saved_metrics_ids",
     "Metadata must be an object"),
    ({"saved_metrics_ids": [{"id": 1, "metadata": {}}]}, "saved_metrics_ids",
     "Metadata must have a type key"),
    ({"saved_metrics_ids": [{"id": 77}]}, "saved_metrics_ids",
     "Saved metric does not exist or does not belong to this project"),
    ({"saved_metrics_ids": [{"id": "x"}]}, "saved_metrics_ids",
     "Saved metric does not exist or does not belong to this project"),
    ({"feature_flag": _split({"key": "control", "rollout_percentage": 100})}, None, TWO),
    ({"parameters": {"feature_flag_variants": [3]}}, None,
     "Feature flag variant at index 0 must be an object"),
    ({"feature_flag": _split({"key": "control", "rollout_percentage": 50}, {"name": "x"})}, None,
     "Feature flag variant at index 1 must have a 'key' field"),
    ({"feature_flag": _split({"key": "control"}, {"key": "b"})}, None,
     "Each variant must include split_percent (recommended) or rollout_percentage (deprecated)."),
    ({"feature_flag": _split({"key": "a", "rollout_percentage": 50},
                             {"key": "b", "rollout_percentage": 40})}, "feature_flag",
     "Invalid variant definitions: Variant rollout percentages must sum to 100."),
    ({"feature_flag": {"filters": {}, "extra": 1}}, "feature_flag__extra", UNSUPPORTED),
    ({"feature_flag": {"filters": {"groups": [{"variant": "test"}]}}},
     "feature_flag__filters__groups__0__variant", UNSUPPORTED),
    ({"feature_flag": {"filters": {"payload": {}}}}, "feature_flag__filters__payload", UNSUPPORTED),
    ({"start_date": "2026-03-02T00:00:00Z", "end_date": "2026-03-01T00:00:00Z"}, None,
     "End date must be after start date"),
    ({"repository": "web"}, "repository", "organization/repository"),
    ({"primary_metrics_ordered_uuids": ["a", ""]}, "primary_metrics_ordered_uuids__1",
     "This field may not be blank."),
    ({"conclusion": "amazing"}, "conclusion", '"amazing" is not a valid choice.'),
    ({"name": " "}, "name", "This field may not be blank."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mistake", "attr", "text"),
    MISTAKES,
    ids=[f"{next(iter(m))}: {t[:40]}" for m, _, t in MISTAKES],
)
@pytest.mark.parametrize("verb", ["POST", "PATCH"])
def test_a_mistake_is_refused_in_the_apis_words(
    talk: Any, verb: str, mistake: dict[str, Any], attr: str | None, text: str
) -> None:
    path, body = "experiments/", {"name": "n", "feature_flag_key": "n"}
    if verb == "PATCH":
        path, body = f"experiments/{talk.made(path, body)['id']}/", {}
    answer = talk(verb, path, {**body, "allow_unknown_events": True, **mistake})
    _refused(answer, attr, text)
    assert talk("GET", "experiments/").json()["count"] == int(verb == "PATCH")
    assert talk("GET", "feature_flags/").json()["count"] == int(verb == "PATCH")


def test_events_that_were_never_seen_are_named(talk: Any) -> None:
    answer = talk("POST", "experiments/", {"name": "n", "feature_flag_key": "n", "metrics": [MEAN]})
    _refused(answer, None, "Event(s) '$pageview' not found.")


@pytest.mark.parametrize("event", ["", "   ", None])
def test_a_blank_event_means_all_events_and_is_always_known(talk: Any, event: Any) -> None:
    metric = {**MEAN, "source": {"kind": "EventsNode", "event": event}}
    body = {"name": "n", "feature_flag_key": "n", "metrics": [metric]}
    assert talk("POST", "experiments/", body).status_code == 201


@pytest.mark.parametrize("old_way", [False, True])
def test_configuration_for_an_existing_flag_is_refused(talk: Any, old_way: bool) -> None:
    filters = {"groups": [{"rollout_percentage": 100}], "multivariate": {"variants": RED_BLUE}}
    talk.made("feature_flags/", {"key": "there", "filters": filters})
    config = (
        {"parameters": {"rollout_percentage": 50}}
        if old_way
        else {"feature_flag": _split(*RED_BLUE)}
    )
    answer = talk("POST", "experiments/", {"name": "n", "feature_flag_key": "there", **config})
    _refused(answer, "feature_flag", "A feature flag with key 'there' already exists;")


RUNNING = (
    "This experiment is running. To change its flag config, send update_feature_flag_params=true "
    "(or edit the feature flag directly)."
)


@pytest.mark.parametrize(
    "change",
    [
        {"feature_flag": {"filters": {"groups": [{"rollout_percentage": 40}]}}},
        {"feature_flag": {"id": None, "filters": {"groups": [{"rollout_percentage": 40}]}}},
        {"parameters": {"rollout_percentage": 40}},
        {"parameters": {"feature_flag_payloads": {"test": "1"}}},
        {"parameters": {"ensure_experience_continuity": True}},
    ],
    ids=["object", "object with a null id", "rollout", "payloads", "continuity"],
)
def test_the_flag_of_a_running_experiment_changes_only_on_purpose(talk: Any, change: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    path = f"experiments/{made['id']}/"
    talk("POST", f"{path}launch/")
    before = talk("GET", path).json()["feature_flag"]
    _refused(talk("PATCH", path, change), "feature_flag", RUNNING)
    assert talk("GET", path).json()["feature_flag"] == before
    answer = talk("PATCH", path, {**change, "update_feature_flag_params": True})
    assert answer.status_code == 200, answer.text
    assert answer.json()["feature_flag"]["version"] == before["version"] + 1


def test_an_echo_of_what_was_read_changes_nothing_of_a_running_experiment(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    path = f"experiments/{made['id']}/"
    launched = talk("POST", f"{path}launch/").json()
    for echo in (
        {"feature_flag": launched["feature_flag"]},
        {"feature_flag": {"key": "n", "active": False}},
        {"parameters": launched["parameters"]},
    ):
        answer = talk("PATCH", path, echo)
        assert answer.status_code == 200, answer.text
        assert answer.json()["feature_flag"] == launched["feature_flag"]


def test_variants_of_a_launched_experiment_cannot_be_exchanged(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    path = f"experiments/{made['id']}/"
    talk("POST", f"{path}launch/")
    for way in ({"feature_flag": _split(*RED_BLUE)},
                {"parameters": {"feature_flag_variants": RED_BLUE}}):  # fmt: skip
        answer = talk("PATCH", path, {**way, "update_feature_flag_params": True})
        _refused(answer, None, "Can't update feature_flag_variants on Experiment")


def test_keys_that_never_change_are_named_together(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    answer = talk("PATCH", f"experiments/{made['id']}/", {"feature_flag_key": "m", "type": "web"})
    _refused(answer, None, "Can't update keys: get_feature_flag_key, type on Experiment")


def test_a_legacy_experiment_changes_its_words_and_its_end_alone(talk: Any) -> None:
    legacy = {"kind": "ExperimentTrendsQuery", "count_query": {}}
    stored = talk.project.apply(
        "stored_experiment", {"name": "old", "feature_flag_key": "old", "metrics": [legacy]}
    )
    path = f"experiments/{stored['id']}/"
    assert talk("PATCH", path, {"name": "older", "feature_flag_key": "old"}).status_code == 200
    answer = talk("PATCH", path, {"holdout_id": None, "archived": False, "name": "x"})
    _refused(
        answer,
        None,
        "This experiment uses legacy metric formats and can only have its name, description, or "
        "end_date updated. Cannot update: archived, holdout",
    )
    for call, text in (("duplicate", "Duplication"), ("copy_to_project", "Copying")):
        answer = talk("POST", f"{path}{call}/", {"target_team_id": 1})
        expected = f"{text} is not supported for experiments using legacy metrics."
        assert (answer.status_code, answer.json()) == (400, {"detail": expected})


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "Query is required to create a saved metric"),
        ({"kind": "ExperimentTrendsQuery"},
         "Invalid metric: legacy metric kind 'ExperimentTrendsQuery' is no longer supported."),
        ({"kind": "TrendsQuery"}, "Invalid metric: metric kind must be 'ExperimentMetric'"),
        ({**RETENTION, "start_handling": "last_seen"}, "Invalid metric: start_handling "),
        ({**MEAN, "conversion_window": 3}, "Invalid metric: conversion_window is set but"),
        ({**MEAN, "source": {"kind": "ActionsNode", "id": 5}}, "Action(s) with ID 5 not found"),
    ],
    ids=["empty", "legacy", "odd kind", "retention", "window", "action"],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["POST", "PATCH"])
def test_a_saved_metric_keeps_the_rules_of_any_metric(
    talk: Any, verb: str, query: Any, text: str
) -> None:
    path = "experiment_saved_metrics/"
    if verb == "PATCH":
        path += f"{talk.made(path, {'name': 'm', 'query': MEAN})['id']}/"
    answer = talk(verb, path, {"name": "m", "query": query})
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"].startswith(text)


def test_a_saved_metrics_uuid_is_the_projects_own(talk: Any) -> None:
    made = talk.made("experiment_saved_metrics/", {"name": "m", "query": {**MEAN, "uuid": "mine"}})
    uuid = made["query"]["uuid"]
    assert uuid != "mine"
    path = f"experiment_saved_metrics/{made['id']}/"
    same = talk("PATCH", path, {"query": {**MEAN, "goal": "decrease"}})
    assert same.json()["query"]["uuid"] == uuid
    _refused(
        talk("PATCH", path, {"query": {**MEAN, "uuid": "mine"}}),
        None,
        "Saved metric UUID cannot be changed",
    )


def test_an_action_deleted_since_does_not_stop_other_changes(talk: Any) -> None:
    action = talk.made("actions/", {"name": "a", "steps": [{"event": "e"}]})["id"]
    metric = {**MEAN, "source": {"kind": "ActionsNode", "id": action}}
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n", "metrics": [metric]})
    saved = talk.made("experiment_saved_metrics/", {"name": "m", "query": metric})
    talk("PATCH", f"actions/{action}/", {"deleted": True})
    changed = [{**made["metrics"][0], "goal": "decrease"}]
    answer = talk("PATCH", f"experiments/{made['id']}/", {"metrics": changed})
    assert answer.status_code == 200, answer.text
    query = {**saved["query"], "goal": "decrease"}
    path = f"experiment_saved_metrics/{saved['id']}/"
    assert talk("PATCH", path, {"query": query}).status_code == 200


UNKNOWN_ROLE = "6f1d3b8e-2f52-4a2b-9f6a-0d8a3f5f7a11"


@pytest.mark.parametrize(
    ("change", "attr", "text"),
    [
        ({"bypass_roles": [UNKNOWN_ROLE]}, "bypass_roles", f"Roles do not exist: {UNKNOWN_ROLE}"),
        ({"bypass_roles": ["boss"]}, "bypass_roles__0", "Must be a valid UUID."),
        ({"bypass_org_membership_levels": ["boss"]}, "bypass_org_membership_levels",
         "All membership levels must be integers"),
        ({"approver_config": {"quorum": 0}}, "approver_config", "Quorum must be at least 1"),
    ],
    ids=["unknown role", "no role", "level", "quorum"],
)  # fmt: skip
def test_a_policy_names_what_there_is(talk: Any, change: Any, attr: str, text: str) -> None:
    body = {"action_key": "feature_flag.update", "approver_config": {"quorum": 1}}
    _refused(talk("POST", "approval_policies/", {**body, **change}), attr, text)
    made = talk.made("approval_policies/", body)
    _refused(talk("PATCH", f"approval_policies/{made['id']}/", change), attr, text)


@pytest.mark.parametrize(
    ("body", "attr", "text"),
    [
        ({"target_url_contains": "/p"}, "target_url_contains", "$pageview"),
        ({"target_properties": [{"key": "a"}]}, "target_properties", "requires target_event"),
        ({"target_event": "a", "metric_event": "a"}, "metric_event", "must differ"),
        ({"metric_properties": [{"key": "a"}]}, "metric_properties", "requires metric_event"),
        ({"target_event": "a", "target_properties": [{"key": "k", "type": "cohort"}]},
         "target_properties", "event and person"),
        ({"target_event": "a", "target_properties": [{"key": "k"}] * 11}, "target_properties",
         "no more than 10"),
        ({"previous_experiments_limit": 26}, "previous_experiments_limit", "less than or equal"),
        ({"shared_metrics_limit": 0}, "shared_metrics_limit", "greater than or equal"),
    ],
)  # fmt: skip
def test_a_setup_that_cannot_be_looked_up_is_refused(
    talk: Any, body: Any, attr: str, text: str
) -> None:
    _refused(talk("POST", "experiments/setup_context/", body), attr, text)


@pytest.mark.parametrize("call", ["end", "ship_variant"])
def test_a_repository_is_checked_even_where_it_is_not_used(talk: Any, call: str) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    talk("POST", f"experiments/{made['id']}/launch/")
    body = {"variant_key": "test", "repository": "web"}
    answer = talk("POST", f"experiments/{made['id']}/{call}/", body)
    _refused(answer, "repository", "organization/repository")


def test_levels_out_of_range_are_stored_and_the_defaults_are_used(talk: Any) -> None:
    odd = {"method": "bayesian", "bayesian": {"ci_level": 7}, "frequentist": "none"}
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n", "stats_config": odd})
    assert made["stats_config"] == odd


def test_the_result_of_a_legacy_metric_is_refused_in_a_clear_sentence(talk: Any) -> None:
    legacy = {"kind": "ExperimentFunnelsQuery", "name": "Sign-ups", "funnels_query": {}}
    stored = talk.project.apply(
        "stored_experiment",
        {"name": "o", "feature_flag_key": "o", "metrics": [legacy], "start_date": "2026-03-01"},
    )
    query = {"kind": "ExperimentQuery", "experiment_id": stored["id"], "metric": legacy}
    answer = talk("POST", "query/", {"query": query})
    assert answer.status_code == 400
    assert (
        "Metric 'Sign-ups' is a legacy metric (ExperimentFunnelsQuery)" in answer.json()["detail"]
    )


def test_what_was_stored_before_is_not_judged_again(talk: Any) -> None:
    baseline = {"method": "bayesian", "baseline_variant_key": "test"}
    made = talk.made(
        "experiments/", {"name": "n", "feature_flag_key": "n", "stats_config": baseline}
    )
    flag = f"feature_flags/{made['feature_flag']['id']}/"
    talk("PATCH", flag, {"filters": {"multivariate": {"variants": RED_BLUE}}})
    path = f"experiments/{made['id']}/"
    assert talk("PATCH", path, {"name": "m"}).status_code == 200
    text = "Invalid baseline_variant_key: 'test'. Must be one of: blue, red"
    _refused(talk("PATCH", path, {"stats_config": baseline}), None, text)


def test_a_baseline_must_survive_a_change_of_the_variants(talk: Any) -> None:
    config = {"feature_flag": _split(*RED_BLUE)}
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n", **config})
    others = [{"key": key, "rollout_percentage": 50} for key in ("green", "blue")]
    answer = talk("PATCH", f"experiments/{made['id']}/", {"feature_flag": _split(*others)})
    _refused(answer, None, "Invalid baseline_variant_key: 'red'. Must be one of: blue, green")
