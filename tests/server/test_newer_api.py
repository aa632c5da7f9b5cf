"""What the present API has beside the contract: tags, activity, freezing, health, baselines."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from exp_jupyter.server.services.people.capture import project_token

MEAN = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "source": {"kind": "EventsNode", "event": "buy"},
}
RED_BLUE = [{"key": "red", "rollout_percentage": 50}, {"key": "blue", "rollout_percentage": 50}]


def _experiment(talk: Any, key: str = "n", **fields: Any) -> dict[str, Any]:
    body = {"name": f"On {key}", "feature_flag_key": key, "allow_unknown_events": True}
    made: dict[str, Any] = talk.made("experiments/", {**body, **fields})
    return made


def _launched(talk: Any, key: str = "n", **fields: Any) -> dict[str, Any]:
    made = _experiment(talk, key, **fields)
    launched: dict[str, Any] = talk("POST", f"experiments/{made['id']}/launch/").json()
    return launched


def _codes(talk: Any, number: int) -> list[tuple[str, str | None]]:
    findings = talk("GET", f"experiments/{number}/").json()["health"]["findings"]
    return [(finding["code"], finding["subcode"]) for finding in findings]


# ---------------------------------------------------------------- tags


def test_tags_are_trimmed_and_in_lower_case_each_once(talk: Any) -> None:
    made = _experiment(talk, tags=[" Growth ", "growth", "Q3"])
    assert made["tags"] == ["growth", "q3"]


def test_lists_are_narrowed_by_tags(talk: Any) -> None:
    numbers = {
        key: _experiment(talk, key, tags=tags)["id"]
        for key, tags in (("a", ["growth", "shared"]), ("b", ["shared"]), ("c", []))
    }

    def matching(**query: Any) -> set[str]:
        wanted = {name: json.dumps(tags) for name, tags in query.items()}
        found = talk("GET", "experiments/matching_ids/", **wanted).json()
        assert found["total"] == len(found["ids"])
        listed = talk("GET", "experiments/", **wanted).json()
        assert [entry["id"] for entry in listed["results"]] == found["ids"]
        return {key for key, number in numbers.items() if number in found["ids"]}

    assert matching() == {"a", "b", "c"}
    assert matching(tags=["growth"]) == {"a"}
    assert matching(excluded_tags=["growth"]) == {"b", "c"}
    assert matching(tags=["shared"], excluded_tags=["growth"]) == {"b"}


def test_tags_of_several_experiments_change_at_once(talk: Any) -> None:
    first, second = (_experiment(talk, key, tags=["old"])["id"] for key in "ab")
    path = "experiments/bulk_update_tags/"

    def changed(action: str, tags: list[str]) -> Any:
        return talk("POST", path, {"ids": [first, second, 99], "action": action, "tags": tags})

    assert changed("add", [" New"]).json() == {
        "updated": [{"id": n, "tags": ["new", "old"]} for n in (first, second)],
        "skipped": [{"id": 99, "reason": "Not found or no edit access"}],
    }
    assert changed("remove", ["old"]).json()["updated"][0]["tags"] == ["new"]
    assert changed("set", []).json()["updated"][0]["tags"] == []
    refused = changed("add", [" "])
    assert (refused.status_code, refused.json()["attr"]) == (400, "tags__0")
    refused = changed("remove", [])
    assert refused.json()["detail"] == "tags must not be empty for action 'remove'."


# ---------------------------------------------------------------- the activity log


def test_the_log_tells_what_changed_newest_first(talk: Any) -> None:
    made = _experiment(talk)
    path = f"experiments/{made['id']}/"
    talk("PATCH", path, {"description": "new"})
    found = talk("GET", f"{path}activity/", limit=50).json()
    newest = found["results"][0]
    assert (newest["activity"], newest["scope"]) == ("updated", "Experiment")
    assert newest["item_id"] == str(made["id"])
    assert newest["user"]["email"] == "owner@example.com"
    (change,) = newest["detail"]["changes"]
    assert (change["field"], change["before"], change["after"]) == ("description", None, "new")
    assert {entry["scope"] for entry in found["results"]} == {"Experiment", "FeatureFlag"}
    assert found["total_count"] == len(found["results"])


def test_the_log_of_one_experiment_is_about_it_alone(talk: Any) -> None:
    # Experiments, flags, holdouts and saved metrics all begin to count at 1.
    holdout = talk.made(
        "experiment_holdouts/", {"name": "h", "filters": [{"rollout_percentage": 5}]}
    )["id"]
    saved = talk.made("experiment_saved_metrics/", {"name": "m", "query": MEAN})["id"]
    first = _experiment(talk, "a", holdout_id=holdout, saved_metrics_ids=[{"id": saved}])
    second = _experiment(talk, "b")
    talk("PATCH", f"experiment_holdouts/{holdout}/", {"name": "h2"})
    talk("PATCH", f"experiment_saved_metrics/{saved}/", {"name": "m2"})

    def kinds(number: int) -> set[tuple[str, str | None, str]]:
        found = talk("GET", f"experiments/{number}/activity/", limit=100).json()["results"]
        return {(e["scope"], e["detail"]["type"], e["detail"]["name"]) for e in found}

    assert kinds(first["id"]) == {
        ("Experiment", None, "On a"),
        ("Experiment", "holdout", "h"),
        ("Experiment", "holdout", "h2"),
        ("Experiment", "shared_metric", "m"),
        ("Experiment", "shared_metric", "m2"),
        ("Experiment", "saved_metric_config", "m"),
        ("FeatureFlag", None, "a"),
    }
    assert kinds(second["id"]) == {("Experiment", None, "On b"), ("FeatureFlag", None, "b")}


def test_a_key_that_may_not_see_flags_sees_no_entries_of_flags(talk: Any) -> None:
    made = _experiment(talk)
    found = talk("GET", f"experiments/{made['id']}/activity/", role="experimenter").json()
    assert {entry["scope"] for entry in found["results"]} == {"Experiment"}


def test_what_the_calculator_recommends_is_no_news(talk: Any) -> None:
    made = _experiment(talk, running_time_calculation={"recommended_sample_size": 10})
    path = f"experiments/{made['id']}/"
    before = talk("GET", f"{path}activity/").json()["total_count"]
    talk("PATCH", path, {"running_time_calculation": {"recommended_sample_size": 12}})
    assert talk("GET", f"{path}activity/").json()["total_count"] == before


def test_shipping_and_deleting_are_entries_of_their_own(talk: Any) -> None:
    made = _launched(talk)
    path = f"experiments/{made['id']}/"
    talk("POST", f"{path}ship_variant/", {"variant_key": "test"})
    entry = talk("GET", f"{path}activity/").json()["results"][0]
    (change,) = entry["detail"]["changes"]
    assert entry["activity"] == "variant_shipped"
    assert (change["field"], change["after"]) == ("shipped_variant", "test")


def test_the_log_comes_in_pages(talk: Any) -> None:
    made = _experiment(talk)
    path = f"experiments/{made['id']}/"
    for text in "abc":
        talk("PATCH", path, {"description": text})
    first = talk("GET", f"{path}activity/", limit=2).json()
    assert (len(first["results"]), first["previous"]) == (2, None)
    assert first["next"].endswith("limit=2&page=2")
    second = talk("GET", f"{path}activity/", limit=2, page=2).json()
    assert second["results"][0]["id"] not in {entry["id"] for entry in first["results"]}


# ---------------------------------------------------------------- freezing exposure


def _exposed(talk: Any, *people: str) -> None:
    called = {"$feature_flag": "n", "$feature_flag_response": "test"}
    now = talk.project.store.clock.now().isoformat()
    talk.project.apply(
        "events",
        {
            "rows": [
                {
                    "event": "$feature_flag_called",
                    "distinct_id": who,
                    "timestamp": now,
                    "properties": called,
                }
                for who in people
            ]
        },
    )


def test_freezing_lets_nobody_new_in_and_unfreezing_takes_back_exactly_that(talk: Any) -> None:
    made = _launched(talk)
    path = f"experiments/{made['id']}/"
    groups = [{"properties": [], "rollout_percentage": 80, "description": "everybody"}]
    flag = f"feature_flags/{made['feature_flag']['id']}/"
    talk("PATCH", flag, {"filters": {"groups": groups}})
    assert talk("GET", path).json()["can_freeze_exposure"] is True
    _exposed(talk, "ann", "bob")
    frozen = talk("POST", f"{path}freeze_exposure/")
    assert frozen.status_code == 200, frozen.text
    body = frozen.json()
    assert (body["status"], body["end_date"]) == ("exposure_frozen", None)
    assert body["feature_flag"]["active"] is True
    assert body["can_freeze_exposure"] is False
    (group,) = body["feature_flag"]["filters"]["groups"]
    cohort = group["exposure_frozen_cohort"]
    assert group["exposure_frozen"] is True
    assert group["properties"][0]["type"] == "cohort"
    assert group["properties"][0]["value"] == cohort
    assert group["description"].startswith("Added automatically when the experiment exposure was")
    assert group["description"].endswith(" everybody")
    assert talk("GET", f"cohorts/{cohort}/").json()["count"] == 2
    again = talk("POST", f"{path}freeze_exposure/")
    assert again.json()["detail"] == "Experiment exposure is already frozen."
    # Somebody adds a condition meanwhile: it stays.
    mine = {"key": "plan", "type": "person", "operator": "exact", "value": "pro"}
    changed = {**group, "properties": [*group["properties"], mine]}
    talk("PATCH", flag, {"filters": {"groups": [changed]}})
    back = talk("POST", f"{path}unfreeze_exposure/").json()
    assert back["status"] == "running"
    assert back["feature_flag"]["filters"]["groups"] == [{**groups[0], "properties": [mine]}]
    assert talk("GET", f"cohorts/{cohort}/").status_code == 404
    assert talk("POST", f"{path}unfreeze_exposure/").status_code == 400


def test_while_frozen_only_those_who_were_exposed_are_served(talk: Any) -> None:
    made = _launched(talk)
    path = f"experiments/{made['id']}/"
    _exposed(talk, "ann")

    def served(who: str) -> Any:
        with talk.project.store.read() as work:
            token = project_token(work)
        body = {"api_key": token, "distinct_id": who}
        return talk.raw("POST", "/flags/?v=2", None, json=body).json()["flags"]["n"]["enabled"]

    assert (served("ann"), served("bob")) == (True, True)
    talk("POST", f"{path}freeze_exposure/")
    assert (served("ann"), served("bob")) == (True, False)
    talk("POST", f"{path}unfreeze_exposure/")
    assert (served("ann"), served("bob")) == (True, True)


@pytest.mark.parametrize("state", ["draft", "ended", "paused", "about groups"])
def test_only_a_running_experiment_on_persons_can_be_frozen(talk: Any, state: str) -> None:
    config = {"filters": {"aggregation_group_type_index": 0}} if state == "about groups" else {}
    made = _experiment(talk, feature_flag=config or None)
    path = f"experiments/{made['id']}/"
    if state != "draft":
        talk("POST", f"{path}launch/")
    if state in ("ended", "paused"):
        talk("POST", f"{path}{'end' if state == 'ended' else 'pause'}/", {})
    assert talk("GET", path).json()["can_freeze_exposure"] is False
    for call in ("freeze_exposure", "unfreeze_exposure"):
        assert talk("POST", f"{path}{call}/").status_code == 400


def test_frozen_is_a_status_of_the_list_and_paused_beats_it(talk: Any) -> None:
    made = _launched(talk)
    path = f"experiments/{made['id']}/"
    talk("POST", f"{path}freeze_exposure/")

    def counts() -> list[int]:
        return [
            talk("GET", "experiments/", status=status).json()["count"]
            for status in ("running", "exposure_frozen", "paused")
        ]

    assert counts() == [0, 1, 0]
    talk("POST", f"{path}pause/")
    assert counts() == [0, 0, 1]
    assert talk("GET", path).json()["status"] == "paused"
    talk("POST", f"{path}resume/")
    flag = talk("GET", path).json()["feature_flag"]
    groups = [*flag["filters"]["groups"], {"properties": [], "rollout_percentage": 5}]
    talk("PATCH", f"feature_flags/{flag['id']}/", {"filters": {"groups": groups}})
    assert counts() == [1, 0, 0]


# ---------------------------------------------------------------- health


def test_health_says_what_contradicts_itself(talk: Any) -> None:
    made = _experiment(talk, metrics=[MEAN])
    number, flag = made["id"], f"feature_flags/{made['feature_flag']['id']}/"
    assert _codes(talk, number) == []
    talk("PATCH", flag, {"active": True})
    early = "not_started_but_multiple_variants_rolled_out"
    assert _codes(talk, number) == [("flag_live_before_launch", early)]
    talk("POST", f"experiments/{number}/launch/")
    assert _codes(talk, number) == []
    talk("PATCH", flag, {"filters": {"groups": [{"properties": [], "rollout_percentage": 0}]}})
    assert _codes(talk, number) == [("flag_off_while_running", "running_but_no_rollout")]
    shipped = [
        {"key": "control", "rollout_percentage": 0},
        {"key": "test", "rollout_percentage": 100},
    ]
    open_ = {"groups": [{"properties": [], "rollout_percentage": 100}]}
    talk("PATCH", flag, {"filters": {**open_, "multivariate": {"variants": shipped}}})
    one = ("variant_shipped_while_running", "running_but_single_variant_shipped")
    assert _codes(talk, number) == [one]
    finding = talk("GET", f"experiments/{number}/").json()["health"]["findings"][0]
    assert (finding["evidence"], finding["diagnostic_ref"]) == ({"variant_key": "test"}, "A5")
    talk("PATCH", flag, {"active": False})
    assert _codes(talk, number) == [("flag_off_while_running", "running_but_flag_disabled")]
    talk("POST", f"experiments/{number}/end/", {})
    assert _codes(talk, number) == []
    split = made["feature_flag"]["filters"]["multivariate"]
    talk("PATCH", flag, {"active": True, "filters": {**open_, "multivariate": split}})
    late = "ended_but_multiple_variants_rolled_out"
    assert _codes(talk, number) == [("flag_live_after_end", late)]


def test_an_experiment_without_a_metric_is_odd_a_saved_one_counts(talk: Any) -> None:
    saved = talk.made("experiment_saved_metrics/", {"name": "m", "query": MEAN})["id"]
    assert _codes(talk, _experiment(talk, "a")["id"]) == [("no_metric", None)]
    assert _codes(talk, _experiment(talk, "b", saved_metrics_ids=[{"id": saved}])["id"]) == []


# ---------------------------------------------------------------- baselines


def test_the_first_variant_is_the_baseline_where_there_is_no_control(talk: Any) -> None:
    made = _experiment(talk, feature_flag={"filters": {"multivariate": {"variants": RED_BLUE}}})
    assert made["stats_config"]["baseline_variant_key"] == "red"
    path = f"experiments/{made['id']}/"
    assert talk("POST", f"{path}launch/").status_code == 200
    refused = talk("PATCH", path, {"excluded_variants": ["red"]})
    assert refused.json()["detail"] == "baseline variant cannot be excluded ('red')"
    copy = talk.made(f"{path}duplicate/", {"feature_flag_key": "copy"})
    assert copy["stats_config"]["baseline_variant_key"] == "red"
    query = {"kind": "ExperimentQuery", "experiment_id": made["id"], "metric": MEAN}
    answer = talk("POST", "query/", {"query": query})
    assert answer.status_code == 200, answer.text
    assert answer.json()["baseline"]["key"] == "red"


def test_a_flag_without_control_can_be_linked_and_its_first_variant_compares(talk: Any) -> None:
    filters = {"groups": [{"rollout_percentage": 100}], "multivariate": {"variants": RED_BLUE}}
    talk.made("feature_flags/", {"key": "there", "filters": filters})
    made = _launched(talk, "there", start_date=None)
    query = {"kind": "ExperimentQuery", "experiment_id": made["id"], "metric": MEAN}
    answer = talk("POST", "query/", {"query": query}).json()
    assert answer["baseline"]["key"] == "red"


def test_control_needs_no_word_wherever_it_stands(talk: Any) -> None:
    variants = [RED_BLUE[0], {"key": "control", "rollout_percentage": 50}]
    made = _experiment(talk, feature_flag={"filters": {"multivariate": {"variants": variants}}})
    assert made["stats_config"] == {"method": "bayesian"}


def test_an_odd_spelling_is_control_only_where_nothing_else_is(talk: Any) -> None:
    variants = [{"key": "Control", "split_percent": 50}, {"key": "control", "split_percent": 50}]
    made = _experiment(talk, feature_flag={"filters": {"multivariate": {"variants": variants}}})
    flag = made["feature_flag"]["filters"]["multivariate"]["variants"]
    assert [variant["key"] for variant in flag] == ["Control", "control"]


# ---------------------------------------------------------------- saved metrics in an experiment


def test_a_link_brings_its_own_breakdowns(talk: Any) -> None:
    query = {**MEAN, "breakdownFilter": {"breakdowns": [{"property": "plan"}]}}
    saved = talk.made("experiment_saved_metrics/", {"name": "m", "query": query})["id"]
    own = {"type": "secondary", "breakdowns": [{"property": "$os"}], "breakdown_limit": 3}
    plain, broken = (
        _experiment(talk, key, saved_metrics_ids=[{"id": saved, "metadata": metadata}])
        for key, metadata in (("a", {"type": "whatever"}), ("b", own))
    )
    link = plain["saved_metrics"][0]
    assert link["effective_query"]["breakdownFilter"] == {"breakdowns": []}
    assert plain["primary_metrics_ordered_uuids"] == [link["query"]["uuid"]]
    link = broken["saved_metrics"][0]
    assert link["effective_query"]["breakdownFilter"] == {
        "breakdowns": [{"property": "$os"}],
        "breakdown_limit": 3,
    }
    assert broken["secondary_metrics_ordered_uuids"] == [link["query"]["uuid"]]
    many = {"type": "primary", "breakdowns": [{"property": name} for name in "abcd"]}
    refused = talk(
        "PATCH",
        f"experiments/{plain['id']}/",
        {"saved_metrics_ids": [{"id": saved, "metadata": many}]},
    )
    assert (refused.status_code, refused.json()["attr"]) == (400, "saved_metrics_ids")


# ---------------------------------------------------------------- the rest


def test_a_repository_is_kept_in_lower_case(talk: Any) -> None:
    assert _experiment(talk, repository="Acme/Web")["repository"] == "acme/web"


def test_no_cleanup_of_a_flags_code_is_at_work(talk: Any) -> None:
    path = f"experiments/{_experiment(talk)['id']}/"
    assert talk("GET", f"{path}flag_cleanup_task/").status_code == 404
    target = {"repository": None, "source": "no_integration", "candidates": []}
    assert talk("GET", f"{path}flag_cleanup_target/").json() == target


def test_the_setup_of_an_experiment_starts_from_numbers(talk: Any) -> None:
    now = talk.project.store.clock.now()

    def row(event: str, who: str, hours: int, **properties: Any) -> dict[str, Any]:
        moment = (now - timedelta(hours=hours)).isoformat()
        return {
            "event": event,
            "distinct_id": who,
            "timestamp": moment,
            "properties": properties,
        }

    rows = [
        row("open", "ann", 9, plan="pro"), row("buy", "ann", 8), row("buy", "ann", 7),
        row("open", "bob", 9, plan="pro"), row("buy", "bob", 10),
        row("open", "cem", 9, plan="free"), row("buy", "cem", 1),
        row("buy", "dee", 1),
    ]  # fmt: skip
    talk.project.apply("events", {"rows": rows})
    talk.made("experiment_saved_metrics/", {"name": "m", "query": MEAN})
    _experiment(talk, "a")
    pro = {"key": "plan", "operator": "exact", "type": "event", "value": "pro"}
    asked = {"target_event": "open", "target_properties": [pro], "metric_event": "buy"}
    answer = talk("POST", "experiments/setup_context/", asked)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {section["status"] for section in found.values()} == {"ok"}
    metric = found["candidate_metric"]["data"]
    assert (metric["persons_reached"], metric["persons_converted"]) == (2, 1)
    assert metric["conversion_rate"] == 0.5
    assert metric["mean_count_baseline_stats"] == {
        "number_of_samples": 2, "sum": 2, "sum_squares": 4,
    }  # fmt: skip
    sizing = {
        "metric_type": "funnel",
        "minimum_detectable_effect": 10,
        "baseline_stats": metric["funnel_baseline_stats"],
    }
    size = talk("POST", "experiments/calculate_running_time/", sizing).json()
    assert size["baseline_value"] == 0.5
    assert found["target_surface"]["data"]["persons"] == 2
    assert found["previous_experiments"]["data"]["count"] == 1
    assert found["shared_metrics"]["data"]["metrics"][0]["events"] == ["buy"]
    assert found["team_defaults"]["data"]["product_default_confidence_level"] == 0.95
    nothing = talk("POST", "experiments/setup_context/", {}).json()
    assert nothing["candidate_metric"] == {"status": "skipped", "data": None}
    assert talk("POST", "experiments/setup_context/", {}, role="reader").status_code == 403


def test_the_latest_results_name_the_run_at_work(talk: Any) -> None:
    made = _launched(talk, metrics=[MEAN])
    path = f"experiments/{made['id']}/metrics_recalculation/"
    assert talk("GET", f"{path}latest/").status_code == 404
    uuid, fingerprint = made["metrics"][0]["uuid"], made["metrics"][0]["fingerprint"]
    day = {
        "experiment_id": made["id"], "metric_uuid": uuid, "fingerprint": fingerprint,
        "query_from": "2026-03-05T00:00:00Z", "query_to": "2026-03-06T00:00:00Z",
        "status": "completed", "result": {"baseline": {"key": "control"}},
        "completed_at": "2026-03-06T01:00:00Z",
    }  # fmt: skip
    talk.project.apply("metric_results", {"rows": [day]})
    stored = talk("GET", f"{path}latest/").json()
    assert (stored["result_source"], stored["status"]) == ("timeseries_fallback", "completed")
    assert stored["results"][0]["result"] == {"baseline": {"key": "control"}}
    assert stored["active_run"] is None
    job = talk("POST", path, {"trigger": "auto_refresh"}).json()
    assert job["trigger"] == "auto_refresh"
    latest = talk("GET", f"{path}latest/").json()
    assert latest["active_run"] == {"id": job["id"], "status": job["status"]}


def test_an_agents_recalculation_is_known_as_one(talk: Any) -> None:
    made = _launched(talk, metrics=[MEAN])
    answer = talk.raw(
        "POST",
        f"/api/projects/@current/experiments/{made['id']}/metrics_recalculation/",
        talk.project.keys["owner"],
        headers={"X-PostHog-Client": "mcp"},
        json={"trigger": "manual"},
    )
    assert answer.json()["trigger"] == "agent_mcp"


def test_matured_users_follow_the_project_unless_it_is_said(talk: Any) -> None:
    talk.project.apply("project_settings", {"default_only_count_matured_users": True})
    assert _experiment(talk, "a")["only_count_matured_users"] is True
    said = _experiment(talk, "b", only_count_matured_users=False)
    assert said["only_count_matured_users"] is False


def test_an_order_that_was_taken_away_stays_away(talk: Any) -> None:
    made = _experiment(talk, metrics=[MEAN])
    path, sure = f"experiments/{made['id']}/", {"allow_unknown_events": True}
    assert talk("PATCH", path, {"primary_metrics_ordered_uuids": None}).json()[
        "primary_metrics_ordered_uuids"
    ] is None  # fmt: skip
    more = talk("PATCH", path, {"metrics": [*made["metrics"], MEAN], **sure}).json()
    assert more["primary_metrics_ordered_uuids"] is None
