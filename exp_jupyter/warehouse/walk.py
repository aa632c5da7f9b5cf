"""Funnels walked event by event, where SQL's running maxima do not say who used which event."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from exp_jupyter.schema.metric import FunnelMetric
from exp_jupyter.warehouse.days import Days, microseconds
from exp_jupyter.warehouse.fold import NEVER, DailySums, filled, positions
from exp_jupyter.warehouse.funnel import LONGEST
from exp_jupyter.warehouse.statement import SUMS

Event = tuple[int, str, tuple[int, ...]]
"""Instant in microseconds, id, and the steps it matches in ascending order (0 is the exposure)."""


def ordered_reach(events: Iterable[Event], steps: int, window: int) -> int:
    """Return how far one unit walked through an ordered funnel.

    Parameters
    ----------
    events
        The unit's events by time.
    steps
        Steps after the exposure.
    window
        Microseconds from an exposure to the last step of its path, included.

    Notes
    -----
    An event alone at its instant is tried from the highest of its steps down, so it advances one
    level. Events at one instant that match different steps are split into single steps taken in
    ascending order, none twice on a path; those that match the same steps come one by one.

    Examples
    --------
    >>> ordered_reach([(0, "a", (0,)), (5, "b", (1,)), (9, "c", (2,))], 2, 10)
    2
    >>> ordered_reach([(0, "a", (0,)), (5, "b", (1, 2))], 2, 10)
    1
    """
    held: list[tuple[int, frozenset[str]] | None] = [None] * (steps + 1)
    reached = -1

    def arrive(instant: int, name: str, step: int, *, once: bool) -> None:
        nonlocal reached
        if step == 0:
            held[0] = (instant, frozenset((name,)))
        else:
            before = held[step - 1]
            if before is None or instant - before[0] > window or (once and name in before[1]):
                return
            held[step] = (before[0], before[1] | {name})
        reached = max(reached, step)

    for _, group in groupby(events, key=lambda event: event[0]):
        together = list(group)
        if len({event[2] for event in together}) == 1:
            for instant, name, matched in together:
                for step in reversed(matched):
                    arrive(instant, name, step, once=False)
        else:
            single = sorted(
                ((step, event) for event in together for step in event[2]),
                key=lambda pair: pair[0],
            )
            for step, (instant, name, _) in single:
                arrive(instant, name, step, once=True)
        if reached == steps:
            break
    return max(reached, 0)


def unordered_reach(events: Iterable[Event], steps: int, window: int) -> int:
    """Return the most steps one unit held at once within the window, the exposure not counted.

    An event that matches several steps goes to the one whose latest event is oldest.

    Examples
    --------
    >>> unordered_reach([(0, "a", (0,)), (3, "c", (2,)), (5, "b", (1,))], 2, 10)
    2
    """
    queues: list[deque[int]] = [deque() for _ in range(steps + 1)]
    most = 0
    for instant, _, matched in events:
        for queue in queues:
            while queue and instant - queue[0] > window:
                queue.popleft()
        queues[min(matched, key=lambda step: queues[step][-1] if queues[step] else -1)].append(
            instant
        )
        most = max(most, sum(1 for queue in queues if queue))
    return max(most - 1, 0)


def fold_walks(
    rows: Mapping[str, Any],
    metric: FunnelMetric,
    days: Days,
    *,
    variants: int,
    breakdowns: int,
    exclude: bool,
) -> DailySums:
    """Walk every unit's events on every day its known events change, and fold the outcome.

    Parameters
    ----------
    rows
        The columns of ``walk_statement``.
    metric
        The funnel.
    days
        The window and its days.
    variants, breakdowns, exclude
        As for ``fold_cells``.
    """
    steps = len(metric.series)
    window = metric.window_seconds * 1_000_000
    reach = unordered_reach if metric.funnel_order_type == "unordered" else ordered_reach
    ends = [microseconds(days.end_of(day)) for day in days.dates]
    names = (*SUMS, *(f"k{i}" for i in range(1, steps + 1)))
    known, place = positions(rows, breakdowns)
    values = np.zeros((len(known), variants, len(ends), len(names)))
    u = np.asarray(rows["u"], dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, u[1:] != u[:-1]]) if u.size else np.zeros(0, np.int64)
    v, entry = filled(rows["v"], 0), filled(rows["d0"], 0)
    leave, x = filled(rows["dm"], NEVER), filled(rows["xv"], 0.0)
    us, masks = filled(rows["us"], 0), filled(rows["steps"], 0)
    ids = np.ma.getdata(rows["id"])
    for first, after in zip(starts, np.append(starts[1:], u.size)[: starts.size], strict=True):
        events: list[Event] = [
            (int(us[i]), str(ids[i]), _bits(int(masks[i]), steps))
            for i in range(first, after)
            if masks[i]
        ]
        stop = min(int(leave[first]), len(ends)) if exclude else len(ends)
        idle = all(matched == (0,) for _, _, matched in events)
        level, seen, done, x_u = 0, -1, 0.0, float(x[first])
        levels = values[place[first], int(v[first])]
        for day in range(int(entry[first]), stop):
            # An ordered walk that has arrived stays arrived; without steps there is none.
            if not idle and (level < steps or reach is unordered_reach):
                visible = _visible(events, ends[day], window)
                if len(visible) != seen:  # a later day knows all an earlier one did
                    seen = len(visible)
                    level = reach(visible, steps, window or LONGEST)
                    done = float(level >= steps)
            levels[day, :9] += (1.0, done, done, 0, 0, 0, x_u, x_u * x_u, x_u * done)
            levels[day, 9 : 9 + level] += 1.0
    return DailySums(names, known, values)


def _bits(mask: int, steps: int) -> tuple[int, ...]:
    return tuple(k for k in range(steps + 1) if mask >> k & 1)


def _visible(events: Sequence[Event], end: int, window: int) -> list[Event]:
    """Return what a day's point knows: exposures up to its end, steps up to a window later."""
    known = []
    last = end + window
    for instant, name, matched in events:
        if instant > last:
            break
        steps = matched if instant <= end else tuple(step for step in matched if step)
        if steps:
            known.append((instant, name, steps))
    return known
