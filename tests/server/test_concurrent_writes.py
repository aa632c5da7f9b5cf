"""Two people change one experiment: what can be merged is merged, what cannot is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def _mean(event: str, uuid: str, **more: Any) -> dict[str, Any]:
    source = {"kind": "EventsNode", "event": event}
    kind = {"kind": "ExperimentMetric", "metric_type": "mean"}
    return {**kind, "source": source, "uuid": uuid, **more}


def _experiment(talk: Any, **fields: Any) -> dict[str, Any]:
    body = {"name": "Prices", "feature_flag_key": "prices", "allow_unknown_events": True}
    made: dict[str, Any] = talk.made("experiments/", {**body, **fields})
    return made


def _patch(talk: Any, made: dict[str, Any], **fields: Any) -> Any:
    return talk("PATCH", f"experiments/{made['id']}/", {"allow_unknown_events": True, **fields})


def test_every_write_counts_the_version_up(talk: Any) -> None:
    made = _experiment(talk)
    path = f"experiments/{made['id']}/"
    assert made["version"] == 0
    assert _patch(talk, made, description="a").json()["version"] == 1
    assert talk("POST", f"{path}launch/").json()["version"] == 2
    assert talk("POST", f"{path}end/", {}).json()["version"] == 3
    assert talk("GET", path).json()["version"] == 3
    assert talk("GET", "experiments/").json()["results"][0]["version"] == 3


def test_without_a_version_the_last_write_wins(talk: Any) -> None:
    made = _experiment(talk)
    _patch(talk, made, description="theirs")
    assert _patch(talk, made, description="mine").json()["description"] == "mine"


def test_a_stale_version_without_a_base_is_refused_and_writes_nothing(talk: Any) -> None:
    made = _experiment(talk)
    _patch(talk, made, description="theirs")
    answer = _patch(talk, made, name="mine", version=0)
    assert answer.status_code == 409
    body = answer.json()
    assert body["current_version"] == 1
    assert not {"conflicting_fields", "conflicting_metric_uuids"} & set(body)
    assert talk("GET", f"experiments/{made['id']}/").json()["name"] == "Prices"


SCALARS: dict[str, tuple[Any, Any, Any]] = {
    "name": ("Prices", "theirs", "mine"),
    "description": (None, "theirs", "mine"),
    "conclusion": (None, "lost", "won"),
    "conclusion_comment": (None, "theirs", "mine"),
    "stats_config": (
        {"method": "bayesian"},
        {"method": "frequentist"},
        {"method": "bayesian", "bayesian": {"ci_level": 0.9}},
    ),
    "exposure_criteria": (
        {"filterTestAccounts": True},
        {"filterTestAccounts": False},
        {"filterTestAccounts": True, "multiple_variant_handling": "first_seen"},
    ),
    "only_count_matured_users": (False, True, False),
    "parameters": ({}, {"variant_notes": {"test": "a"}}, {"variant_notes": {"test": "b"}}),
    "start_date": (None, "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
    "tags": ([], ["theirs"], ["mine"]),
    "repository": (None, "acme/web", "acme/app"),
}


@pytest.mark.parametrize("field", sorted(SCALARS))
def test_a_field_that_nobody_else_changed_is_changed(talk: Any, field: str) -> None:
    base, theirs, _ = SCALARS[field]
    made = _experiment(talk)
    other = "name" if field != "name" else "description"
    _patch(talk, made, **{other: "meanwhile"})
    answer = _patch(talk, made, version=0, original_experiment={field: base}, **{field: theirs})
    assert answer.status_code == 200, answer.text
    assert answer.json()[other] == "meanwhile"
    assert answer.json()["version"] == 2


@pytest.mark.parametrize("field", sorted(set(SCALARS) - {"only_count_matured_users"}))
def test_a_field_that_both_changed_differently_is_a_conflict(talk: Any, field: str) -> None:
    base, theirs, mine = SCALARS[field]
    made = _experiment(talk)
    assert _patch(talk, made, **{field: theirs}).status_code == 200
    answer = _patch(talk, made, version=0, original_experiment={field: base}, **{field: mine})
    assert answer.status_code == 409, answer.text
    assert answer.json()["conflicting_fields"] == [field]


@pytest.mark.parametrize("field", sorted(SCALARS))
def test_an_echo_of_what_was_seen_leaves_what_others_wrote(talk: Any, field: str) -> None:
    base, theirs, _ = SCALARS[field]
    made = _experiment(talk)
    stored = _patch(talk, made, **{field: theirs}).json()[field]
    answer = _patch(talk, made, version=0, original_experiment={field: base}, **{field: base})
    assert answer.status_code == 200, answer.text
    assert answer.json()[field] == stored
    assert answer.json()["version"] == 1


@pytest.mark.parametrize("field", sorted(SCALARS))
def test_the_same_change_twice_is_one(talk: Any, field: str) -> None:
    base, theirs, _ = SCALARS[field]
    made = _experiment(talk)
    wanted = {field: theirs, "version": 0, "original_experiment": {field: base}}
    assert _patch(talk, made, **wanted).json()["version"] == 1
    again = _patch(talk, made, **wanted)
    assert (again.status_code, again.json()["version"]) == (200, 1)


def test_a_field_without_a_base_conflicts_unless_it_is_so_already(talk: Any) -> None:
    made = _experiment(talk)
    _patch(talk, made, description="theirs")
    stale = {"version": 0, "original_experiment": {"name": "Prices"}}
    assert _patch(talk, made, description="theirs", **stale).status_code == 200
    answer = _patch(talk, made, description="mine", **stale)
    assert (answer.status_code, answer.json()["conflicting_fields"]) == (409, ["description"])


def test_the_calculator_is_merged_key_by_key(talk: Any) -> None:
    plan = {"minimum_detectable_effect": 20, "recommended_sample_size": 1000}
    made = _experiment(talk, running_time_calculation=plan)
    drifted = {**plan, "recommended_sample_size": 1200}
    _patch(talk, made, running_time_calculation=drifted)
    stale = {"version": 0, "original_experiment": {"running_time_calculation": plan}}
    mine = {**plan, "minimum_detectable_effect": 10}
    merged = _patch(talk, made, running_time_calculation=mine, **stale)
    assert merged.json()["running_time_calculation"] == {
        "minimum_detectable_effect": 10,
        "recommended_sample_size": 1200,
    }
    theirs = {**plan, "minimum_detectable_effect": 30}
    answer = _patch(talk, made, running_time_calculation=theirs, **stale)
    assert answer.json()["conflicting_fields"] == ["running_time_calculation"]


def test_the_flags_part_of_parameters_is_no_conflict(talk: Any) -> None:
    made = _experiment(talk)
    flag = made["feature_flag"]["id"]
    talk("PATCH", f"feature_flags/{flag}/", {"filters": {"groups": [{"rollout_percentage": 40}]}})
    _patch(talk, made, description="theirs")
    answer = _patch(
        talk,
        made,
        name="mine",
        parameters=made["parameters"],
        version=0,
        original_experiment={"name": "Prices", "parameters": made["parameters"]},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["parameters"]["rollout_percentage"] == 40


A, B = "aaaa", "bbbb"


@pytest.mark.parametrize(
    ("theirs", "mine", "expected"),
    [
        ([_mean("x", A), _mean("y", "c")], [_mean("x", A), _mean("z", "d")], ["x", "y", "z"]),
        ([_mean("x", A), _mean("y", "c")], [], ["y"]),
        ([_mean("w", A)], [_mean("x", A)], ["w"]),
        ([_mean("x", A)], [_mean("w", A)], ["w"]),
        ([_mean("w", A)], [_mean("w", A)], ["w"]),
        ([], [_mean("x", A)], []),
        ([_mean("w", A)], [_mean("v", A)], None),
        ([_mean("w", A)], [], None),
        ([], [_mean("v", A)], None),
    ],
    ids=[
        "additions of both",
        "my deletion and their addition",
        "their edit",
        "my edit",
        "the same edit",
        "their deletion",
        "two edits",
        "my deletion against their edit",
        "my edit against their deletion",
    ],
)
@pytest.mark.parametrize("field", ["metrics", "metrics_secondary"])
def test_metrics_are_merged_one_by_one(
    talk: Any, field: str, theirs: Any, mine: Any, expected: Any
) -> None:
    base = [_mean("x", A)]
    made = _experiment(talk, **{field: base})
    assert _patch(talk, made, **{field: theirs}).status_code == 200
    answer = _patch(talk, made, version=0, original_experiment={field: base}, **{field: mine})
    if expected is None:
        assert answer.status_code == 409, answer.text
        assert answer.json()["conflicting_metric_uuids"] == [A]
        stored = talk("GET", f"experiments/{made['id']}/").json()[field]
        assert [m["source"]["event"] for m in stored] == [m["source"]["event"] for m in theirs]
    else:
        assert answer.status_code == 200, answer.text
        assert [m["source"]["event"] for m in answer.json()[field]] == expected


def test_a_launch_meanwhile_does_not_look_like_an_edit_of_the_metrics(talk: Any) -> None:
    made = _experiment(talk, metrics=[_mean("x", A)])
    talk("POST", f"experiments/{made['id']}/launch/")
    seen = {"metrics": made["metrics"]}
    changed = [{**made["metrics"][0], "goal": "decrease"}]
    answer = _patch(talk, made, version=0, original_experiment=seen, metrics=changed)
    assert answer.status_code == 200, answer.text
    assert answer.json()["metrics"][0]["goal"] == "decrease"


def test_saved_metrics_are_merged_one_by_one(talk: Any) -> None:
    query = {k: v for k, v in _mean("x", A).items() if k != "uuid"}
    first, second, third = (
        talk.made("experiment_saved_metrics/", {"name": name, "query": query})["id"]
        for name in "abc"
    )
    base = [{"id": first, "metadata": {"type": "primary"}}]
    made = _experiment(talk, saved_metrics_ids=base)
    _patch(talk, made, saved_metrics_ids=[*base, {"id": second}])
    stale = {"version": 0, "original_experiment": {"saved_metrics_ids": base}}
    merged = _patch(talk, made, saved_metrics_ids=[{"id": third}], **stale).json()
    assert [link["saved_metric"] for link in merged["saved_metrics"]] == [second, third]
    answer = _patch(
        talk,
        made,
        saved_metrics_ids=[{"id": first, "metadata": {"type": "secondary"}}],
        **stale,
    )
    assert answer.json()["conflicting_metric_uuids"] == [f"saved_metric:{first}"]


def test_the_order_of_metrics_is_a_hint_and_never_a_conflict(talk: Any) -> None:
    made = _experiment(talk, metrics=[_mean("x", A), _mean("y", B)])
    _patch(talk, made, primary_metrics_ordered_uuids=[B, A])
    answer = _patch(
        talk, made, primary_metrics_ordered_uuids=[A, B], version=0, original_experiment={}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["primary_metrics_ordered_uuids"] == [A, B]


def test_a_base_that_cannot_be_read_is_said(talk: Any) -> None:
    made = _experiment(talk)
    _patch(talk, made, description="theirs")
    answer = _patch(
        talk, made, name="mine", version=0, original_experiment={"start_date": "yesterday"}
    )
    assert answer.status_code == 400
    assert answer.json()["attr"] == "original_experiment__start_date"


UUIDS = ("a", "b", "c", "d")
LISTS = st.dictionaries(st.sampled_from(UUIDS), st.sampled_from(["x", "y", "z"]))


@settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(base=LISTS, theirs=LISTS, mine=LISTS)
def test_a_merge_keeps_what_either_side_did_or_writes_nothing(
    talk: Any, base: dict[str, str], theirs: dict[str, str], mine: dict[str, str]
) -> None:
    def listed(events: dict[str, str]) -> list[dict[str, Any]]:
        return [_mean(event, uuid) for uuid, event in sorted(events.items())]

    made = _experiment(
        talk, metrics=listed(base), feature_flag_key=talk.project.store.identity.new()
    )
    _patch(talk, made, metrics=listed(theirs))
    answer = _patch(
        talk,
        made,
        metrics=listed(mine),
        version=0,
        original_experiment={"metrics": listed(base)},
    )
    stored = talk("GET", f"experiments/{made['id']}/").json()["metrics"]
    found = {metric["uuid"]: metric["source"]["event"] for metric in stored}
    disputed = {
        uuid for uuid in UUIDS if len({base.get(uuid), theirs.get(uuid), mine.get(uuid)}) == 3
    }
    if disputed:
        assert answer.status_code == 409
        assert set(answer.json()["conflicting_metric_uuids"]) == disputed
        assert found == theirs
        return
    assert answer.status_code == 200, answer.text
    for uuid in UUIDS:
        changed = theirs if theirs.get(uuid) != base.get(uuid) else mine
        assert found.get(uuid) == changed.get(uuid)
