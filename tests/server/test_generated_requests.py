"""Whatever is sent to any address, the answer is never a 500."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from pydantic import BaseModel

from exp_jupyter.server.http.endpoint import Endpoint
from exp_jupyter.server.http.endpoints import PROJECT_ENDPOINTS
from exp_jupyter.server.http.openapi import description

STRANGE: list[Any] = [
    None, True, False, 0, 1, -1, 2, 50, 100, 10**18, 2**63, -(2**70), 1e308, -1e-308, 0.5,
    "", " ", "x", "1", "true", "null", "control", "test", "é" * 50, "[", "[1,2]", "{}", "%", "'",
    "2026-03-02T09:15:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "14 00:00:00", "99999999999", [], {}, [[]], [{}], [None], [1], ["x"], ["x", "x"], {"a": 1},
    {"id": None}, {"method": []}, {"type": "before_after", "field": "rollout_percentage",
    "operator": [], "value": {}}, {"quorum": 1, "users": [1], "roles": []},
    {"filters": {"groups": [{"properties": {}}], "multivariate": {"variants": [{"key": []}]}}},
    {"groups": [7]}, {"groups": [{"rollout_percentage": "x"}]}, {"multivariate": []},
    {"multivariate": {"variants": [{"key": "control", "rollout_percentage": 1e308}]}},
    {"feature_flag_variants": [{"key": "control"}, {"key": "test"}], "rollout_percentage": []},
    {"feature_flag_variants": {}, "feature_flag_payloads": []},
    [{"id": 1, "metadata": None}], [{"id": "1", "metadata": {"type": []}}],
    [{"rollout_percentage": 10}], [{"event": []}], [{"event": "x", "properties": {}}],
    [{"kind": "ExperimentMetric", "metric_type": "mean", "source": {"kind": "ActionsNode",
      "id": 2**70}}],
    [{"kind": "ExperimentMetric", "metric_type": "mean", "uuid": "u", "source": {"kind":
      "EventsNode", "event": None, "properties": [{"key": "k", "value": {}}]}}],
    [{"kind": "ExperimentMetric", "metric_type": [], "uuid": 7}],
    {"kind": "ExperimentMetric", "metric_type": "mean", "source": {"kind": "EventsNode"}},
    {"kind": "ExperimentQuery", "experiment_id": 1, "metric": {"kind": "ExperimentMetric",
     "metric_type": "mean", "source": {"kind": "EventsNode", "math": "hogql",
     "math_hogql": "sum(("}}},
    {"kind": "ExperimentExposureQuery", "experiment_id": 1},
    {"bayesian": [], "baseline_variant_key": {}}, {"exposure_estimate_config": {"x": 1}},
]  # fmt: skip
QUERIES = ["", "1", "-1", "true", "x", "[", "[1]", "null", "-created_at", "--name", "9" * 30,
           "state,pending", "%00", "é", "pending", "2026", "\x00", "[[" * 2000]  # fmt: skip


def _fields(body: type[BaseModel] | None) -> list[str]:
    return list(body.model_fields) if body else []


def _requests(endpoint: Endpoint, chance: random.Random) -> Any:
    for _ in range(40 if endpoint.body else 6):
        fields = _fields(endpoint.body)
        chosen = chance.sample(fields, chance.randint(0, len(fields)))
        body = {name: chance.choice(STRANGE) for name in chosen}
        if chance.random() < 0.7:
            body |= {
                name: chance.choice(["x", "a-key", "control"])
                for name in ("name", "key", "feature_flag_key", "action_key")
                if name in fields
            }
        path = endpoint.path
        for name in ("id", "uuid", "name", "job"):
            path = path.replace(f"{{{name}}}", chance.choice(["1", "2", "99", "x", "%C3%A9"]))
        query = {name: chance.choice(QUERIES) for name in endpoint.query if chance.random() < 0.5}
        yield path, (chance.choice(STRANGE) if chance.random() < 0.05 else body), query


@pytest.mark.parametrize("seed", range(2))
def test_no_request_breaks_the_project(talk: Any, seed: int) -> None:
    chance = random.Random(seed)
    talk.made("experiments/", {"name": "one", "feature_flag_key": "one"})
    launched = talk.made("experiments/", {"name": "two", "feature_flag_key": "two"})
    talk("POST", f"experiments/{launched['id']}/launch/")
    talk.made("llm_prompts/", {"name": "x", "prompt": "p"})
    endpoints = list(PROJECT_ENDPOINTS)
    chance.shuffle(endpoints)
    for endpoint in endpoints:
        for path, body, query in _requests(endpoint, chance):
            sent = body if endpoint.body else None
            answer = talk(endpoint.method, f"{path}/", sent, **query)
            assert answer.status_code < 500, (
                f"{endpoint.method} {path} {query} {json.dumps(sent)}: {answer.text}"
            )


def test_the_description_names_every_address_and_every_type_in_it(talk: Any) -> None:
    answer = talk.raw("GET", "/api/schema/", None)
    assert answer.json() == json.loads(
        json.dumps(description(PROJECT_ENDPOINTS, "/api/projects/{project}/"))
    )
    body = answer.json()
    operations = [
        (method.upper(), path) for path, described in body["paths"].items() for method in described
    ]
    assert len(operations) == len(PROJECT_ENDPOINTS)
    names = [op["operationId"] for described in body["paths"].values() for op in described.values()]
    assert len(set(names)) == len(names)
    text = json.dumps(body)
    for reference in {
        part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]
    }:
        assert reference in body["components"]["schemas"]
