"""Many questions at once: eight at most, in order, and none for somebody who has left."""

import itertools
import signal
import threading

import httpx
import pytest

from exp_jupyter.client import open_project
from exp_jupyter.client.http.concurrency import AT_ONCE, side_by_side
from exp_jupyter.errors import ServerError

METRICS = 30


class Crowd(httpx.BaseTransport):
    """A project with one experiment of many metrics; its queries go through ``query``."""

    def __init__(self):
        self.lock = threading.Lock()
        self.under_way = self.most = self.begun = 0
        self.query = lambda: (200, RESULT)

    def handle_request(self, request):
        if not request.url.path.endswith("/query/"):
            whole = request.url.path.endswith("/7/")
            return httpx.Response(200, json=EXPERIMENT if whole else {"id": 1, "name": "Growth"})
        with self.lock:
            self.begun += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            status, body = self.query()
        finally:
            with self.lock:
                self.under_way -= 1
        return httpx.Response(status, json=body)


RESULT = {
    "baseline": {"key": "control", "number_of_samples": 100, "sum": 10, "sum_squares": 10},
    "variant_results": [],
}
EXPERIMENT = {
    "id": 7,
    "name": "Checkout",
    "start_date": "2026-03-02T09:15:00Z",
    "status": "running",
    "metrics": [
        {
            "kind": "ExperimentMetric",
            "metric_type": "mean",
            "name": f"Metric {number}",
            "uuid": f"m-{number}",
            "source": {"kind": "EventsNode", "event": "order"},
        }
        for number in range(METRICS)
    ],
}


@pytest.fixture
def crowd():
    return Crowd()


@pytest.fixture
def experiments(crowd, waits):
    pace = waits.pace()
    project = open_project("https://us.posthog.com", 1, "phx_x", transport=crowd, pace=pace)
    yield project.experiments
    project.close()


def asking():
    return [one for one in threading.enumerate() if one.name.startswith("exp_jupyter asking")]


def left_alone():
    for thread in asking():
        thread.join()


def test_eight_are_under_way_at_most_and_eight_there_are(crowd, experiments):
    eight = threading.Barrier(AT_ONCE)
    first = iter(range(AT_ONCE))

    def query():
        # The first eight wait for each other: were they asked one by one, nobody would come.
        if next(first, None) is not None:
            eight.wait(timeout=30)
        return 200, RESULT

    crowd.query = query
    told = []
    found = experiments.results(7, progress=lambda *count: told.append(count))
    assert [one.metric_name for one in found] == [one["name"] for one in EXPERIMENT["metrics"]]
    assert told == [(count, METRICS) for count in range(1, METRICS + 1)]
    assert crowd.most == AT_ONCE


def test_an_interrupt_leaves_at_once_and_nothing_more_is_asked(crowd, experiments):
    gone, turns = threading.Event(), itertools.count(1)

    def query():
        if next(turns) == AT_ONCE:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        gone.wait(timeout=30)
        return 503, {}  # which is asked again, as long as somebody waits for it

    crowd.query = query
    with pytest.raises(KeyboardInterrupt):
        experiments.results(7)
    assert crowd.under_way == AT_ONCE  # nobody waited for them
    gone.set()
    left_alone()
    assert crowd.begun == AT_ONCE


def test_an_interrupt_out_of_the_progress_line_is_no_different(crowd, experiments):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiments.results(7, progress=stop)
    left_alone()
    assert crowd.begun < METRICS


def test_the_first_failure_begins_no_further_one(crowd, experiments):
    begun = []

    def ask(item):
        begun.append(item)
        if item == 0:
            raise ServerError("The project failed.", status=500)
        left.wait(timeout=30)

    left = threading.Event()
    with pytest.raises(ServerError):
        side_by_side(ask, range(METRICS))
    left.set()
    left_alone()
    assert len(begun) <= AT_ONCE + 1
