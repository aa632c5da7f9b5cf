"""The people of the demo's shop and their visits: who comes, how often, and on which days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exp_jupyter.server.demo.draws import Bools, Draws, Ints, log_normal_table
from exp_jupyter.server.demo.setting import (
    CHECKLIST,
    DAYS,
    FIRST_DAY,
    HOUR_WEIGHTS,
    NOW,
    TRIALS,
    WEEKDAY_WEIGHTS,
    Trial,
    milliseconds,
)

PEOPLE = 25_000
EMPLOYEES = 40
"""The last people of all work for the shop: they are its test accounts."""

DAY_MS = 86_400_000

_VISIT_COUNTS = (1, 2, 3, 4, 5, 6, 8, 11, 15, 22)
_VISIT_WEIGHTS = (46, 20, 11, 7, 5, 4, 3, 2, 1, 1)
_GAP_DAYS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 18, 25)
_GAP_WEIGHTS = (8, 15, 13, 10, 8, 7, 7, 9, 5, 5, 4, 4, 3, 2)
_SWITCHERS_PER_MILLE = 30  # those of them who come back often enough see both variants


@dataclass(frozen=True)
class People:
    """Everybody, one array entry each.

    Attributes
    ----------
    keenness
        0 browses, 1 buys now and then, 2 buys often.
    signup
        The number of the visit with which they sign up, or -1.
    variants
        For each trial the variant they belong to, or -1 when it is not released to them.
    switches
        For each trial whether a second device shows them another variant on odd visits.
    """

    keenness: Ints
    device: Ints
    country: Ints
    anonymous: Ints
    signup: Ints
    variants: dict[str, Ints]
    switches: dict[str, Bools]
    employee: Bools


@dataclass(frozen=True)
class Visits:
    """Every visit in time order of each person, one array entry each.

    Attributes
    ----------
    person
        Whose visit it is.
    number
        0 for a person's first visit.
    start
        Milliseconds since the first day.
    key
        What the visit is called in ``$session_id``.
    """

    person: Ints
    number: Ints
    start: Ints
    key: Ints


def people(draws: Draws) -> People:
    """Draw the people."""
    keenness = draws.pick((55, 33, 12), PEOPLE)
    signs_up = draws.uniform(PEOPLE) < np.asarray((0.22, 0.42, 0.62))[keenness]
    visit = draws.pick((72, 19, 9), PEOPLE)
    employee = np.arange(PEOPLE) >= PEOPLE - EMPLOYEES
    variants, switches = {}, {}
    for trial in TRIALS:
        variants[trial.key] = _assigned(draws, trial)
        switches[trial.key] = draws.below(1000, PEOPLE) < _SWITCHERS_PER_MILLE
    return People(
        keenness=np.where(employee, 2, keenness),
        device=draws.pick((56, 38, 6), PEOPLE),
        country=draws.pick((46, 18, 14, 9, 7, 6), PEOPLE),
        anonymous=draws.hashes(PEOPLE),
        signup=np.where(employee, 0, np.where(signs_up, visit, -1)),
        variants=variants,
        switches=switches,
        employee=employee,
    )


def _assigned(draws: Draws, trial: Trial) -> Ints:
    variant = draws.pick(trial.weights, PEOPLE)
    return np.where(draws.below(100, PEOPLE) < trial.rollout, variant, -1)


def visits(draws: Draws, who: People) -> Visits:
    """Draw everybody's visits up to the demo's present moment."""
    weekday = FIRST_DAY.weekday()
    busy = [
        WEEKDAY_WEIGHTS[(weekday + day) % 7] * (1000 + 5 * day) * (3 if day == 0 else 1)
        for day in range(DAYS)
    ]
    # Customers from before the first day come back soon after it, most of them in two weeks.
    returning = draws.below(100, PEOPLE) < 22
    arrival = np.where(returning, draws.below(16, PEOPLE), draws.pick(busy, PEOPLE))
    arrival = np.where(who.employee, np.arange(PEOPLE) % 5, arrival)
    count = np.asarray(_VISIT_COUNTS)[draws.pick(_VISIT_WEIGHTS, PEOPLE)]
    count = np.where(who.employee, 30, count + (who.keenness == 2))

    person = np.repeat(np.arange(PEOPLE), count)
    first = np.zeros(len(person), dtype=np.bool_)
    first[np.cumsum(count) - count] = True
    gap = np.asarray(_GAP_DAYS)[draws.pick(_GAP_WEIGHTS, len(person))]
    day = _running(np.where(first, arrival[person], gap), first)
    person, day = _with_reminded(draws, who, person, day, first)

    hour = draws.pick(HOUR_WEIGHTS, len(person))
    start = day * DAY_MS + hour * 3_600_000 + draws.below(3_600_000, len(person))
    # Weekends thin out the visits of those who come back, too.
    weight = np.asarray(WEEKDAY_WEIGHTS)[(weekday + day) % 7]
    kept = (start < milliseconds(NOW)) & (draws.below(110, len(person)) < weight)
    person, start = person[kept], start[kept]
    order = np.lexsort((start, person))
    person, start = person[order], start[order]
    begins = np.r_[True, person[1:] != person[:-1]]
    number = _running(np.where(begins, 0, 1), begins)
    return Visits(person, number, start, draws.hashes(len(person)))


def _running(steps: Ints, begins: Bools) -> Ints:
    """Return the running sums of ``steps``, begun anew where ``begins``."""
    total = np.cumsum(steps)
    base = (total - steps)[begins]
    return total - np.repeat(base, np.diff(np.r_[np.flatnonzero(begins), len(steps)]))


def _with_reminded(
    draws: Draws, who: People, person: Ints, day: Ints, first: Bools
) -> tuple[Ints, Ints]:
    """Add the visits that the welcome checklist brings: this is its effect."""
    everyone = person[first]
    arrived = day[first]
    ticked = (who.variants[CHECKLIST.key][everyone] == 1) & (who.signup[everyone] >= 0)
    began = (CHECKLIST.start - FIRST_DAY).days
    ended = DAYS if CHECKLIST.stop is None else (CHECKLIST.stop - FIRST_DAY).days
    ticked &= (arrived >= began) & (arrived < ended)
    ticked &= draws.below(100, len(everyone)) < 16
    back = arrived + 1 + draws.below(6, len(everyone))
    return np.r_[person, everyone[ticked]], np.r_[day, back[ticked]]


BASKET_CENTS = log_normal_table(31.0, 0.62, scale=100, steps=2048)
"""What one ordinary order costs."""

BULK_CENTS = log_normal_table(260.0, 0.9, scale=100, steps=1024)
"""What an office pays for its order: one in fifty, a fifth of the revenue."""
