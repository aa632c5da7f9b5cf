"""Funnels walked event by event, where SQL's running maxima do not say who used which event."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from exp_jupyter.schema.metrics.metric import FunnelMetric
from exp_jupyter.warehouse.events.fold import NEVER, DailySums, filled, positions
from exp_jupyter.warehouse.events.funnel import LONGEST
from exp_jupyter.warehouse.events.statements import SUMS
from exp_jupyter.warehouse.request.days import Days, microseconds

Event = tuple[int, str, tuple[int, ...]]
"""Instant in microseconds, id, and the steps it matches in ascending order (0 is the exposure)."""


def ordered_reach(events: Iterable[Event], steps: int, window: int) -> list[tuple[int, int]]:
    """Return when one unit got how far through an ordered funnel.

    Parameters
    ----------
    events
        The unit's events by time.
    steps
        Steps after the exposure.
    window
        Microseconds from an exposure to the last step of its path, included.

    Returns
    -------
    list of (instant, level)
        Every instant at which the unit got further, and how far; the exposure is level 0.

    Notes
    -----
    An event alone at its instant is tried from the highest of its steps down, so it advances one
    level. Events at one instant that match different steps are split into single steps taken in
    ascending order, none twice on a path; those that match the same steps come one by one.

    Examples
    --------
    >>> ordered_reach([(0, "a", (0,)), (5, "b", (1,)), (9, "c", (2,))], 2, 10)
    [(5, 1), (9, 2)]
    >>> ordered_reach([(0, "a", (0,)), (5, "b", (1, 2))], 2, 10)
    [(5, 1)]
    """
    held: list[tuple[int, frozenset[str]] | None] = [None] * (steps + 1)
    reached: list[tuple[int, int]] = []

    def arrive(instant: int, name: str, step: int, *, once: bool) -> None:
        if step == 0:
            held[0] = (instant, frozenset((name,)))
        else:
            before = held[step - 1]
            if before is None or instant - before[0] > window or (once and name in before[1]):
                return
            held[step] = (before[0], before[1] | {name})
        if step > (reached[-1][1] if reached else 0):
            reached.append((instant, step))

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
        if reached and reached[-1][1] == steps:
            break
    return reached


def unordered_reach(events: Iterable[Event], steps: int, window: int) -> list[tuple[int, int]]:
    """Return when one unit held how many steps at once, the exposure not counted.

    An event that matches several steps goes to the one whose latest event is oldest.

    Examples
    --------
    >>> unordered_reach([(0, "a", (0,)), (3, "c", (2,)), (5, "b", (1,))], 2, 10)
    [(3, 1), (5, 2)]
    """
    queues: list[deque[int]] = [deque() for _ in range(steps + 1)]
    reached: list[tuple[int, int]] = []
    for instant, _, matched in events:
        for queue in queues:
            while queue and instant - queue[0] > window:
                queue.popleft()
        queues[min(matched, key=lambda step: queues[step][-1] if queues[step] else -1)].append(
            instant
        )
        level = sum(1 for queue in queues if queue) - 1
        if level > (reached[-1][1] if reached else 0):
            reached.append((instant, level))
    return reached


def fold_walks(
    rows: Mapping[str, Any],
    metric: FunnelMetric,
    days: Days,
    *,
    variants: int,
    breakdowns: int,
    exclude: bool,
    at_entry: bool = False,
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
    at_entry
        Whether all that a unit has done belongs to its entry day: the rows are those of its window.
    """
    steps = len(metric.series)
    window = metric.window_seconds * 1_000_000
    ends = [microseconds(days.end_of(day)) for day in days.dates]
    names = (*SUMS, *(f"k{i}" for i in range(1, steps + 1)))
    known, place = positions(rows, breakdowns)
    u = np.asarray(rows["u"], dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, u[1:] != u[:-1]]) if u.size else np.zeros(0, np.int64)
    v, x = filled(rows["v"], 0).astype(np.int64), filled(rows["xv"], 0.0)
    entry, leave = filled(rows["d0"], 0).tolist(), filled(rows["dm"], NEVER).tolist()
    us, masks = filled(rows["us"], 0).tolist(), filled(rows["steps"], 0).tolist()
    ids = [str(name) for name in np.ma.getdata(rows["id"])]
    bits = {mask: _bits(mask, steps) for mask in set(masks)}
    changes: list[tuple[int, int, int, int]] = []  # row of the unit, day, level, sign
    ordinals = np.append(starts[1:], u.size)[: starts.size].tolist()
    for first, after in zip(starts.tolist(), ordinals, strict=True):
        events = [(us[i], ids[i], bits[masks[i]]) for i in range(first, after) if masks[i]]
        stop = min(leave[first], len(ends)) if exclude else len(ends)
        day, level = entry[first], 0
        if day >= stop:
            continue
        if at_entry:
            level = max((far for _, far in _reach(metric)(events, steps, window)), default=0)
        for later, further in () if at_entry else _levels(events, metric, ends, window):
            if later >= stop:
                break
            if later > day:
                changes += ((first, day, level, 1), (first, later, level, -1))
                day = later
            level = further
        changes.append((first, day, level, 1))
        if stop < len(ends):
            changes.append((first, stop, level, -1))
    values = np.zeros((len(known), variants, len(ends), len(names)))
    if changes:
        row, when, reached, sign = np.array(changes, dtype=np.int64).T
        done = (reached >= steps).astype(np.float64)
        covariate, none = x[row], np.zeros(row.size)
        parts = [none + 1, done, done, done, none, none, none, covariate, covariate**2]
        parts += [covariate * done, *(reached >= k for k in range(1, steps + 1))]
        np.add.at(values, (place[row], v[row], when), np.stack(parts, axis=-1) * sign[:, None])
    return DailySums(names, known, np.cumsum(values, axis=2))


def _levels(
    events: Sequence[Event], metric: FunnelMetric, ends: Sequence[int], window: int
) -> Iterable[tuple[int, int]]:
    """Yield every day on which a unit's level changes, and the level."""
    steps = len(metric.series)
    reach = _reach(metric)
    # What is read from tables ends before the end of a day's reach, other events with it.
    strictly = bool(metric.table_steps)
    if all(matched == (0,) for _, _, matched in events):
        return
    if not window:
        # A day knows what happened by its end, so one walk serves all days.
        for instant, level in reach(events, steps, LONGEST):
            day = bisect_right(ends, instant) if strictly else bisect_left(ends, instant)
            yield day, level
        return
    level, seen = 0, -1
    for day, end in enumerate(ends):
        visible = _visible(events, end, window, strictly=strictly)
        # A later day knows all an earlier one did, and of some steps that they expose as well.
        known = sum(len(matched) for _, _, matched in visible)
        if known != seen:
            seen = known
            now = max((far for _, far in reach(visible, steps, window)), default=0)
            if now != level:
                level = now
                yield day, level


def _reach(metric: FunnelMetric) -> Callable[[Iterable[Event], int, int], list[tuple[int, int]]]:
    return unordered_reach if metric.funnel_order_type == "unordered" else ordered_reach


def _bits(mask: int, steps: int) -> tuple[int, ...]:
    return tuple(k for k in range(steps + 1) if mask >> k & 1)


def _visible(events: Sequence[Event], end: int, window: int, *, strictly: bool) -> list[Event]:
    """Return what a day's point knows: exposures up to its end, steps up to a window later."""
    known = []
    last = end + window - strictly
    for instant, name, matched in events:
        if instant > last:
            break
        steps = matched if instant <= end else tuple(step for step in matched if step)
        if steps:
            known.append((instant, name, steps))
    return known
