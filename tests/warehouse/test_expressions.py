"""HogQL in filters and metrics, property filters, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import duckdb
import pytest

from exp_jupyter.analysis.definition.experiment import ExperimentSpec
from exp_jupyter.analysis.posthog.compute import compute_result
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.prompt_metrics import prompt_metrics
from exp_jupyter.warehouse import EventSource
from exp_jupyter.warehouse.sql.conditions import all_of
from exp_jupyter.warehouse.sql.hogql import condition
from exp_jupyter.warehouse.sql.properties import Parameters, PropertyReader

ROWS = [
    {"plan": "pro", "n": 12.5, "won": True, "$ai cost": "3"},
    {"plan": "Free", "n": "7", "won": False},
    {"plan": None, "n": "x", "won": "true"},
    {"n": 0, "won": 1, "a.b": "dotted", "q'uote": 'd"q'},
    {},
]


@pytest.fixture
def source():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE e (i INT, event VARCHAR, person_id INT, timestamp TIMESTAMP, uuid VARCHAR, "
        "distinct_id VARCHAR, properties VARCHAR)"
    )
    for i, row in enumerate(ROWS):
        connection.execute(
            "INSERT INTO e VALUES (?, 'x', 1, '2026-03-02', 'u', 'd', ?)", [i, json.dumps(row)]
        )
    return EventSource(connection, "e")


def chosen(source, build):
    reader = PropertyReader(source, Parameters())
    sql = build(reader)
    rows = source.rows(f"SELECT i FROM e WHERE {sql} ORDER BY i", reader.parameters.values)
    return rows["i"].tolist()


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("JSONExtractBool(properties, 'won')", [0, 3]),
        ("JSONExtractRaw(properties, 'won') != 'false'", [0, 2, 3, 4]),
        ("JSONExtractString(properties, 'won') IN ('', 'boolean')", [0, 1, 3, 4]),
        ("JSONExtractString(properties, 'a.b') = 'dotted'", [3]),
        ("JSONHas(properties, 'plan')", [0, 1, 2]),
        ("properties.plan = 'pro'", [0]),
        ("properties.plan != 'pro'", [1, 2, 3, 4]),
        ("not (properties.plan = 'pro' or properties.n > 5)", [2, 3, 4]),
        ("properties.plan IN ('pro', 'Free') and toFloat(properties.n) >= 7", [0, 1]),
        ("properties.plan NOT IN ('pro')", [1, 2, 3, 4]),
        ("properties.`$ai cost` + 1 = 4", [0]),
        ("lower(properties.plan) LIKE 'fr%'", [1]),
        ("properties.plan ILIKE 'PR%'", [0]),
        ("properties.plan IS NULL", [2, 3, 4]),
        ("if(properties.n > 10, properties.plan = 'pro', properties.won)", [0, 2]),
        ("multiIf(properties.n > 10, 1, properties.n > 5, 2, 3) = 2", [1]),
        ("coalesce(properties.plan, 'none') = 'none'", [2, 3, 4]),
        ("properties['a.b'] = 'dotted'", [3]),
        ("abs(properties.n - 10) < 4", [0, 1]),
        ("event = 'x' and distinct_id = 'd' and properties.n = 0", [3]),
    ],
)
def test_hogql_conditions(source, expression, rows):
    assert chosen(source, lambda reader: condition(expression, reader, "Metric 'm'")) == rows


@pytest.mark.parametrize(
    "expression",
    [
        "dateDiff('day', timestamp, now())",
        "properties.plan IN (SELECT 1)",
        "sum(properties.n) > 3",
        "session.duration > 4",
        "properties.plan = ",
        "sleep(3)",
        "JSONExtractString(properties, properties.plan) = 'x'",
        "match(properties.plan, 'x')",
    ],
)
def test_what_cannot_be_rendered_names_metric_and_expression(source, expression):
    with pytest.raises(InputError) as caught:
        chosen(source, lambda reader: condition(expression, reader, "Metric 'm'"))
    assert "Metric 'm'" in caught.value.message
    assert expression in caught.value.message


@pytest.mark.parametrize(
    ("key", "operator", "value", "rows"),
    [
        ("plan", "exact", ["pro", "Free"], [0, 1]),
        ("plan", "is_not", "pro", [1, 2, 3, 4]),
        ("plan", "icontains", "FR", [1]),
        ("plan", "not_icontains", "fr", [0, 2, 3, 4]),
        ("plan", "regex", "^p", [0]),
        ("plan", "not_regex", "^p", [1, 2, 3, 4]),
        ("plan", "is_set", None, [0, 1]),
        ("plan", "is_not_set", None, [2, 3, 4]),
        ("n", "gt", 7, [0]),
        ("n", "gte", "7", [0, 1]),
        ("n", "lt", 7, [3]),
        ("n", "lte", 7, [1, 3]),
        ("n", "exact", 7, [1]),
        ("won", "exact", [True], [0, 2]),
        ("won", "exact", ["true"], [0, 2]),
        ("q'uote", "exact", 'd"q', [3]),
        ("plan", "exact", "'; DROP TABLE e; --", []),
    ],
)
def test_property_filters(source, key, operator, value, rows):
    item = {"key": key, "operator": operator, "type": "event", "value": value}
    assert chosen(source, lambda reader: all_of([item], reader, "Metric 'm'")) == rows


@pytest.mark.parametrize(
    "item",
    [
        {"key": "id", "type": "cohort", "operator": "in", "value": 3},
        {"key": "id", "type": "cohort", "operator": "gt", "value": 3},
        {"key": "id", "type": "cohort", "operator": "in", "value": "everybody"},
        {"key": "id", "type": "cohort", "operator": "in", "value": []},
        {"key": "at", "type": "event", "operator": "is_date_before", "value": "2026-01-01"},
        {"key": "email", "type": "person", "operator": "exact", "value": "x"},
        {"key": "n", "type": "event", "operator": "gt", "value": None},
    ],
)
def test_filters_that_are_not_supported_are_refused(source, item):
    with pytest.raises(InputError):
        chosen(source, lambda reader: all_of([item], reader, "Metric 'm'"))


# ---------------------------------------------------------------- metrics over one small experiment


SPEC = ExperimentSpec(
    "f", ("control", "test"), {"control": 50, "test": 50}, datetime(2026, 3, 2, tzinfo=UTC)
)
AS_OF = datetime(2026, 3, 4, tzinfo=UTC)


def experiment_with(events):
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE e (uuid VARCHAR, event VARCHAR, distinct_id VARCHAR, person_id INT, "
        "timestamp TIMESTAMP, properties VARCHAR)"
    )
    rows = [
        (1, "$feature_flag_called", {"$feature_flag": "f", "$feature_flag_response": "control"}),
        (2, "$feature_flag_called", {"$feature_flag": "f", "$feature_flag_response": "test"}),
        *events,
    ]
    for i, (person, name, properties) in enumerate(rows):
        connection.execute(
            "INSERT INTO e VALUES (?, ?, 'd', ?, ?, ?)",
            [f"u{i}", name, person, datetime(2026, 3, 2, 1, i), json.dumps(properties)],  # noqa: DTZ001
        )
    return EventSource(connection, "e").check()


@pytest.mark.parametrize(
    ("expression", "control"),
    [
        ("sum(toFloat(properties.v)) / count()", 4.0),
        ("properties.v * 2", 24.0),
        ("count()", 3.0),
        ("countIf(properties.v > 2)", 2.0),
        ("uniq(properties.k)", 2.0),
        ("count(distinct properties.k)", 2.0),
        ("max(properties.v) - min(properties.v)", 6.0),
        ("quantile(0.5)(properties.v)", 4.0),
        ("median(properties.v)", 4.0),
        ("argMax(properties.v, properties.k)", 7.0),
        ("sumIf(properties.v, properties.k = 1)", 5.0),
        ("avg(properties.v) + any(properties.missing)", 0.0),
    ],
)
def test_hogql_math(expression, control):
    source = experiment_with(
        [(1, "buy", {"v": 1, "k": 1}), (1, "buy", {"v": "4", "k": 1}), (1, "buy", {"v": 7, "k": 2})]
    )
    metric = {
        "kind": "ExperimentMetric",
        "metric_type": "mean",
        "source": {
            "kind": "EventsNode",
            "event": "buy",
            "math": "hogql",
            "math_hogql": expression,
        },
    }
    result = compute_result(source, SPEC, metric, as_of=AS_OF)
    assert result["baseline"]["sum"] == pytest.approx(control)
    assert result["variant_results"][0]["sum"] == 0


def test_nested_aggregates_are_refused():
    metric = {
        "kind": "ExperimentMetric",
        "metric_type": "mean",
        "name": "Nested",
        "source": {"kind": "EventsNode", "math": "hogql", "math_hogql": "sum(max(properties.v))"},
    }
    with pytest.raises(InputError, match="Nested"):
        compute_result(experiment_with([]), SPEC, metric, as_of=AS_OF)


def test_the_metrics_of_a_prompt_experiment():
    said = {"$ai_prompt_name": "reply"}
    source = experiment_with(
        [
            (1, "$ai_generation", said | {"$ai_total_cost_usd": 0.25, "$ai_latency": 2}),
            (1, "$ai_generation", said | {"$ai_total_cost_usd": 0.5, "$ai_latency": 1}),
            (1, "$ai_generation", {"$ai_prompt_name": "other", "$ai_total_cost_usd": 9}),
            (2, "$ai_evaluation", said | {"$ai_evaluation_result": True}),
            (2, "$ai_evaluation", said | {"$ai_evaluation_result": False}),
            (
                2,
                "$ai_evaluation",
                said | {"$ai_evaluation_result": True, "$ai_evaluation_applicable": False},
            ),
            (
                2,
                "$ai_evaluation",
                said | {"$ai_evaluation_result": True, "$ai_evaluation_result_type": "score"},
            ),
            (
                2,
                "$ai_evaluation",
                said | {"$ai_evaluation_result": True, "$ai_evaluation_result_type": "boolean"},
            ),
        ]
    )
    cost, latency, passed = (
        compute_result(source, SPEC, metric, as_of=AS_OF)
        for metric in prompt_metrics(["cost", "latency", "eval_pass_rate"], "reply")
    )
    assert cost["baseline"]["sum"] == 0.75
    assert latency["baseline"]["sum"] == 3
    test = passed["variant_results"][0]
    assert (test["sum"], test["denominator_sum"]) == (2, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"relation": "nowhere"}, "cannot be read"),
        ({"person_id": "who"}, "who"),
        ({"typed": {"plan": "plan_column"}}, "plan_column"),
        ({"timestamp": "event"}, "TIMESTAMP"),
    ],
)
def test_a_source_that_does_not_fit_names_the_column(change, words):
    base = experiment_with([])
    with pytest.raises(InputError, match=words):
        EventSource(base.connection, **({"relation": "e"} | change)).check()


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (
            {"metric_type": "mean", "source": {"kind": "ActionsNode", "id": 5}},
            "action 5",
        ),
        (
            {
                "metric_type": "funnel",
                "series": [{"kind": "EventsNode", "event": "a"}],
                "funnel_order_type": "strict",
            },
            "strict",
        ),
        (
            {
                "metric_type": "mean",
                "source": {
                    "kind": "ExperimentDataWarehouseNode",
                    "table_name": "t",
                    "timestamp_field": "at",
                    "events_join_key": "k",
                    "data_warehouse_join_key": "k",
                },
            },
            "events_join_key",
        ),
    ],
)
def test_metrics_that_are_not_supported_are_refused_by_name(metric, words):
    whole = {"kind": "ExperimentMetric", "name": "Odd one", **metric}
    with pytest.raises(InputError, match="Odd one") as caught:
        compute_result(experiment_with([]), SPEC, whole, as_of=AS_OF)
    assert words in caught.value.message


def test_an_empty_experiment_has_rows_of_zeros():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE e (uuid VARCHAR, event VARCHAR, distinct_id VARCHAR, person_id INT, "
        "timestamp TIMESTAMP, properties VARCHAR)"
    )
    metric = {
        "kind": "ExperimentMetric",
        "metric_type": "mean",
        "source": {"kind": "EventsNode", "event": "buy"},
    }
    result = compute_result(EventSource(connection, "e"), SPEC, metric, as_of=AS_OF)
    assert result["baseline"]["number_of_samples"] == 0
    assert "not-enough-exposures" in result["baseline"]["validation_failures"]
