"""An application with the official SDK, unmodified, against a served project."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from posthog import Posthog
from posthog.request import reset_sessions

PEOPLE = [f"person-{number}" for number in range(120)]


@dataclass
class Served:
    """A project on loopback: its address, the owner's key, the applications' token."""

    address: str
    key: str
    token: str

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        with httpx.Client(trust_env=False) as client:
            answer = client.request(
                method,
                f"{self.address}/api/projects/@current/{path}",
                headers={"Authorization": f"Bearer {self.key}"},
                json=body,
            )
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "growth"
    process = subprocess.Popen(
        [sys.executable, "-m", "exp_jupyter.command", "serve", str(folder), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert process.stdout
    try:
        lines = [process.stdout.readline().strip() for _ in range(7)]
        address = lines[0].rsplit(" ", 1)[1]
        key = lines[3].partition("=")[2]
        token = lines[6].split("'")[1]
        yield Served(address, key, token)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        reset_sessions()  # the SDK keeps its sockets until Python ends, long after this server
        process.kill()
        process.stdout.close()
        process.wait()


@contextlib.contextmanager
def _application(served: Served, **options: Any) -> Iterator[Posthog]:
    client = Posthog(served.token, host=served.address, flush_interval=0.05, **options)
    try:
        yield client
    finally:
        client.shutdown()


PURCHASES = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Revenue",
    "source": {
        "kind": "EventsNode",
        "event": "purchase",
        "math": "sum",
        "math_property": "revenue",
    },
}


def _launched(served: Served, key: str) -> dict[str, Any]:
    made: dict[str, Any] = served(
        "POST",
        "experiments/",
        {
            "name": key,
            "feature_flag_key": key,
            "metrics": [PURCHASES],
            "allow_unknown_events": True,
            "exposure_criteria": {"filterTestAccounts": False},
        },
    )
    served("POST", f"experiments/{made['id']}/launch/")
    return made


@pytest.mark.parametrize("mode", ["v0", "v1"])
@pytest.mark.parametrize("packed", [False, True])
def test_exposures_and_events_of_an_application_are_counted_by_the_experiment(
    served: Served, mode: str, packed: bool
) -> None:
    experiment = _launched(served, f"checkout-{mode}-{packed}")
    key = experiment["feature_flag_key"]
    with _application(served, gzip=packed, capture_mode=mode) as application:
        arms = {}
        for who in PEOPLE:
            flags = application.evaluate_flags(who, flag_keys=[key])
            arms[who] = flags.get_flag(key)
        application.flush()
        for number, who in enumerate(PEOPLE):
            application.capture("purchase", distinct_id=who, properties={"revenue": float(number)})
    seen = Counter(arms.values())
    assert set(seen) == {"control", "test"}
    metric = served("GET", f"experiments/{experiment['id']}/")["metrics"][0]
    query = {"kind": "ExperimentQuery", "experiment_id": experiment["id"], "metric": metric}
    result = served("POST", "query/", {"query": query})
    sums = dict.fromkeys(seen, 0.0)
    for number, who in enumerate(PEOPLE):
        sums[arms[who]] += number
    control, (test,) = result["baseline"], result["variant_results"]
    assert control["number_of_samples"] == seen["control"]
    assert test["number_of_samples"] == seen["test"]
    assert control["sum"] == pytest.approx(sums["control"])
    assert test["sum"] == pytest.approx(sums["test"])


def test_deciding_flags_in_the_application_gives_the_same_values(served: Served) -> None:
    key = "copy-test"
    flag = {
        "key": key,
        "filters": {
            "groups": [
                {
                    "properties": [
                        {"key": "plan", "type": "person", "operator": "exact", "value": ["pro"]}
                    ],
                    "rollout_percentage": 70,
                }
            ],
            "multivariate": {
                "variants": [
                    {"key": "control", "rollout_percentage": 34},
                    {"key": "warm", "rollout_percentage": 33},
                    {"key": "cold", "rollout_percentage": 33},
                ]
            },
            "payloads": {"warm": '{"hue": 30}'},
        },
    }
    served("POST", "feature_flags/", flag)
    with (
        _application(served) as asking,
        _application(served, secret_key=served.key, enable_local_evaluation=False) as deciding,
    ):
        deciding.load_feature_flags()
        known = {"plan": "pro"}
        for who in PEOPLE:
            theirs = deciding.evaluate_flags(
                who, person_properties=known, flag_keys=[key], only_evaluate_locally=True
            )
            ours = asking.evaluate_flags(who, person_properties=known, flag_keys=[key])
            assert ours.get_flag(key) == theirs.get_flag(key)
            payload = {"hue": 30} if ours.get_flag(key) == "warm" else None
            assert ours.get_flag_payload(key) == payload
        assert not asking.evaluate_flags("person-0", flag_keys=[key]).is_enabled(key)


def test_what_events_have_set_and_who_they_say_somebody_is_decides_flags_and_counts(
    served: Served,
) -> None:
    flag = {
        "key": "for-teams",
        "filters": {
            "groups": [
                {
                    "properties": [
                        {"key": "plan", "type": "person", "operator": "exact", "value": "team"}
                    ],
                    "rollout_percentage": 100,
                }
            ]
        },
    }
    served("POST", "feature_flags/", flag)
    experiment = _launched(served, "sign-up")
    with _application(served) as application:
        application.set(distinct_id="ada", properties={"plan": "team"})
        application.evaluate_flags("visitor-1", flag_keys=["sign-up"]).get_flag("sign-up")
        application.flush()
        application.alias("visitor-1", "ada")
        application.capture("purchase", distinct_id="ada", properties={"revenue": 12.0})
        application.flush()
        assert application.evaluate_flags("ada", flag_keys=["for-teams"]).is_enabled("for-teams")
        assert not application.evaluate_flags("bob", flag_keys=["for-teams"]).is_enabled(
            "for-teams"
        )
    metric = served("GET", f"experiments/{experiment['id']}/")["metrics"][0]
    query = {"kind": "ExperimentQuery", "experiment_id": experiment["id"], "metric": metric}
    result = served("POST", "query/", {"query": query})
    arms = [result["baseline"], *result["variant_results"]]
    assert sum(arm["number_of_samples"] for arm in arms) == 1
    assert sum(arm["sum"] for arm in arms) == pytest.approx(12.0)


def test_those_exposed_become_a_cohort_that_another_flag_goes_by(served: Served) -> None:
    experiment = _launched(served, "first-step")
    with _application(served) as application:
        application.evaluate_flags("ada", flag_keys=["first-step"]).get_flag("first-step")
        application.flush()
    path = f"experiments/{experiment['id']}/create_exposure_cohort_for_experiment/"
    cohort = served("POST", path)["cohort"]
    assert cohort["count"] == 1
    inside = {"key": "id", "type": "cohort", "operator": "in", "value": cohort["id"]}
    groups = [{"properties": [inside], "rollout_percentage": 100}]
    served("POST", "feature_flags/", {"key": "next-step", "filters": {"groups": groups}})
    # An SDK that decides for itself knows no static cohort, and asks after all.
    deciding = {"secret_key": served.key, "enable_local_evaluation": False}
    for options in ({}, deciding):
        with _application(served, **options) as application:
            if options:
                application.load_feature_flags()
            for who, expected in (("ada", True), ("bob", False)):
                found = application.evaluate_flags(who, flag_keys=["next-step"])
                assert found.is_enabled("next-step") is expected


def test_a_batch_that_is_sent_again_counts_once(served: Served) -> None:
    event = {
        "event": "repeated",
        "distinct_id": "ada",
        "uuid": "0190a7c0-0000-7000-8000-000000000001",
        "properties": {},
    }
    body = gzip.compress(json.dumps({"api_key": served.token, "batch": [event, event]}).encode())
    with httpx.Client(trust_env=False) as client:
        for _ in range(2):
            answer = client.post(
                f"{served.address}/batch/",
                content=body,
                headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
            )
            assert answer.json() == {"status": 1}
