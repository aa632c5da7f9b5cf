"""What computes a metric follows from its definition; its statements can be read beforehand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from exp_jupyter.schema.metrics.exposure import parse_exposure
from exp_jupyter.schema.metrics.metric import parse_metric
from exp_jupyter.warehouse.events.plan import plan_of
from exp_jupyter.warehouse.request.days import Days
from exp_jupyter.warehouse.request.population import Population, Request
from exp_jupyter.warehouse.sql.event_source import EventSource


def event(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "EventsNode", "event": name, **more}


def mean(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "ExperimentMetric", "metric_type": "mean", "source": source, **more}


def funnel(*names: str, **more: Any) -> dict[str, Any]:
    kind = {"kind": "ExperimentMetric", "metric_type": "funnel"}
    return kind | {"series": [event(name) for name in names], **more}


METRICS = {
    "a count": (mean(event("buy")), "pass", "cells"),
    "a sum": (mean(event("buy", math="sum", math_property="price")), "pass", "cells"),
    "sessions": (mean(event("buy", math="unique_session")), "cells", "cells"),
    "an expression": (mean(event("buy", math="hogql", math_hogql="sum(1)")), "cells", "cells"),
    "clamped": (mean(event("buy"), upper_bound_percentile=0.9), "units", "units"),
    "a funnel": (funnel("view", "buy"), "pass", "cells"),
    "a funnel with a window": (
        funnel("view", "buy", conversion_window=3, conversion_window_unit="day"),
        "cells",
        "cells",
    ),
    "steps that are alike": (funnel("buy", "buy"), "walk", "walk"),
    "steps in any order": (
        funnel("view", "buy", funnel_order_type="unordered"),
        "walk",
        "walk",
    ),
}


def request(*metrics: dict[str, Any]) -> Request:
    population = Population("flag", ("control", "test"), parse_exposure(None))
    days = Days(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC), "UTC")
    return Request(population, tuple(parse_metric(metric) for metric in metrics), days)


@pytest.mark.parametrize("name", METRICS)
def test_an_executor_follows_from_the_definition(name: str) -> None:
    metric, in_slices, otherwise = METRICS[name]
    assert plan_of(request(metric), sliced=True).executors == (in_slices,)
    assert plan_of(request(metric), sliced=False).executors == (otherwise,)


def test_metrics_broken_down_alike_share_a_statement() -> None:
    by_plan = {"breakdownFilter": {"breakdowns": [{"property": "plan", "type": "event"}]}}
    plan = plan_of(
        request(mean(event("buy")), mean(event("view")), mean(event("buy"), **by_plan)),
        sliced=False,
    )
    assert plan.shared == [[0, 1], [2]]


def test_a_plan_lists_its_statements_and_runs_none() -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE events (event VARCHAR, person_id BIGINT, timestamp TIMESTAMP, "
        "uuid VARCHAR, distinct_id VARCHAR, properties VARCHAR)"
    )
    source = EventSource(connection, "events")
    plan = plan_of(request(*(metric for metric, *_ in METRICS.values())), sliced=False)
    statements = list(plan.statements(source))
    assert len(statements) == 1 + len(plan.places("units")) + len(plan.places("walk"))
    for statement in statements:
        assert source.rows(statement.sql, statement.parameters)
