"""The breakdown values that most units have: the others are added up as one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from exp_jupyter.schema.metrics.metric import NULL_LABEL, OTHER_LABEL
from exp_jupyter.warehouse.events.fold import DailySums


def limited(sums: DailySums, day: int, limit: int) -> DailySums:
    """Return one day's sums with the values of most units; the rest are added up as others.

    Parameters
    ----------
    sums
        A metric's sums by its breakdown values.
    day
        Which day.
    limit
        How many combinations of values keep their own; ties go to the smaller ones.
    """
    units = sums.values[:, :, day, sums.names.index("n")].sum(axis=1)
    labels = [tuple(NULL_LABEL if v is None else v for v in key) for key in sums.breakdowns]
    there = [i for i in range(len(labels)) if units[i]]
    kept = {labels[i] for i in sorted(there, key=lambda i: (-units[i], labels[i]))[:limit]}
    groups: dict[tuple[str | None, ...], list[int]] = {}
    for i in there:
        key = labels[i] if labels[i] in kept else (OTHER_LABEL,) * len(labels[i])
        groups.setdefault(key, []).append(i)
    values = [sums.values[members, :, day : day + 1].sum(axis=0) for members in groups.values()]
    empty = np.zeros((0, sums.values.shape[1], 1, len(sums.names)))
    return DailySums(sums.names, list(groups), np.stack(values) if values else empty)


def joined_days(days: Mapping[int, DailySums], number: int) -> DailySums:
    """Return sums of several days, each with breakdown values of its own, as one.

    Parameters
    ----------
    days
        One day's sums by their place in the window; at least one.
    number
        How many days the window has; those that are not given are empty.
    """
    first, *_ = days.values()
    place = {
        key: i
        for i, key in enumerate(dict.fromkeys(k for sums in days.values() for k in sums.breakdowns))
    }
    values = np.zeros((len(place), first.values.shape[1], number, len(first.names)))
    for day, sums in days.items():
        for i, key in enumerate(sums.breakdowns):
            values[place[key], :, day] = sums.values[i, :, 0]
    return DailySums(first.names, list(place), values)
