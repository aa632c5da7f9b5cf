"""How many of those who called the flag only got errors."""

from __future__ import annotations

import pytest
from test_edges import at, exposed, source, spec

from exp_jupyter.analysis.results.exposures import compute_exposures


def failed(person, moment, error, response=None):
    name, who, when, properties = exposed(person, moment, response)
    return name, who, when, properties | {"$feature_flag_error": error}


def evaluated(number, first=0):
    return [exposed(i, at(2, 10), ("control", "test")[i % 2]) for i in range(first, first + number)]


def coverage(events, **told):
    return compute_exposures(source(*events), spec(**told), at(5)).get("exposure_coverage")


def errors(number, error="timeout", first=500):
    return [failed(i, at(2, 11), error) for i in range(first, first + number)]


def test_units_that_only_got_errors_are_counted_by_reason():
    events = [*evaluated(96), *errors(1, "connection_error", 700), *errors(4)]
    told = coverage(events)
    assert told == {
        "evaluated_entities": 96,
        "errored_entities": 5,
        "errored_percentage": pytest.approx(500 / 101),
        "error_reasons": {"timeout": 4, "connection_error": 1},
    }
    assert list(told["error_reasons"]) == ["timeout", "connection_error"]


def test_a_unit_that_got_a_variant_at_any_time_is_evaluated():
    late = [failed(0, at(2, 9, 30), "timeout"), failed(1, at(3), "timeout", "control")]
    told = coverage([*evaluated(98), *late, *errors(2)])
    assert (told["evaluated_entities"], told["errored_entities"]) == (98, 2)


def test_variants_left_out_of_the_analysis_are_variants_all_the_same():
    told = coverage([*evaluated(98), *errors(2)], excluded_variants=("test",))
    assert told["evaluated_entities"] == 98


def test_a_unit_with_several_errors_counts_under_its_first():
    again = [failed(500, at(2, 10, 59), "first"), failed(500, at(3), "last")]
    assert coverage([*evaluated(99), *errors(2), *again])["error_reasons"] == {
        "first": 1,
        "timeout": 1,
    }


@pytest.mark.parametrize(
    "events",
    [
        [*evaluated(90), *errors(5)],
        [*evaluated(99), *errors(1)],
        [*evaluated(98), *errors(2, "")],
        [*evaluated(98), *errors(2, None)],
    ],
    ids=["few callers", "one percent", "empty text", "no text"],
)
def test_little_is_not_told(events):
    assert coverage(events) is None


def test_only_running_experiments_exposed_by_flag_calls_have_it():
    events = [*evaluated(50), *errors(60)]
    assert coverage(events) is not None
    assert coverage(events, end=at(4)) is None
    seen = {"event": "seen", "kind": "ExperimentEventExposureConfig"}
    assert coverage(events, exposure_criteria={"exposure_config": seen}) is None


def test_the_filters_of_the_flag_call_hold_for_both_counts():
    web = [(*call[:3], call[3] | {"$lib": "web"}) for call in [*evaluated(95), *errors(5)]]
    config = {
        "event": "$feature_flag_called",
        "kind": "ExperimentEventExposureConfig",
        "properties": [{"key": "$lib", "value": ["web"], "operator": "exact", "type": "event"}],
    }
    other = [*evaluated(30, 200), *errors(30, "x", 900)]
    told = coverage([*web, *other], exposure_criteria={"exposure_config": config})
    assert (told["evaluated_entities"], told["errored_entities"]) == (95, 5)
