"""Experiments: the turns of their life that no outside scenario takes."""

from __future__ import annotations

from typing import Any

import pytest

from exp_jupyter.schema.metrics.fingerprint import fingerprint

VIEWS = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "source": {"kind": "EventsNode", "event": "$pageview"},
}


def _experiment(talk: Any, key: str = "n", **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = talk.made(
        "experiments/",
        {"name": f"On {key}", "feature_flag_key": key, "allow_unknown_events": True, **fields},
    )
    return made


def _ended(talk: Any, key: str = "n") -> int:
    number = int(_experiment(talk, key)["id"])
    talk("POST", f"experiments/{number}/launch/")
    talk("POST", f"experiments/{number}/end/", {})
    return number


# ---------------------------------------------------------------- flags put away with experiments


def test_a_flag_put_away_with_its_experiment_comes_back_with_it_still_off(talk: Any) -> None:
    number = _ended(talk)
    talk("POST", f"experiments/{number}/archive/", {"disable_feature_flag": True})
    flag = talk("GET", f"experiments/{number}/").json()["feature_flag"]["id"]
    assert talk("GET", f"feature_flags/{flag}/").json()["archived"] is True
    talk("POST", f"experiments/{number}/unarchive/")
    back = talk("GET", f"feature_flags/{flag}/").json()
    assert (back["archived"], back["active"]) == (False, False)


def test_a_flag_put_away_by_hand_is_not_touched(talk: Any) -> None:
    number = _ended(talk)
    flag = talk("GET", f"experiments/{number}/").json()["feature_flag"]["id"]
    talk("PATCH", f"feature_flags/{flag}/", {"active": False, "archived": True})
    talk("POST", f"experiments/{number}/archive/")
    talk("POST", f"experiments/{number}/unarchive/")
    assert talk("GET", f"feature_flags/{flag}/").json()["archived"] is True


def test_without_the_flag_scope_the_flag_stays_put_away(talk: Any) -> None:
    number = _ended(talk)
    talk("POST", f"experiments/{number}/archive/", {"disable_feature_flag": True})
    answer = talk("POST", f"experiments/{number}/unarchive/", role="experimenter")
    assert answer.status_code == 200
    flag = answer.json()["feature_flag"]["id"]
    assert talk("GET", f"feature_flags/{flag}/").json()["archived"] is True


def test_a_flag_that_another_experiment_uses_is_not_disabled(talk: Any) -> None:
    number = _ended(talk)
    talk("POST", f"experiments/{number}/duplicate/", {})
    talk("POST", f"experiments/{number}/archive/", {"disable_feature_flag": True})
    assert talk("GET", f"experiments/{number}/").json()["feature_flag"]["active"] is True


# ---------------------------------------------------------------- changing


def test_a_new_fingerprint_comes_with_a_new_definition_not_with_a_new_name(talk: Any) -> None:
    made = _experiment(talk, metrics=[VIEWS])
    metric = made["metrics"][0]
    assert metric["fingerprint"] == fingerprint(
        VIEWS, None, "bayesian", {"filterTestAccounts": True}
    )
    path, sure = f"experiments/{made['id']}/", {"allow_unknown_events": True}
    renamed = talk("PATCH", path, {"metrics": [{**metric, "name": "Views"}], **sure}).json()
    assert renamed["metrics"][0]["fingerprint"] == metric["fingerprint"]
    launched = talk("POST", f"{path}launch/").json()
    assert launched["metrics"][0]["fingerprint"] == fingerprint(
        VIEWS, launched["start_date"], "bayesian", {"filterTestAccounts": True}
    )


def test_the_order_of_metrics_keeps_step_with_the_metrics(talk: Any) -> None:
    made = _experiment(talk, metrics=[VIEWS, {**VIEWS, "goal": "decrease"}])
    first, second = made["primary_metrics_ordered_uuids"]
    path, sure = f"experiments/{made['id']}/", {"allow_unknown_events": True}
    talk("PATCH", path, {"primary_metrics_ordered_uuids": [second, "gone", first]})
    fewer = talk("PATCH", path, {"metrics": [made["metrics"][1], VIEWS], **sure}).json()
    order = fewer["primary_metrics_ordered_uuids"]
    assert order == [second, "gone", fewer["metrics"][1]["uuid"]]


def test_the_same_uuid_twice_becomes_two(talk: Any) -> None:
    made = _experiment(talk, metrics=[{**VIEWS, "uuid": "u"}, {**VIEWS, "uuid": "u"}])
    uuids = [metric["uuid"] for metric in made["metrics"]]
    assert uuids[0] == "u"
    assert uuids[1] != "u"


@pytest.mark.parametrize(
    ("change", "attr", "part"),
    [
        ({"exposure_criteria": {"filterTestAccounts": "x"}}, "exposure_criteria", "filterTest"),
        ({"metrics": {}}, "metrics", "Metrics must be a list"),
        ({"metrics": [7]}, "metrics", "Invalid metric at index 0"),
        ({"metrics": [{**VIEWS, "metric_type": "funnel"}]}, "metrics", "at least one step"),
        (
            {"feature_flag": {"filters": {}, "surprise": 1}},
            "feature_flag__surprise",
            "Unsupported key",
        ),
        ({"conclusion": "amazing"}, "conclusion", "not a valid choice"),
        ({"name": " "}, "name", "may not be blank"),
        ({"name": "x" * 401}, "name", "no more than 400"),
        ({"type": "web"}, None, "Can't update keys: type"),
        (
            {"start_date": "2026-03-02T00:00:00Z", "end_date": "2026-03-01T00:00:00Z"},
            None,
            "End date must be after",
        ),
        ({"start_date": "yesterday"}, "start_date", "Datetime has wrong format"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_nothing_is_kept(
    talk: Any, change: Any, attr: str | None, part: str
) -> None:
    made = _experiment(talk)
    answer = talk("PATCH", f"experiments/{made['id']}/", {"description": "new", **change})
    assert answer.status_code == 400, answer.text
    assert answer.json()["attr"] == attr
    assert part in answer.json()["detail"]
    kept = talk("GET", f"experiments/{made['id']}/").json()
    assert kept == made


def test_an_experiment_of_the_old_engine_keeps_its_metrics_and_is_not_copied(talk: Any) -> None:
    old = {"kind": "ExperimentTrendsQuery", "count_query": {}}
    number = talk.project.apply(
        "stored_experiment", {"name": "Old", "feature_flag_key": "old", "metrics": [old]}
    )["id"]
    assert talk("GET", f"experiments/{number}/").json()["is_legacy"] is True
    assert talk("PATCH", f"experiments/{number}/", {"name": "Older"}).status_code == 200
    refused = talk("PATCH", f"experiments/{number}/", {"metrics": []})
    assert refused.status_code == 400
    copied = talk("POST", f"experiments/{number}/duplicate/", {})
    assert (copied.status_code, list(copied.json())) == (400, ["detail"])


# ---------------------------------------------------------------- copies, holdouts, saved metrics


def test_a_copy_goes_into_the_own_project_only(talk: Any) -> None:
    made = _experiment(talk)
    path = f"experiments/{made['id']}/copy_to_project/"
    away = talk("POST", path, {"target_team_id": 2})
    assert (away.status_code, away.json()) == (404, {"detail": "Target team not found."})
    here = talk("POST", path, {"target_team_id": 1, "feature_flag_key": "m", "name": "Copy"})
    assert here.status_code == 201
    assert here.json()["feature_flag_key"] == "m"


def test_copies_get_names_of_their_own(talk: Any) -> None:
    made = _experiment(talk)
    names = [
        talk("POST", f"experiments/{made['id']}/duplicate/", {}).json()["name"] for _ in range(3)
    ]
    assert names == ["On n (Copy)", "On n (Copy) 1", "On n (Copy) 2"]


def test_a_holdout_is_written_to_the_flags_of_its_experiments(talk: Any) -> None:
    filters = [{"properties": [], "rollout_percentage": 5, "variant": "x"}]
    holdout = talk.made("experiment_holdouts/", {"name": "H", "filters": filters})
    assert holdout["filters"][0]["variant"] == f"holdout-{holdout['id']}"
    made = _experiment(talk, holdout_id=holdout["id"])
    part = {"id": holdout["id"], "exclusion_percentage": 5}
    assert made["feature_flag"]["filters"]["holdout"] == part
    changed = {"filters": [{**filters[0], "rollout_percentage": 10}]}
    talk("PATCH", f"experiment_holdouts/{holdout['id']}/", changed)
    shown = talk("GET", f"experiments/{made['id']}/").json()
    assert shown["feature_flag"]["filters"]["holdout"]["exclusion_percentage"] == 10
    assert talk("DELETE", f"experiment_holdouts/{holdout['id']}/").status_code == 204
    shown = talk("GET", f"experiments/{made['id']}/").json()
    assert (shown["holdout"], shown["feature_flag"]["filters"]["holdout"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"name": "H"}, None),
        ({"name": "H", "filters": []}, "filters"),
        ({"name": "H", "filters": [{}]}, "filters"),
        ({"name": "H", "filters": [{"rollout_percentage": 101}]}, "filters"),
    ],
)
def test_a_holdout_without_a_share_is_refused(talk: Any, body: Any, attr: str | None) -> None:
    answer = talk("POST", "experiment_holdouts/", body)
    assert (answer.status_code, answer.json()["attr"]) == (400, attr)


def test_saved_metrics_have_names_of_their_own_and_leave_when_removed(talk: Any) -> None:
    saved = talk.made("experiment_saved_metrics/", {"name": "Views", "query": VIEWS})
    again = talk("POST", "experiment_saved_metrics/", {"name": "VIEWS", "query": VIEWS})
    assert again.json()["attr"] == "name"
    made = _experiment(talk, saved_metrics_ids=[{"id": saved["id"]}])
    assert made["saved_metrics"][0]["query"]["fingerprint"]
    assert made["primary_metrics_ordered_uuids"] == [saved["query"]["uuid"]]
    assert talk("DELETE", f"experiment_saved_metrics/{saved['id']}/").status_code == 204
    assert talk("GET", f"experiments/{made['id']}/").json()["saved_metrics"] == []


def test_a_prompt_changed_meanwhile_is_a_conflict(talk: Any) -> None:
    talk.made("llm_prompts/", {"name": "reply", "prompt": "one"})
    path = "llm_prompts/name/reply/"
    assert talk("PATCH", path, {"prompt": "two", "base_version": 1}).json()["version"] == 2
    late = talk("PATCH", path, {"prompt": "three", "base_version": 1})
    assert (late.status_code, late.json()["current_version"]) == (409, 2)
    assert talk("GET", path, version=1).json()["prompt"] == "one"
    assert talk("GET", path).json()["is_latest"] is True


def test_pages_link_to_their_neighbours_and_keep_the_filters(talk: Any) -> None:
    for key in "abc":
        _experiment(talk, key)
    page = talk("GET", "experiments/", order="name", limit="1", offset="1").json()
    assert [entry["name"] for entry in page["results"]] == ["On b"]
    base = "http://p.test/api/projects/@current/experiments/?order=name&limit=1"
    assert (page["previous"], page["next"]) == (base, f"{base}&offset=2")


@pytest.mark.parametrize("value", ["abc", "-1", "0", "", "1.5"])
def test_a_limit_that_is_none_is_the_default(talk: Any, value: str) -> None:
    _experiment(talk)
    assert len(talk("GET", "experiments/", limit=value).json()["results"]) == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"events": "["}, 400),
        ({"events": "{}"}, 400),
        ({"events": "[7]"}, 400),
        ({"actions": '[{"id": 99}]'}, 400),
        ({"actions": '[{"id": "x"}]'}, 400),
        ({"limit": "x"}, 400),
        ({"events": "[" * 5000}, 400),
        ({}, 200),
    ],
)
def test_what_cannot_be_sampled_is_refused(talk: Any, query: Any, status: int) -> None:
    path = "experiments/requires_flag_implementation/"
    assert talk("GET", path, **query).status_code == status
