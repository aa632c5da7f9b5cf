"""Arms for the property tests: sums that data could give."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from exp_jupyter.engine.statistics.means import Covariate, Mean, Proportion, Ratio, Statistic

units = st.integers(min_value=20, max_value=1_000_000)
positive = st.floats(min_value=0.01, max_value=1_000)


@st.composite
def means(draw: Any, *, above_zero: bool = True) -> Mean:
    centre = draw(positive) if above_zero else draw(st.floats(min_value=-1_000, max_value=1_000))
    spread = draw(st.floats(min_value=0.05, max_value=5)) * max(abs(centre), 0.1)
    return Mean.from_moments(draw(units), centre, spread**2)


@st.composite
def proportions(draw: Any) -> Proportion:
    n = draw(units)
    return Proportion(n, draw(st.integers(min_value=6, max_value=n - 6)))


@st.composite
def ratios(draw: Any) -> Ratio:
    n = draw(units)
    a, b = draw(positive), draw(positive)
    sa, sb = a * draw(st.floats(0.1, 3)), b * draw(st.floats(0.1, 1))
    shared = draw(st.floats(-0.9, 0.9)) * sa * sb
    return Ratio(
        n,
        n * a,
        (n - 1) * sa**2 + n * a * a,
        n * b,
        (n - 1) * sb**2 + n * b * b,
        (n - 1) * shared + n * a * b,
    )


@st.composite
def adjusted_means(draw: Any) -> Mean:
    n, centre = draw(st.integers(30, 100_000)), draw(st.floats(0.5, 50))
    sy, sx = centre * draw(st.floats(0.1, 2)), draw(st.floats(0.1, 10))
    before, correlation = draw(st.floats(-20, 20)), draw(st.floats(-0.95, 0.95))
    own = Mean.from_moments(n, centre, sy**2)
    xx, xy = (n - 1) * sx**2, (n - 1) * correlation * sx * sy
    covariate = Covariate(
        n * before, xx + n * before**2, xy + n * before * centre, centred=(xx, xy)
    )
    return Mean(n, own.sum, own.sum_squares, covariate=covariate, centred=own.centred)


@st.composite
def pairs(draw: Any, *, adjusted: bool = True) -> tuple[Statistic, Statistic]:
    kinds = [means(), proportions(), ratios(), *([adjusted_means()] if adjusted else [])]
    kind = draw(st.sampled_from(kinds))
    return draw(kind), draw(kind)


def sample(seed: int, n: int, effect: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return positive skewed values after, and what the same units did before."""
    rng = np.random.default_rng(seed)
    habit = rng.gamma(2.0, 2.0, n)
    return habit * rng.gamma(4.0, 0.25, n) * (1 + effect), habit * rng.gamma(4.0, 0.25, n)
