"""Warehouse tables as sources of metrics: whose a row is, when it counts, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_edges import at, exposed, mean, source, spec

from exp_jupyter.analysis.posthog.compute import compute_result, compute_series
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import parse_metric

DAY = {"conversion_window": 1, "conversion_window_unit": "day"}


def keyed(person, moment, key, variant="control"):
    """An exposure that names the customer."""
    name, who, when, properties = exposed(person, moment, variant)
    return name, who, when, properties | {"customer": key}


def orders(**more):
    return {
        "kind": "ExperimentDataWarehouseNode",
        "table_name": "orders",
        "timestamp_field": "placed_at",
        "events_join_key": "properties.customer",
        "data_warehouse_join_key": "customer",
        **more,
    }


def with_table(events, rows, columns="customer VARCHAR, placed_at TIMESTAMP, amount DOUBLE"):
    """The events, and a table of orders."""
    found = source(*events)
    found.connection.execute(f"CREATE TABLE orders ({columns})")
    for row in rows:
        values = [part.replace(tzinfo=None) if hasattr(part, "tzinfo") else part for part in row]
        places = ", ".join("?" * len(row))
        found.connection.execute(f"INSERT INTO orders VALUES ({places})", values)
    return replace(found, tables={"orders": "orders"})


def daily(events, rows, metric, of="sum", as_of=None, columns=None, **fields):
    held = with_table(events, rows, *([columns] if columns else []))
    series = compute_series(held, spec(**fields), metric, as_of=as_of or at(5, 12))
    return [day["baseline"][of] for day in series.values()]


def total(**more):
    return mean() | {"source": orders(math="sum", math_property="amount"), **more}


def test_rows_belong_to_the_units_whose_key_they_have():
    events = [keyed(1, at(2, 10), "ada"), keyed(2, at(2, 10), "bob")]
    rows = [("ada", at(2, 11), 5.0), ("ada", at(4, 11), 7.0), ("eve", at(2, 11), 9.0)]
    assert daily(events, rows, total()) == [5, 5, 12, 12]
    assert daily(events, rows, total(), of="number_of_samples") == [2, 2, 2, 2]


def test_a_missing_key_joins_nothing():
    events = [keyed(1, at(2, 10), None), exposed(2, at(2, 10))]
    rows = [(None, at(2, 11), 5.0), ("", at(2, 11), 5.0)]
    assert daily(events, rows, total()) == [0, 0, 0, 0]
    assert daily(events, rows, total(), of="number_of_samples") == [2, 2, 2, 2]


def test_two_units_with_one_key_have_the_same_rows():
    events = [keyed(1, at(2, 10), "ada"), keyed(2, at(3, 10), "ada")]
    assert daily(events, [("ada", at(4, 11), 5.0)], total()) == [0, 0, 10, 10]


def test_the_key_is_that_of_the_first_exposure():
    events = [keyed(1, at(3, 10), "later"), keyed(1, at(2, 10), "first")]
    rows = [("later", at(4, 11), 5.0), ("first", at(4, 12), 7.0)]
    assert daily(events, rows, total()) == [0, 0, 7, 7]


@pytest.mark.parametrize(
    ("kind", "key", "told"),
    [("BIGINT", 12, "12"), ("BIGINT", 12, 12), ("DOUBLE", 12.0, 12), ("DECIMAL(9, 2)", 12, "12")],
)
def test_keys_are_compared_as_text_and_whole_numbers_alike(kind, key, told):
    columns = f"customer {kind}, placed_at TIMESTAMP, amount DOUBLE"
    rows = [(key, at(2, 11), 5.0), (None, at(2, 12), 5.0)]
    assert daily([keyed(1, at(2, 10), told)], rows, total(), columns=columns)[-1] == 5


def test_a_row_counts_from_the_exposure_on_and_before_the_windows_end():
    events = [keyed(1, at(2, 10), "ada")]
    moments = [at(2, 9, 59), at(2, 10), at(3, 9, 59), at(3, 10)]
    rows = [("ada", moment, 10.0**i) for i, moment in enumerate(moments)]
    assert daily(events, rows, total(**DAY))[-1] == 110


def test_a_date_is_the_midnight_it_begins_with():
    columns = "customer VARCHAR, placed_at DATE, amount DOUBLE"
    rows = [("ada", at(2).date(), 1.0), ("ada", at(3).date(), 2.0)]
    assert daily([keyed(1, at(2, 10), "ada")], rows, total(), columns=columns) == [0, 2, 2, 2]


def test_values_are_expressions_over_the_table_and_filters_read_its_columns():
    columns = 'customer VARCHAR, placed_at TIMESTAMP, amount DOUBLE, "the kind" VARCHAR'
    events = [keyed(1, at(2, 10), "ada")]
    rows = [
        ("ada", at(2, 11), 5.0, "a"),
        ("ada", at(2, 12), None, "a"),
        ("ada", at(2, 13), 9.0, "b"),
    ]

    def of(**more):
        return daily(events, rows, mean() | {"source": orders(**more)}, columns=columns)[-1]

    assert of() == 3
    assert of(math="sum", math_property="amount * 2 + 1") == 11 + 19
    assert of(math="avg", math_property="amount") == pytest.approx(14 / 3)
    assert of(math="hogql", math_hogql="sum(amount) / count()") == pytest.approx(14 / 3)
    assert of(math="dau", math_property="the kind") == 2
    kind = {"key": "the kind", "type": "data_warehouse", "operator": "exact", "value": ["a"]}
    large = {"type": "hogql", "key": "orders.amount > 4"}
    assert of(math="sum", math_property="amount", properties=[kind]) == 5
    assert of(properties=[kind], fixedProperties=[large]) == 1


def test_a_covariate_is_read_from_the_rows_before_the_exposure():
    events = [keyed(1, at(2, 10), "ada")]
    rows = [("ada", at(1, 11), 3.0), ("ada", at(2, 11), 5.0)]
    stats = {"method": "frequentist", "cuped": {"enabled": True, "lookback_days": 2}}
    found = daily(events, rows, total(), of="covariate_sum", stats_config=stats)
    assert found == [3, 3, 3, 3]


def test_the_parts_of_a_ratio_have_keys_of_their_own():
    columns = "customer VARCHAR, placed_at TIMESTAMP, person BIGINT"
    rows = [("ada", at(2, 11), 7), ("ada", at(2, 12), 1), (None, at(2, 13), 1)]
    below = orders(events_join_key="person_id", data_warehouse_join_key="person")
    ratio = {**mean(), "metric_type": "ratio", "numerator": orders(), "denominator": below}
    ratio.pop("source")
    events = [keyed(1, at(2, 10), "ada")]
    product = daily(events, rows, ratio, of="numerator_denominator_sum_product", columns=columns)
    assert product[-1] == 2 * 2


def funnel(*series, **more):
    return {"kind": "ExperimentMetric", "metric_type": "funnel", "series": list(series), **more}


def test_a_step_at_the_very_end_of_the_reach_does_not_count():
    # T is the 5th at 12:00, and with it the last exposure.
    events = [keyed(1, at(5, 12), "ada")]
    for moment, steps in ((at(6, 12), [0]), (at(6, 11, 59), [1])):
        found = daily(events, [("ada", moment, 1.0)], funnel(orders(), **DAY), of="step_counts")
        assert found[-1] == steps


def test_in_a_funnel_with_a_table_events_too_are_told_by_the_key():
    events = [
        keyed(1, at(2, 10), "ada"),
        ("cart", 1, at(2, 11), {"customer": "bob"}),
        ("cart", 2, at(2, 12), {"customer": "ada"}),
    ]
    rows = [("ada", at(2, 13), 1.0)]
    steps = [{"kind": "EventsNode", "event": "cart"}, orders()]
    assert daily(events, rows, funnel(*steps), of="step_counts")[-1] == [1, 1]
    alone = [*events[:2]]
    assert daily(alone, rows, funnel(*steps), of="step_counts")[-1] == [0, 0]


def test_rows_at_one_instant_share_one_id_and_take_one_step():
    events = [keyed(1, at(2, 10), "ada")]
    big = orders(properties=[{"key": "amount", "operator": "gte", "value": 5}])
    twice = [("ada", at(2, 11), 9.0), ("ada", at(2, 12), 9.0)]
    assert daily(events, twice[:1], funnel(orders(), big), of="step_counts")[-1] == [1, 0]
    small_first = [("ada", at(2, 11), 1.0), ("ada", at(2, 12), 9.0)]
    assert daily(events, small_first, funnel(big, orders()), of="step_counts")[-1] == [1, 0]


@pytest.mark.parametrize("order", ["ordered", "unordered"])
def test_tables_and_events_make_one_walk(order):
    events = [keyed(1, at(2, 10), "ada"), ("cart", 1, at(3, 11), {"customer": "ada"})]
    steps = [orders(), {"kind": "EventsNode", "event": "cart"}]
    metric = funnel(*steps, funnel_order_type=order)
    early, late = [("ada", at(2, 11), 1.0)], [("ada", at(4, 11), 1.0)]
    assert daily(events, early, metric, of="step_counts") == [[1, 0], [1, 1], [1, 1], [1, 1]]
    reached = [1, 1] if order == "unordered" else [1, 0]
    assert daily(events, late, metric, of="step_counts")[-1] == reached


def retention(start, back, **more):
    return {
        "kind": "ExperimentMetric",
        "metric_type": "retention",
        "start_event": start,
        "completion_event": back,
        "retention_window_start": 0,
        "retention_window_end": 1,
        "retention_window_unit": "day",
        **more,
    }


def test_a_row_is_no_return_of_itself_but_another_at_the_same_instant_is():
    events = [keyed(1, at(2, 10), "ada")]
    one = [("ada", at(2, 11), 1.0)]
    metric = retention(orders(), orders())
    for handling in ("first_seen", "last_seen"):
        again = metric | {"start_handling": handling}
        assert daily(events, one, again, of="sum")[-1] == 0
        assert daily(events, one, again, of="number_of_samples")[-1] == 1
        assert daily(events, one * 2, again, of="sum")[-1] == 1


def test_a_row_can_bring_back_who_started_with_an_event():
    events = [keyed(1, at(2, 10), "ada"), ("open", 1, at(2, 11))]
    opened = {"kind": "EventsNode", "event": "open"}
    rows = [("ada", at(2, 11), 1.0)]
    assert daily(events, rows, retention(opened, orders()))[-1] == 1
    assert daily(events, rows, retention(orders(), opened))[-1] == 1
    assert daily(events, rows, retention({"kind": "ExperimentExposureNode"}, orders()))[-1] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table_name": "refunds"}, "no table 'refunds'"),
        ({"timestamp_field": "sold_at"}, "'orders' has no column 'sold_at'"),
        ({"timestamp_field": "amount"}, "'amount' of the table 'orders' is DOUBLE"),
        ({"data_warehouse_join_key": "client"}, "'orders' has no column 'client'"),
        ({"events_join_key": "customer"}, "'customer' .events_join_key. is no field"),
        ({"events_join_key": "properties.a.b"}, "'properties.a.b'"),
        ({"math": "sum", "math_property": "total"}, "'orders' has no column 'total'"),
        ({"math": "sum", "math_property": "sum(amount)"}, "an aggregate"),
        ({"math": "sum", "math_property": "amount +"}, "cannot be read"),
        ({"math": "sum", "math_property": "others.amount"}, "the name others.amount"),
        ({"properties": [{"key": "kind", "value": "a"}]}, "'orders' has no column 'kind'"),
        ({"properties": [{"key": "a", "type": "person", "value": "a"}]}, "type 'person'"),
    ],
)
def test_what_a_table_lacks_is_named(change, words):
    held = with_table([keyed(1, at(2, 10), "ada")], [("ada", at(2, 11), 5.0)])
    with pytest.raises(InputError, match=words):
        compute_result(held, spec(), mean() | {"source": orders(**change)}, as_of=at(5))


def test_a_table_that_is_gone_is_named():
    held = replace(source(), tables={"orders": "nowhere"})
    with pytest.raises(InputError, match="the table 'orders' cannot be read"):
        compute_result(held, spec(), total(), as_of=at(5))


@pytest.mark.parametrize(
    ("series", "words"),
    [
        ([orders()] * 4, "at most 3 data warehouse steps"),
        ([orders(table_name=name) for name in "abc"], "at most 2 tables"),
        ([orders(), orders(events_join_key="person_id")], "the same events_join_key"),
        ([orders(table_name="")], "table_name"),
    ],
)
def test_a_funnel_takes_few_tables_and_one_key(series, words):
    with pytest.raises(InputError, match=words):
        parse_metric(funnel(*series))
