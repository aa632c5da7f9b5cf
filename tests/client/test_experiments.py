"""Experiments are found by what people call them, and every read says how to repeat it."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from exp_jupyter.errors import InputError, NotFoundError

EXAMPLES = Path(__file__).parents[1] / "contract" / "examples"


UUID = "6d0c1b52-3a4f-4a0e-9b1f-0c8a2f3e7a11"


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def shelf(server):
    server.model.add(name="Checkout redesign", feature_flag_key="checkout")
    server.model.add(name="Search ranking", feature_flag_key="search")
    server.model.add(name="Old banner", feature_flag_key="banner", archived=True)
    return server


def query_of(server):
    return {
        name: value[0]
        for name, value in parse_qs(urlsplit(server.model.requests[-1][1]).query).items()
    }


@pytest.mark.parametrize(
    "ref", [1, "1", "Checkout redesign", "checkout", "checkout REDESIGN", " checkout "]
)
def test_an_experiment_is_found_by_id_key_or_name(shelf, project, ref):
    found = project.experiments.get(ref)
    assert found.id == 1
    assert found.code() == "project.experiments.get(1)"


def test_an_archived_one_is_found_too(shelf, project):
    assert project.experiments.get("banner").id == 3


def test_an_object_is_read_again(shelf, project):
    assert project.experiments.get(project.experiments.list()[1]).id == 2


def test_a_name_of_digits_is_found_when_no_id_is(shelf, project):
    shelf.model.add(name="2024")
    assert project.experiments.get("2024").id == 4


def test_a_miss_suggests_what_is_near(shelf, project):
    with pytest.raises(InputError, match="chekout") as caught:
        project.experiments.get("chekout redesign")
    assert caught.value.hint == 'Did you mean "Checkout redesign" or "checkout"?'
    with pytest.raises(InputError) as caught:
        project.experiments.get("zzz")
    assert '1 "Checkout redesign"' in caught.value.hint


def test_an_id_that_is_not_there_lists_what_is(shelf, project):
    with pytest.raises(NotFoundError, match="no experiment 99") as caught:
        project.experiments.get(99)
    assert caught.value.status == 404
    assert "Search ranking" in caught.value.hint


def test_an_empty_project_says_so(project):
    with pytest.raises(NotFoundError) as caught:
        project.experiments.get(1)
    assert "no experiments yet" in caught.value.hint


def test_two_of_the_same_name_are_told_apart_by_id(shelf, project):
    shelf.model.add(name="Search ranking")
    with pytest.raises(InputError, match="2 experiments") as caught:
        project.experiments.get("Search ranking")
    assert "2 (draft), 4 (draft)" in caught.value.hint


def test_a_list_sends_only_what_was_asked_for(shelf, project):
    found = project.experiments.list(status="running", archived=False, order="-name")
    assert query_of(shelf) == {"status": "running", "archived": "false", "order": "-name"}
    assert found.code() == (
        "project.experiments.list(status='running', archived=False, order='-name')"
    )
    assert found.count == len(found) == 2


@pytest.fixture
def launched(server):
    """The example experiment, with its published series."""
    body = example("experiments.retrieve.response")
    series = example("timeseries_results.response")
    real = server.model.answer

    def answer(method, path, query, sent):
        if path.endswith("/timeseries_results/"):
            server.model.asked = query
            return 200, series
        if path.endswith("/query/"):
            server.model.asked = sent
            return 200, example("query.exposure.response")
        if path.endswith("/calculate_running_time/"):
            server.model.asked = sent
            return 200, example("calculate_running_time.funnel.response")
        for name in ("stats", "prompt_templates", "requires_flag_implementation"):
            if path.endswith(f"/{name}/"):
                return 200, example(f"{name}.response")
        if path.endswith("/eligible_feature_flags/"):
            return 200, example("eligible_feature_flags.response")
        return real(method, path, query, sent)

    server.model.experiments[body["id"]] = body
    server.model.answer = answer
    return server


@pytest.mark.parametrize(
    "metric",
    [None, 0, "0", "Checkout conversion", "checkout CONVERSION", UUID],
)
def test_a_series_is_asked_for_by_the_metrics_uuid_and_fingerprint(launched, project, metric):
    found = project.experiments.series_data(2087, metric)
    uuid, fingerprint = launched.model.asked["metric_uuid"], launched.model.asked["fingerprint"]
    held = launched.model.experiments[2087]["metrics"][0]
    assert (uuid, fingerprint) == ([held["uuid"]], [held["fingerprint"]])
    assert found.status == "partial"


@pytest.mark.parametrize(
    ("metric", "hint"), [("Chekout conversion", "Did you mean"), ("zzz", "Revenue"), (9, "Revenue")]
)
def test_a_metric_that_is_not_there_is_refused_with_what_is(launched, project, metric, hint):
    with pytest.raises(InputError) as caught:
        project.experiments.series_data(2087, metric)
    assert hint in caught.value.hint


def test_an_experiment_without_metrics_says_so(shelf, project):
    with pytest.raises(InputError, match="no metrics"):
        project.experiments.timeseries(1)


def test_a_daily_series_knows_its_experiment_and_its_call(launched, project):
    series = project.experiments.timeseries("One-page checkout", 0, method="frequentist")
    assert (series.experiment_id, series.metric_name) == (2087, "Checkout conversion")
    assert len(series.days) == 5
    assert series.code() == (
        "project.experiments.timeseries(2087, 'Checkout conversion', method='frequentist')"
    )


def test_every_metrics_series_is_read_side_by_side(launched, project):
    told = []
    found = project.experiments.all_timeseries(2087, progress=lambda *count: told.append(count))
    assert [one.metric_name for one in found] == ["Checkout conversion", "Revenue per user"]
    assert told == [(1, 2), (2, 2)]


def test_at_most_eight_requests_are_under_way_at_once(connect):
    lock = threading.Lock()
    under_way = []
    most = []
    metric = {"kind": "ExperimentMetric", "metric_type": "funnel", "series": []}
    metrics = [metric | {"uuid": f"u-{n}", "fingerprint": "f", "name": f"M{n}"} for n in range(30)]
    all_there = threading.Barrier(8)

    class Slow(httpx.BaseTransport):
        def handle_request(self, request):
            if "timeseries_results" not in request.url.path:
                body = {"id": 1, "name": "Many", "metrics": metrics, "timezone": "UTC"}
                return httpx.Response(200, json=body)
            with lock:
                under_way.append(request)
                most.append(len(under_way))
                first = len(most) <= 8
            if first:
                all_there.wait(timeout=10)
            with lock:
                under_way.remove(request)
            uuid = request.url.params["metric_uuid"]
            body = {"experiment_id": 1, "metric_uuid": uuid, "status": "pending"}
            return httpx.Response(200, json=body)

    found = connect(transport=Slow()).experiments.all_timeseries(1)
    assert [one.metric_uuid for one in found] == [f"u-{n}" for n in range(30)]
    assert max(most) == 8


def test_a_plan_starts_from_the_newest_day(launched, project):
    plan = project.experiments.size(2087, "Checkout conversion", mde=10)
    assert plan.kind == "funnel"
    assert plan.baseline == pytest.approx(161 / 1702)
    assert plan.variants == 2
    assert plan.rate == pytest.approx((3400 - 817) / 3)
    assert plan.sample_size > 0


def test_exposures_are_asked_for_with_what_the_query_needs(launched, project):
    found = project.experiments.exposures(2087)
    query = launched.model.asked["query"]
    assert query["kind"] == "ExperimentExposureQuery"
    assert query["feature_flag"]["key"] == "one-page-checkout"
    assert found.total_exposures == {"control": 1702, "test": 1698}


def test_a_query_the_project_needs_time_for_is_polled(launched, project, waits):
    answers = iter(
        [
            {"query_status": {"id": "q-1", "complete": False}},
            {"query_status": {"id": "q-1", "complete": False}},
            {"query_status": {"id": "q-1", "complete": True}} | example("query.exposure.response"),
        ]
    )
    real = launched.model.answer

    def answer(method, path, query, body):
        return (202, next(answers)) if "/query/" in path else real(method, path, query, body)

    launched.model.answer = answer
    assert project.experiments.exposures(2087).total_exposures["test"] == 1698
    assert len(waits.slept) == 2


def test_a_draft_has_no_exposures(shelf, project):
    with pytest.raises(InputError, match="not been launched"):
        project.experiments.exposures(1)
    with pytest.raises(InputError, match="not been launched"):
        project.experiments.daily_exposures(1)


def test_the_small_reads_answer_as_published(launched, project):
    assert project.experiments.stats().active_experiments == 4
    assert [one.key for one in project.experiments.prompt_templates()] == [
        "cost",
        "latency",
        "eval_pass_rate",
    ]
    told = project.experiments.requires_flag_implementation(["order completed"], [7], limit=5)
    assert told.required is example("requires_flag_implementation.response")["result"]
    sent = query_of(launched)
    assert json.loads(sent["events"]) == [{"id": "order completed", "type": "events"}]
    assert json.loads(sent["actions"]) == [{"id": 7, "type": "actions"}]
    found = project.experiments.calculate_running_time("funnel", 20, baseline_value=0.1)
    assert launched.model.asked == {
        "metric_type": "funnel",
        "minimum_detectable_effect": 20,
        "baseline_value": 0.1,
    }
    assert found.recommended_sample_size > 0


def test_eligible_flags_are_filtered_in_the_apis_words(launched, project):
    flags = project.experiments.eligible_flags(
        search="checkout", active=True, created_by=[412, 7], has_evaluation_contexts=False
    )
    assert flags[0].key == "one-page-checkout"
    assert query_of(launched) == {
        "search": "checkout",
        "active": "true",
        "created_by_id": "412,7",
        "has_evaluation_contexts": "false",
    }


def test_a_flag_is_found_by_key_or_suggested(server, project):
    server.model.flags = [{"id": 7, "key": "checkout", "active": True, "filters": {}}]
    assert project.flags.get("checkout").id == 7
    with pytest.raises(InputError) as caught:
        project.flags.get("chekout")
    assert caught.value.hint == 'Did you mean "checkout"?'


def test_a_projects_clock_may_stand_still(connect):
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    assert connect(clock=lambda: moment).now == moment
