"""A metric in a few characters becomes the metric the API writes, or one clear refusal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import parse_metric
from exp_jupyter.schema.metrics.short_forms import FORMS, metric_of


def node(event, **told):
    return {"kind": "EventsNode", "event": event, **told}


REVENUE = node("purchase", math="sum", math_property="revenue")
BUYING = {"metric_type": "funnel", "series": [node("view"), node("cart"), node("purchase")]}
BASKET = {"metric_type": "ratio", "numerator": REVENUE, "denominator": node("purchase")}
BACK = {
    "metric_type": "retention",
    "completion_event": node("login"),
    "retention_window_start": 1,
    "retention_window_end": 7,
    "retention_window_unit": "day",
    "start_handling": "first_seen",
}


def mean(source, **told):
    return {"metric_type": "mean", "source": source, **told}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("purchase", mean(node("purchase"))),
        ("purchase:total", mean(node("purchase", math="total"))),
        ("purchase:count", mean(node("purchase", math="total"))),
        ("$pageview:unique_session", mean(node("$pageview", math="unique_session"))),
        ("purchase:sum(revenue)", mean(REVENUE)),
        ("purchase.revenue:sum", mean(REVENUE)),
        (
            "call.api.seconds:avg",
            mean(node("call.api", math="avg", math_property="seconds")),
        ),
        ("purchase:hogql(sum(a) / count())", mean(
            node("purchase", math="hogql", math_hogql="sum(a) / count()"))),
        ("purchase:sum(revenue) >= 50", mean(REVENUE, threshold=50.0)),
        ("purchase:conversion", {"metric_type": "funnel", "series": [node("purchase")]}),
        ("purchase:funnel", {"metric_type": "funnel", "series": [node("purchase")]}),
        ("view > cart > purchase", BUYING),
        ("view>cart>purchase:funnel", BUYING),
        ("purchase:sum(revenue) / purchase", BASKET),
        ("purchase.revenue/purchase:ratio", BASKET),
        ("login:retention(1-7 days)", BACK | {"start_event": {"kind": "ExperimentExposureNode"}}),
        ("signup > login:retention(1-7 days)", BACK | {"start_event": node("signup")}),
        ("a: b", mean(node("a: b"))),
    ],
)  # fmt: skip
def test_a_short_form_becomes_a_metric(form, expected):
    assert metric_of(form) == {"kind": "ExperimentMetric", "name": form, **expected}
    assert parse_metric(metric_of(form)).metric_type == expected["metric_type"]


def test_name_goal_and_window_stand_around_it():
    made = metric_of("Wait=reply:avg(seconds) within 2 hours:decrease")
    assert made == {
        "kind": "ExperimentMetric",
        "name": "Wait",
        "goal": "decrease",
        "conversion_window": 2,
        "conversion_window_unit": "hour",
        **mean(node("reply", math="avg", math_property="seconds")),
    }


@pytest.mark.parametrize(
    "form",
    [
        "",
        "Name=",
        "purchase:sum",
        "purchase.:sum",
        ".revenue:sum",
        "cart>:funnel",
        "purchase:ratio",
        "a/b/c:ratio",
        "a / b / c",
        "purchase:sum()",
        "view > purchase:sum(revenue)",
        "purchase:retention(soon)",
    ],
)
def test_anything_else_is_refused_in_one_message(form):
    with pytest.raises(InputError) as caught:
        metric_of(form)
    assert repr(form) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_that_messages_name_are_understood(form):
    assert parse_metric(metric_of(form))


words = st.text(
    st.characters(exclude_characters="=:>/.()<", exclude_categories=["C", "Z"]), min_size=1
)


@given(event=words, name=words, kind=st.sampled_from(["total", "sum", "conversion", "funnel"]))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_every_event_has_every_form(event, name, kind):
    inside = f"({name})" if kind == "sum" else ""
    made = metric_of(f"{name}={event}:{kind}{inside}")
    assert made["name"] == name
    source = made["source"] if made["metric_type"] == "mean" else made["series"][0]
    assert source["event"] == event
    assert parse_metric(made).metric_type == made["metric_type"]
