"""Metric definitions: what is read, what is refused, what identifies a stored result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.exposure import parse_exposure
from exp_jupyter.schema.metrics.fingerprint import fingerprint
from exp_jupyter.schema.metrics.metric import parse_metric
from exp_jupyter.schema.metrics.prompt_metrics import TEMPLATE_KEYS, prompt_metrics

PAGEVIEWS = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "uuid": "u",
    "name": "Page views",
    "source": {"kind": "EventsNode", "event": "$pageview"},
}
START = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def test_fingerprint_of_a_draft():
    assert fingerprint(PAGEVIEWS, None) == (
        "8c74aa4b959dd3c969afc88c179c232682590effc391e88a01d880663b67b95b"
    )


def test_fingerprint_with_start_and_exposure_criteria():
    expected = "36465012cd5a784bf0acf11a136162c3e79f0444f61805b7fe13fe73899e4ad3"
    criteria = {"filterTestAccounts": True}
    assert fingerprint(PAGEVIEWS, START, "bayesian", criteria) == expected
    assert fingerprint(PAGEVIEWS, "2026-03-02T09:15:00Z", "bayesian", criteria) == expected
    elsewhere = START.astimezone(timezone(timedelta(hours=-7)))
    assert fingerprint(PAGEVIEWS, elsewhere, None, criteria) == expected


def test_fingerprint_with_every_setting():
    assert (
        fingerprint(
            PAGEVIEWS, START, "frequentist", {"filterTestAccounts": True}, True, ["b", "a", "a"]
        )
        == "0075c3c02a87b7929b486dc803f2cfcbfc6279ebbdf6ee57ff915fc2fc22af84"
    )


def test_a_name_and_an_empty_breakdown_do_not_change_the_fingerprint():
    renamed = {**PAGEVIEWS, "name": "Other", "uuid": "v", "fingerprint": "old"}
    for breakdown in (None, {}, {"breakdowns": []}, {"breakdowns": None}):
        assert fingerprint({**renamed, "breakdownFilter": breakdown}, None) == fingerprint(
            PAGEVIEWS, None
        )


@pytest.mark.parametrize("key", TEMPLATE_KEYS)
def test_prompt_metrics_are_metrics(key):
    (metric,) = prompt_metrics([key], "support-reply")
    assert parse_metric(metric).metric_type == ("ratio" if key == "eval_pass_rate" else "mean")


def test_an_unknown_template_is_refused():
    with pytest.raises(InputError, match="bogus"):
        prompt_metrics(["bogus"], "support-reply")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric_type": "median"}, "metric_type"),
        ({"kind": "ExperimentTrendsQuery"}, "legacy metric (ExperimentTrendsQuery)"),
        ({"source": None}, "source"),
        ({"source": {"kind": "EventsNode", "event": "x", "id": 1}}, "forbidden"),
        ({"threshold": 0}, "greater than 0"),
        ({"threshold": 3, "lower_bound_percentile": 0.1}, "outlier"),
        ({"threshold": 3, "source": {"kind": "EventsNode", "math": "avg"}}, "count and sum"),
        ({"upper_bound_percentile": 99}, "upper_bound_percentile"),
    ],
)
def test_an_unusable_metric_names_itself_and_the_field(change, words):
    with pytest.raises(InputError, match="Page views") as caught:
        parse_metric({**PAGEVIEWS, **change})
    assert words in caught.value.message


def test_unknown_fields_are_kept():
    metric = parse_metric({**PAGEVIEWS, "isSharedMetric": True})
    assert metric.model_dump()["isSharedMetric"] is True


def test_exposure_defaults():
    criteria = parse_exposure({})
    assert criteria.filter_test_accounts
    assert criteria.handling == "exclude"
    assert parse_exposure({"filterTestAccounts": False}).filter_test_accounts is False


def test_unusable_exposure_criteria_are_refused():
    with pytest.raises(InputError, match="exposure_config"):
        parse_exposure({"exposure_config": {"kind": "ActionsNode"}})
