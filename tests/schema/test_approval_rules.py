"""Which changes approval policies catch: one rule for the project and for what asks it."""

import pytest

from exp_jupyter.schema.approvals.rules import (
    DISABLE,
    ENABLE,
    UPDATE,
    FlagState,
    actions,
    conditions_match,
)
from exp_jupyter.schema.flags.flag import FlagFilters
from exp_jupyter.schema.flags.rollout import rollouts

FIRST, SECOND = "groups[0].rollout_percentage", "groups[1].rollout_percentage"
ROLLOUT = {"field": "rollout_percentage"}
ANY = ROLLOUT | {"type": "any_change"}
ABOVE = ROLLOUT | {"type": "before_after", "operator": ">"}
BY_MORE = ROLLOUT | {"type": "change_amount", "operator": ">"}


@pytest.mark.parametrize(
    ("conditions", "before", "after", "caught"),
    [
        (ANY, {FIRST: 20}, {FIRST: 20}, False),
        (ANY, {FIRST: 20}, {FIRST: 30}, True),
        (ANY, {}, {FIRST: 20}, True),
        pytest.param(ANY, {FIRST: 20, SECOND: 5}, {FIRST: 20}, True, id="a path that is removed"),
        (ABOVE | {"value": 50}, {FIRST: 60}, {FIRST: 40}, False),
        (ABOVE | {"value": 50}, {FIRST: 60}, {FIRST: 60, SECOND: 1}, True),
        (ABOVE | {"value": 50}, {FIRST: 60}, {}, False),
        pytest.param(ABOVE | {"value": True}, {}, {FIRST: 0}, True, id="a bound that is no number"),
        pytest.param(BY_MORE | {"value": False}, {FIRST: 9}, {FIRST: 1}, True, id="nor is this"),
        (ABOVE | {"value": "50"}, {}, {FIRST: 1}, True),
        (ABOVE, {}, {FIRST: 1}, True),
        (ABOVE | {"value": 50, "operator": "~"}, {}, {FIRST: 1}, True),
        (BY_MORE | {"value": 10}, {FIRST: 20}, {FIRST: 30}, False),
        (BY_MORE | {"value": 10}, {FIRST: 20}, {FIRST: 31}, True),
        (BY_MORE | {"value": 10}, {}, {FIRST: 100}, False),
        pytest.param(
            ABOVE | {"field": "name", "value": 50}, {}, {FIRST: 1}, True, id="another field"
        ),
        pytest.param(ANY | {"field": "name"}, {FIRST: 1}, {FIRST: 1}, True, id="any of another"),
        ({"type": "any_change"}, {FIRST: 1}, {FIRST: 1}, True),
        (ROLLOUT | {"type": "weekly"}, {}, {FIRST: 1}, True),
        ({}, {}, {FIRST: 1}, True),
    ],
)
def test_conditions_match_what_they_speak_of(conditions, before, after, caught):
    assert conditions_match(conditions, before, after) is caught


@pytest.mark.parametrize(
    ("before", "after", "brought_along", "expected"),
    [
        (FlagState(False, {FIRST: 1}), FlagState(True, {FIRST: 1}), True, (ENABLE,)),
        (FlagState(True, {FIRST: 1}), FlagState(False, {}), True, (DISABLE, UPDATE)),
        (FlagState(True, {FIRST: 1}), FlagState(True, {FIRST: 1}), True, ()),
        (FlagState(True, {FIRST: 1}), FlagState(True, {FIRST: 2}), False, (UPDATE,)),
        (None, FlagState(True, {FIRST: 1}), True, (ENABLE, UPDATE)),
        (None, FlagState(True, {FIRST: 1}), False, (ENABLE,)),
        (None, FlagState(False, {}), True, ()),
    ],
)
def test_a_change_of_a_flag_is_these_actions(before, after, brought_along, expected):
    assert actions(before, after, brought_along=brought_along) == expected


def test_rollout_numbers_have_one_path_each_wherever_they_are_read():
    filters = {
        "groups": [{"rollout_percentage": 50}, {"properties": []}, {"rollout_percentage": 0}],
        "multivariate": {"variants": [{"key": "a", "rollout_percentage": 12.5}, {"key": "b"}]},
        "holdout": {"id": 3, "exclusion_percentage": 10},
    }
    expected = {
        FIRST: 50,
        "groups[2].rollout_percentage": 0,
        "multivariate.variants[0].rollout_percentage": 12.5,
        "holdout.exclusion_percentage": 10,
    }
    assert rollouts(filters) == expected
    assert FlagFilters.model_validate(filters).rollouts == expected
    assert rollouts({"groups": None, "multivariate": None, "holdout": None}) == {}
