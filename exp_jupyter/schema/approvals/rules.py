"""Approval rules: which actions a change of a flag is, and which policies catch them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from exp_jupyter.schema.flags.rollout import FIELD

ENABLE, DISABLE, UPDATE = "feature_flag.enable", "feature_flag.disable", "feature_flag.update"

OWNED = {ENABLE: "experiment.launch", DISABLE: "experiment.pause", UPDATE: "experiment.update"}
"""What a project with policies scoped by owner calls the same of an experiment's flag."""

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class FlagState:
    """What approval policies see of a flag.

    Attributes
    ----------
    active
        Whether it is on.
    rollouts
        Its rollout numbers in percent, by path.
    """

    active: bool
    rollouts: Mapping[str, float]


def actions(
    before: FlagState | None, after: FlagState, *, brought_along: bool = True
) -> tuple[str, ...]:
    """Return the actions that a change of a flag is, those that policies are about.

    Parameters
    ----------
    before
        The flag as it is; None for one that is being made.
    after
        The flag as it would be.
    brought_along
        Whether an experiment makes the flag. One made at its own address has no rollout to change
        yet; one that an experiment brings along starts as part of a rollout, and all its numbers
        count. Of no matter for a flag that is there.

    Examples
    --------
    >>> actions(FlagState(False, {}), FlagState(True, {"groups[0].rollout_percentage": 5}))
    ('feature_flag.enable', 'feature_flag.update')
    """
    was_active = before is not None and before.active
    caught = [] if was_active == after.active else [ENABLE if after.active else DISABLE]
    if before is None and not brought_along:
        return tuple(caught)
    if (before.rollouts if before is not None else {}) != after.rollouts:
        caught.append(UPDATE)
    return tuple(caught)


def conditions_match(
    conditions: Mapping[str, Any], before: Mapping[str, float], after: Mapping[str, float]
) -> bool:
    """Return whether a policy's conditions match a change of rollout.

    Conditions that are incomplete, or about another field than the rollout, always match: a
    policy guards too much rather than too little.

    Parameters
    ----------
    conditions
        As the policy has them.
    before, after
        The flag's rollout numbers in percent, by path; none before it is made.

    Examples
    --------
    >>> at_most_half = {"field": "rollout_percentage", "type": "before_after"}
    >>> at_most_half |= {"operator": ">", "value": 50}
    >>> conditions_match(at_most_half, {}, {"groups[0].rollout_percentage": 20})
    False
    """
    if conditions.get("field") != FIELD:
        return True
    kind, bound = conditions.get("type"), conditions.get("value")
    if kind == "any_change":
        return before != after
    compare = _COMPARE.get(str(conditions.get("operator")))
    if compare is None or isinstance(bound, bool) or not isinstance(bound, (int, float)):
        return True
    if kind == "before_after":
        return any(compare(value, bound) for value in after.values())
    if kind == "change_amount":
        return any(
            compare(value - before[path], bound) for path, value in after.items() if path in before
        )
    return True
