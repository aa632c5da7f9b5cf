"""Where falling functions pass a level: many one-dimensional roots at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.engine.statistics.arrays import Booleans, Floats

Index = NDArray[np.intp]
Falling = Callable[[Floats, Index], Floats]
"""Values at these points for the elements with these indices; falls as the point grows."""

_ITERATIONS = 80


def crossings(
    function: Falling,
    level: Floats,
    inner: Floats,
    outer: Floats,
    limit: float,
    *,
    upwards: bool,
    tolerance: float = 1e-11,
) -> Floats:
    """Return where a falling function passes ``level``, searched from a point outwards.

    Parameters
    ----------
    function
        Called with points and the indices of the elements they belong to.
    level
        The level of every element.
    inner, outer
        A first guess at two points around the root, one element each. ``outer`` is moved away
        from ``inner`` until the root is between them, at most as far as ``limit``.
    limit
        Where the search ends.
    upwards
        Whether ``limit`` is the largest value to search, else the smallest.
    tolerance
        Absolute and relative accuracy of a root.

    Returns
    -------
    ndarray
        The roots; ``limit`` where the level is not passed before it.
    """
    size = level.size
    everything = np.arange(size, dtype=np.intp)
    span = np.abs(outer - inner)
    if upwards:
        far = np.minimum(outer, limit)
        near = np.minimum(inner, far - 0.5 * span)
    else:
        far = np.maximum(outer, limit)
        near = np.maximum(inner, far + 0.5 * span)
    gap_near, gap_far = function(near, everything) - level, function(far, everything) - level
    # Going up, the function must start above the level and end below it; going down, the reverse.
    sign = 1.0 if upwards else -1.0
    for _ in range(60):
        short = (sign * gap_far > 0) & (far != limit)
        early = (sign * gap_near < 0) & (np.abs(near) < 1e3)
        if not short.any() and not early.any():
            break
        where = np.nonzero(short)[0]
        if where.size:
            step = 2 * (far[where] - near[where])
            near[where], gap_near[where] = far[where], gap_far[where]
            moved = far[where] + step
            far[where] = np.minimum(moved, limit) if upwards else np.maximum(moved, limit)
            gap_far[where] = function(far[where], where) - level[where]
        where = np.nonzero(early & ~short)[0]
        if where.size:
            step = 2 * (far[where] - near[where])
            far[where], gap_far[where] = near[where], gap_near[where]
            near[where] = near[where] - step
            gap_near[where] = function(near[where], where) - level[where]
    open_end = sign * gap_far > 0
    roots = np.where(open_end, limit, far)
    inside = np.nonzero(~open_end)[0]
    if inside.size:
        roots[inside] = _chandrupatla(
            lambda at, index: function(at, inside[index]) - level[inside[index]],
            near[inside],
            far[inside],
            (gap_near[inside], gap_far[inside]),
            tolerance,
        )
    return roots


def _chandrupatla(
    function: Falling, a: Floats, b: Floats, gaps: tuple[Floats, Floats], tolerance: float
) -> Floats:
    """Return the bracketed roots (Chandrupatla, *A new hybrid quadratic/bisection algorithm*)."""
    x1, x2, f1, f2 = b.copy(), a.copy(), gaps[1].copy(), gaps[0].copy()
    roots = np.where(np.abs(f1) < np.abs(f2), x1, x2)
    active = np.arange(a.size, dtype=np.intp)
    t = np.full(a.size, 0.5)
    for _ in range(_ITERATIONS):
        x = x1 + t * (x2 - x1)
        f = function(x, active)
        same = np.sign(f) == np.sign(f1)
        x3, f3 = np.where(same, x1, x2), np.where(same, f1, f2)
        x2, f2 = np.where(same, x2, x1), np.where(same, f2, f1)
        x1, f1 = x, f
        best = np.where(np.abs(f1) < np.abs(f2), x1, x2)
        roots[active] = best
        span = np.abs(x2 - x1)
        allowed = tolerance * (1 + np.abs(best))
        going: Booleans = np.asarray((span > 2 * allowed) & (f1 != 0))
        if not going.any():
            break
        least = np.where(span > 0, 0.5 * allowed / np.where(span > 0, span, 1.0), 0.5)
        # Where two values agree the curve is no guide, and the step is a bisection.
        with np.errstate(all="ignore"):
            xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
            smooth = (phi * phi < xi) & ((1 - phi) ** 2 < 1 - xi)
            curved = f1 / (f2 - f1) * f3 / (f2 - f3)
            curved = curved + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
        t = np.where(smooth & np.isfinite(curved), curved, 0.5)
        t = np.clip(t, least, 1 - least)
        if not going.all():
            active, t = active[going], t[going]
            x1, x2, f1, f2 = x1[going], x2[going], f1[going], f2[going]
    return roots
