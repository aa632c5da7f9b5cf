"""A metric typed as one line of text becomes the metric the API writes, or one clear refusal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exp_jupyter.client.metric_text import FORMS, metric_of
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metric import parse_metric


def node(event, **told):
    return {"kind": "EventsNode", "event": event, **told}


REVENUE = node("purchase", math="sum", math_property="revenue")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("purchase:count", {"metric_type": "mean", "source": node("purchase")}),
        ("purchase.revenue:sum", {"metric_type": "mean", "source": REVENUE}),
        ("call.api.seconds:avg", {"metric_type": "mean", "source": node(
            "call.api", math="avg", math_property="seconds")}),
        ("purchase:funnel", {"metric_type": "funnel", "series": [node("purchase")]}),
        ("$pageview > cart > purchase : funnel", {"metric_type": "funnel", "series": [
            node("$pageview"), node("cart"), node("purchase")]}),
        ("purchase.revenue/purchase:ratio", {"metric_type": "ratio", "numerator": REVENUE,
                                             "denominator": node("purchase")}),
        ("Spent a day=purchase.revenue:SUM:Decrease", {
            "metric_type": "mean", "source": REVENUE, "name": "Spent a day", "goal": "decrease"}),
    ],
)  # fmt: skip
def test_a_line_becomes_a_metric(text, expected):
    assert metric_of(text) == {"kind": "ExperimentMetric", **expected}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no metric"),
        ("purchase", "is no metric"),
        (":count", "is no metric"),
        ("purchase:count:decrease:more", "is no metric"),
        ("purchase:cuont", "'cuont' is none of count"),
        ("purchase:retention", "'retention' is none of"),
        ("purchase:count:down", "'down' is neither increase nor decrease"),
        ("purchase:sum", "names no property"),
        ("purchase.:sum", "names no property"),
        (".revenue:sum", "names no event"),
        ("cart>:funnel", "names no event"),
        ("purchase:ratio", "two sides"),
        ("a/b/c:ratio", "two sides"),
        ("a>b:count", "names no event"),
    ],
)
def test_anything_else_is_refused_in_one_message(text, said):
    with pytest.raises(InputError) as caught:
        metric_of(text)
    assert said in caught.value.message
    assert caught.value.hint


words = st.text(
    st.characters(exclude_characters="=:>/.", exclude_categories=["C", "Z"]), min_size=1
)


@given(event=words, name=words, form=st.sampled_from(FORMS))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_every_form_of_every_event_is_a_metric_of_the_schema(event, name, form):
    what = {"count": event, "funnel": f"{event}>{event}", "ratio": f"{event}/{event}.{name}"}
    made = metric_of(f"{name}={what.get(form, f'{event}.{name}')}:{form}")
    assert made["name"] == name
    assert parse_metric(made).metric_type == made["metric_type"]
