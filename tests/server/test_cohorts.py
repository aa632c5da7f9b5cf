"""Exposure cohorts: who becomes a member, what a cohort does, and why one is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exp_jupyter.server.clock import FrozenClock
from exp_jupyter.server.events.columns import person_number
from exp_jupyter.server.services.people.capture import project_token

MEMBERS = {"key": "id", "type": "cohort", "operator": "in"}
PURCHASES = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "source": {"kind": "EventsNode", "event": "purchase"},
}


@pytest.fixture
def running(talk: Any, clock: FrozenClock) -> dict[str, Any]:
    """A running experiment that ada and bob have seen, and cleo has not."""
    made = talk.made("experiments/", {"name": "Door", "feature_flag_key": "door"})
    launched: dict[str, Any] = talk("POST", f"experiments/{made['id']}/launch/").json()
    happen(talk, clock, ada="control", bob="test", cleo=None)
    clock.advance(timedelta(days=1))
    return launched


def happen(talk: Any, clock: FrozenClock, **shown: str | None) -> None:
    rows = []
    for minutes, (who, variant) in enumerate(shown.items(), 1):
        moment = (clock.now() + timedelta(minutes=minutes)).isoformat()
        if variant:
            call = {"$feature_flag": "door", "$feature_flag_response": variant}
            rows.append(event("$feature_flag_called", who, moment, call))
        rows.append(event("purchase", who, moment, {}))
    talk.project.events.append(rows)


def event(name: str, who: str, moment: str, properties: dict[str, Any]) -> dict[str, Any]:
    told = {"event": name, "distinct_id": who, "timestamp": moment}
    return {**told, "properties": properties}


def cohort_of(talk: Any, experiment: dict[str, Any]) -> dict[str, Any]:
    made = talk.made(f"experiments/{experiment['id']}/create_exposure_cohort_for_experiment/", None)
    found: dict[str, Any] = made["cohort"]
    return found


def flag_by_cohort(talk: Any, value: Any, operator: str = "in") -> None:
    condition = {**MEMBERS, "operator": operator, "value": value}
    groups = [{"properties": [condition], "rollout_percentage": 100}]
    talk.made("feature_flags/", {"key": "for-members", "filters": {"groups": groups}})


def flag_of(talk: Any, who: str) -> dict[str, Any]:
    with talk.project.store.read() as work:
        token = project_token(work)
    body = {"api_key": token, "distinct_id": who}
    found: dict[str, Any] = talk.raw("POST", "/flags/?v=2", None, json=body).json()
    return found["flags"]["for-members"]


def sums(talk: Any, experiment: dict[str, Any], metric: dict[str, Any]) -> list[float]:
    query = {"kind": "ExperimentQuery", "experiment_id": experiment["id"], "metric": metric}
    answer = talk("POST", "query/", {"query": query})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [body["baseline"]["sum"], body["variant_results"][0]["sum"]]


def test_those_exposed_by_now_become_the_experiments_cohort(
    talk: Any, clock: FrozenClock, running: dict[str, Any]
) -> None:
    made = cohort_of(talk, running)
    assert made["name"] == 'Users exposed to experiment "Door"'
    assert (made["count"], made["is_static"], made["experiment_set"]) == (2, True, [running["id"]])
    shown = talk("GET", f"experiments/{running['id']}/").json()
    assert shown["exposure_cohort"] == made["id"]
    happen(talk, clock, cleo="test")
    assert talk("GET", f"cohorts/{made['id']}/").json() == made
    listed = talk("GET", "cohorts/").json()
    assert (listed["count"], listed["results"]) == (1, [made])


def test_a_cohort_is_refused_to_a_draft_and_given_once(talk: Any, running: dict[str, Any]) -> None:
    draft = talk.made("experiments/", {"name": "Window", "feature_flag_key": "window"})
    ask = "experiments/{}/create_exposure_cohort_for_experiment/"
    refused = talk("POST", ask.format(draft["id"]))
    assert refused.status_code == 400
    assert refused.json() == {
        "type": "validation_error",
        "code": "invalid_input",
        "detail": "Experiment does not have a start date",
        "attr": None,
    }
    cohort_of(talk, running)
    again = talk("POST", ask.format(running["id"]))
    assert again.status_code == 400
    assert again.json()["detail"] == "Experiment already has an exposure cohort"
    assert talk("GET", "cohorts/").json()["count"] == 1
    assert talk("POST", ask.format(999)).status_code == 404
    assert talk("GET", "cohorts/999/").status_code == 404
    assert talk("POST", ask.format(running["id"]), role="reader").status_code == 403
    assert talk("GET", "cohorts/", role="reader").status_code == 403


def test_exposure_criteria_decide_who_becomes_a_member(talk: Any, running: dict[str, Any]) -> None:
    criteria = {"activation_config": {"event": "purchase"}, "exclusions": []}
    talk("PATCH", f"experiments/{running['id']}/", {"exposure_criteria": criteria})
    assert cohort_of(talk, running)["count"] == 2
    other = talk.made("experiments/", {"name": "Gate", "feature_flag_key": "gate"})
    criteria = {"activation_config": {"event": "never"}}
    talk("PATCH", f"experiments/{other['id']}/", {"exposure_criteria": criteria})
    talk("POST", f"experiments/{other['id']}/launch/")
    assert cohort_of(talk, other)["count"] == 0


def test_metrics_and_exclusions_know_the_members(
    talk: Any, clock: FrozenClock, running: dict[str, Any]
) -> None:
    made = cohort_of(talk, running)
    happen(talk, clock, cleo="test", ada=None)
    clock.advance(timedelta(days=1))
    assert sums(talk, running, PURCHASES) == [2, 2]
    node = {**PURCHASES["source"], "properties": [{**MEMBERS, "value": made["id"]}]}  # type: ignore[dict-item]
    assert sums(talk, running, {**PURCHASES, "source": node}) == [2, 1]
    criteria = {"exclusions": [{**MEMBERS, "value": made["id"]}]}
    talk("PATCH", f"experiments/{running['id']}/", {"exposure_criteria": criteria})
    assert sums(talk, running, PURCHASES) == [0, 1]


def test_a_metric_on_a_cohort_that_is_not_there_is_refused(
    talk: Any, running: dict[str, Any]
) -> None:
    node = {**PURCHASES["source"], "properties": [{**MEMBERS, "value": 7}]}  # type: ignore[dict-item]
    query = {"kind": "ExperimentQuery", "experiment_id": running["id"]}
    query["metric"] = {**PURCHASES, "source": node}
    answer = talk("POST", "query/", {"query": query})
    assert answer.status_code == 400
    assert "Cohort 7 is not known" in answer.json()["detail"]


def test_an_exclusion_by_an_events_property_is_refused_when_it_is_saved(
    talk: Any, running: dict[str, Any]
) -> None:
    criteria = {"exclusions": [{"key": "plan", "type": "event", "value": "free"}]}
    answer = talk("PATCH", f"experiments/{running['id']}/", {"exposure_criteria": criteria})
    assert (answer.status_code, answer.json()["attr"]) == (400, "exposure_criteria")


@pytest.mark.parametrize(
    ("operator", "for_ada", "for_cleo"), [("in", True, False), ("not_in", False, True)]
)
def test_a_flag_goes_by_the_members(
    talk: Any, running: dict[str, Any], operator: str, for_ada: bool, for_cleo: bool
) -> None:
    flag_by_cohort(talk, cohort_of(talk, running)["id"], operator)
    assert flag_of(talk, "ada")["enabled"] is for_ada
    assert flag_of(talk, "cleo")["enabled"] is for_cleo


def test_a_flag_on_a_cohort_that_is_not_there_is_not_decided(talk: Any) -> None:
    flag_by_cohort(talk, 7)
    found = flag_of(talk, "ada")
    assert found["failed"] is True
    assert "there is no cohort '7'" in found["reason"]["description"]


def test_whoever_turns_out_to_be_a_member_is_one(talk: Any, running: dict[str, Any]) -> None:
    made = cohort_of(talk, running)
    flag_by_cohort(talk, made["id"])
    talk.project.events.listed.merge_person(person_number("ada"), person_number("cleo"))
    assert flag_of(talk, "ada")["enabled"] is flag_of(talk, "cleo")["enabled"] is True
    node = {**PURCHASES["source"], "properties": [{**MEMBERS, "value": made["id"]}]}  # type: ignore[dict-item]
    assert sums(talk, running, {**PURCHASES, "source": node}) == [2, 1]
