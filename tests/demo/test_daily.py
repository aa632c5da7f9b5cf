"""The nightly job: one result per day that is over, computed once, failures told by name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from exp_jupyter.server.clock import FrozenClock
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.jobs import nightly as daily
from exp_jupyter.server.jobs.worker import Worker
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments import lifecycle
from exp_jupyter.server.services.people import people
from exp_jupyter.server.services.results import recalculation, series
from exp_jupyter.server.store import ProjectStore

TOTAL = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Purchases",
    "source": {"kind": "EventsNode", "event": "purchase"},
}


class Project:
    """A project whose experiment was launched on the first of March."""

    def __init__(self, folder, **settings):
        self.clock = FrozenClock(datetime(2026, 3, 1, 9, tzinfo=UTC))
        self.store = ProjectStore(folder, clock=self.clock, durable=False)
        self.events = EventStore(self.store)
        with self.store.write() as work:
            person = people.add_person(work, email="a@example.com", first_name="A", level=15)
            people.change_settings(work, **settings)
            self.actor = people.Actor(person)
            made = experiments.create(work, self.actor, self.body())
            self.experiment = lifecycle.launch(work, self.actor, made["id"])
        self.events.append(
            [
                {
                    "event": "$feature_flag_called",
                    "distinct_id": f"u{n}",
                    "timestamp": datetime(2026, 3, 1 + n % 3, 10, tzinfo=UTC),
                    "properties": {
                        "$feature_flag": "f",
                        "$feature_flag_response": ("control", "test")[n % 2],
                    },
                }
                for n in range(60)
            ]
            + [
                {
                    "event": "purchase",
                    "distinct_id": f"u{n}",
                    "timestamp": datetime(2026, 3, 1 + n % 3, 11, tzinfo=UTC),
                }
                for n in range(0, 60, 4)
            ]
        )

    def body(self):
        return {
            "name": "E",
            "feature_flag_key": "f",
            "metrics": [TOTAL],
            "allow_unknown_events": True,
        }

    def metric(self):
        return self.experiment["metrics"][0]

    def catch_up(self):
        metric = self.metric()
        return daily.catch_up(
            self.store, self.events, self.experiment["id"], metric["uuid"], metric["fingerprint"]
        )

    def answer(self):
        metric = self.metric()
        query = {"metric_uuid": metric["uuid"], "fingerprint": metric["fingerprint"]}
        with self.store.read() as work:
            return series.timeseries(work, self.experiment["id"], query)


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path / "project", daily_job="on_read")
    yield project
    project.events.close()
    project.store.close()


def test_a_day_counts_when_its_midnight_has_passed(project):
    project.clock.set(datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC))
    assert project.catch_up() == 0
    project.clock.set(datetime(2026, 3, 2, tzinfo=UTC))
    assert project.catch_up() == 1
    assert project.answer()["timeseries"]["2026-03-02"] is None


def test_the_days_are_those_of_the_projects_time_zone():
    started = {"start_date": "2026-03-01T23:30:00.000000Z", "end_date": None}
    zone = ZoneInfo("Europe/Berlin")
    assert daily.days_over(started, zone, datetime(2026, 3, 2, 22, 59, tzinfo=UTC)) == []
    assert daily.days_over(started, zone, datetime(2026, 3, 2, 23, 0, tzinfo=UTC)) == [
        date(2026, 3, 2)
    ]


def test_an_ended_experiment_has_its_last_day(project):
    ended = {"start_date": "2026-03-01T09:00:00Z", "end_date": "2026-03-02T10:00:00Z"}
    assert daily.days_over(ended, ZoneInfo("UTC"), datetime(2026, 3, 9, tzinfo=UTC)) == [
        date(2026, 3, 1),
        date(2026, 3, 2),
    ]


def test_results_add_up_day_by_day(project):
    project.clock.set(datetime(2026, 3, 4, 9, tzinfo=UTC))
    assert project.catch_up() == 3
    days = [day for day in project.answer()["timeseries"].values() if day]
    assert [day["baseline"]["number_of_samples"] for day in days] == [10, 20, 30]
    assert [day["baseline"]["sum"] for day in days] == [5, 10, 15]
    assert days[-1]["variant_results"][0]["sum"] == 0


def test_what_is_computed_is_not_computed_again(project):
    project.clock.set(datetime(2026, 3, 4, 9, tzinfo=UTC))
    assert [project.catch_up(), project.catch_up()] == [3, 0]
    before = project.answer()
    project.clock.set(datetime(2026, 3, 5, 9, tzinfo=UTC))
    assert project.catch_up() == 1
    after = project.answer()
    assert {day: after["timeseries"][day] for day in before["timeseries"]} | {
        "2026-03-04": None
    } == before["timeseries"]


def test_it_is_off_unless_the_project_says_so(tmp_path):
    project = Project(tmp_path / "project")
    project.clock.set(datetime(2026, 3, 4, 9, tzinfo=UTC))
    assert project.catch_up() == 0
    assert project.answer()["status"] == "pending"
    # The job itself can still be run.
    assert daily.run(project.store, project.events) == 3
    project.events.close()
    project.store.close()


def test_a_metric_that_cannot_be_computed_fails_with_its_reason(tmp_path):
    class Broken(Project):
        def body(self):
            broken = {
                **TOTAL,
                "source": {
                    "kind": "ExperimentDataWarehouseNode",
                    "table_name": "orders",
                    "timestamp_field": "at",
                    "events_join_key": "distinct_id",
                    "data_warehouse_join_key": "customer",
                },
            }
            return {**super().body(), "metrics": [broken]}

    project = Broken(tmp_path / "project", daily_job="on_read")
    project.clock.set(datetime(2026, 3, 3, 9, tzinfo=UTC))
    assert project.catch_up() == 2
    answer = project.answer()
    assert answer["status"] == "failed"
    assert list(answer["errors"]) == ["2026-03-01", "2026-03-02"]
    assert "no table 'orders'" in answer["errors"]["2026-03-01"]
    project.events.close()
    project.store.close()


def test_nothing_is_computed_for_another_fingerprint(project):
    project.clock.set(datetime(2026, 3, 4, 9, tzinfo=UTC))
    number = project.experiment["id"]
    assert daily.catch_up(project.store, project.events, number, "m", "f") == 0
    uuid = project.metric()["uuid"]
    assert daily.catch_up(project.store, project.events, number, uuid, "old") == 0
    assert daily.catch_up(project.store, project.events, 999, uuid, "old") == 0


def test_a_recalculation_forgets_and_the_worker_computes_anew(project):
    project.clock.set(datetime(2026, 3, 4, 9, tzinfo=UTC))
    project.catch_up()
    metric = project.metric()
    with project.store.write() as work:
        recalculation.request_series(work, project.experiment["id"], metric, metric["fingerprint"])
    waiting = project.answer()
    assert waiting["recalculation_status"] == "pending"
    assert waiting["status"] == "pending"
    assert Worker(project.store, project.events).do_next()
    done = project.answer()
    assert done["recalculation_status"] is None
    assert done["status"] == "partial"
    assert project.catch_up() == 0
