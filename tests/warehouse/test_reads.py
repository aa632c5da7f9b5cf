"""How many times events are read, which is what counts where there are very many."""

from __future__ import annotations

import re

import pytest
from test_refresh import quiet_world, views
from worlds import request_of, source_of

from exp_jupyter.warehouse import daily_sums
from exp_jupyter.warehouse.events.statements import cells_statement, winsorized
from exp_jupyter.warehouse.stream import one_pass, prefetch

FUNNEL = {
    "kind": "ExperimentMetric",
    "metric_type": "funnel",
    "series": [{"kind": "EventsNode", "event": name} for name in ("a", "b")],
}
RATIO = {
    "kind": "ExperimentMetric",
    "metric_type": "ratio",
    "numerator": views()["source"],
    "denominator": {"kind": "EventsNode", "event": "b"},
}


@pytest.mark.parametrize("rows", [10, 10_000])
@pytest.mark.parametrize("metrics", [[views()], [views(math="dau"), FUNNEL, RATIO]])
def test_a_pass_reads_the_exposures_once_and_every_event_once(rows, metrics, monkeypatch):
    world = quiet_world()
    source, request = source_of(world), request_of(world, metrics)
    asked, read = [], []
    answered, taken = type(source).rows, prefetch.read

    def told(self, sql, parameters):
        asked.append(sql)
        return answered(self, sql, parameters)

    def counted(*given, **more):
        read.append(taken(*given, **more))
        return read[-1]

    monkeypatch.setattr(one_pass, "ROWS", rows)
    monkeypatch.setattr(type(source), "rows", told)
    monkeypatch.setattr(one_pass, "read", counted)
    daily_sums(source, request)
    assert sum(" AS t0" in sql for sql in asked) == 1
    assert all(" AS t0" in sql or " AS mask" in sql for sql in asked)
    names = {"a"} if len(metrics) == 1 else {"a", "b"}
    known = sum(e.event in names and e.person is not None for e in world.events)
    assert sum(part.size for part in read) <= known
    assert (len(read) > 2) == (rows == 10)


@pytest.mark.parametrize("number", [1, 3])
def test_a_statement_scans_the_events_once_whatever_the_metrics(number):
    world = quiet_world()
    source = source_of(world)
    request = request_of(world, [views(), FUNNEL, RATIO][:number])
    assert not any(winsorized(metric) for metric in request.metrics)
    statement = cells_statement(source, request)
    plan = source.connection.execute(f"EXPLAIN {statement.sql}", statement.parameters).fetchall()
    text = "".join(part for _, part in plan)
    assert len(re.findall("seq[ _]scan", text.lower())) == 1
