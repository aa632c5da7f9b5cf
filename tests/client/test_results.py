"""Results are read for every metric side by side, and stay readable where one of them fails."""

import json
from pathlib import Path

import pytest

from exp_jupyter.errors import InputError, ValidationFailedError

EXAMPLES = Path(__file__).parents[1] / "contract" / "examples"


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def launched(server):
    """The published experiment; ``refused`` holds the names of metrics that are no good."""
    body = example("experiments.retrieve.response")
    real = server.model.answer
    server.model.refused = {}
    server.model.asked = []

    def answer(method, path, query, sent):
        if path.endswith("/query/"):
            server.model.asked.append(sent["query"])
            refusal = server.model.refused.get(sent["query"]["metric"].get("name"))
            if refusal:
                return refusal
            kind = sent["query"]["metric"]["metric_type"]
            published = "query.experiment.response"
            return 200, example(published) | {"metric": {"metric_type": kind}}
        return real(method, path, query, sent)

    server.model.experiments[body["id"]] = body
    server.model.answer = answer
    return server


def test_every_metric_is_asked_for_with_its_whole_definition(launched, project):
    told = []
    found = project.experiments.results(2087, progress=lambda *count: told.append(count))
    held = launched.model.experiments[2087]
    assert [one["kind"] for one in launched.model.asked] == ["ExperimentQuery"] * 2
    assert {one["metric"]["uuid"] for one in launched.model.asked} == {
        metric["uuid"] for metric in held["metrics"] + held["metrics_secondary"]
    }
    assert [one.metric_name for one in found.primary] == ["Checkout conversion"]
    assert [one.metric_name for one in found.secondary] == ["Revenue per user"]
    assert told == [(1, 2), (2, 2)]
    assert found.code() == "project.experiments.results(2087)"


def test_a_result_is_found_by_name_uuid_or_index(launched, project):
    found = project.experiments.results(2087)
    first = found["Checkout conversion"]
    assert found[0] is first
    assert found[first.metric_uuid] is first
    assert len(first.days) == 1
    assert first.latest.effects["test"] is not None
    with pytest.raises(InputError) as caught:
        found["Chekout"]
    assert "Revenue per user" in caught.value.hint


def test_one_metric_may_be_asked_for_alone(launched, project):
    found = project.experiments.results(2087, "Revenue per user", method="frequentist")
    assert [one.metric_name for one in found] == ["Revenue per user"]
    assert found[0].method == "frequentist"
    assert found.code() == (
        "project.experiments.results(2087, metric='Revenue per user', method='frequentist')"
    )


@pytest.mark.parametrize("status", [400, 500])
def test_a_metric_that_fails_is_named_and_the_others_are_there(launched, project, status):
    detail = "Unable to resolve field: price"
    launched.model.refused["Revenue per user"] = (
        status,
        {"type": "validation_error", "code": "invalid_input", "detail": detail, "attr": None},
    )
    found = project.experiments.results(2087)
    assert [one.metric_name for one in found] == ["Checkout conversion"]
    assert detail in found.failed["Revenue per user"]
    assert "Revenue per user could not be analysed" in found.to_text()


def test_a_metric_asked_for_by_name_fails_as_an_error(launched, project):
    refused = {"type": "validation_error", "code": "invalid_input", "detail": "x", "attr": None}
    launched.model.refused["Revenue per user"] = (400, refused)
    with pytest.raises(ValidationFailedError):
        project.experiments.results(2087, "Revenue per user")


def test_a_draft_has_no_results(growth):
    number = growth.draft()
    with pytest.raises(InputError, match="not been launched"):
        growth.owner.experiments.results(number)


def test_the_embedded_projects_results_are_shown_in_every_form(growth):
    metric = {
        "kind": "ExperimentMetric",
        "metric_type": "funnel",
        "name": "Orders <b>",
        "series": [{"kind": "EventsNode", "event": "order"}],
    }
    growth.running(metrics=[metric], allow_unknown_events=True)
    found = growth.owner.experiments.results("Checkout")
    assert "too little data" in found.to_text()
    assert "<b>" not in found.to_html()
    assert found.to_frame().columns[0] == "metric" or found.to_frame().empty
    assert found.as_of is not None
    assert json.dumps(found.to_dict())
