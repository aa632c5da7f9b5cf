"""How numbers are written: exact enough to decide by, and never misleading."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.numbers import MINUS, MISSING

EXAMPLES = settings(derandomize=True, max_examples=200, deadline=None)
finite = st.floats(-1e6, 1e6, allow_nan=False)
fractions = st.floats(-5, 5, allow_nan=False)
WRITERS = [
    numbers.count,
    numbers.number,
    numbers.amount,
    numbers.percent,
    numbers.share,
    numbers.lift,
    numbers.difference,
    numbers.p_value,
    numbers.chance,
    numbers.days,
    numbers.duration,
]


def read(text: str) -> float:
    """Read a written number back, as a fraction when it is in percent."""
    found = text.replace(MINUS, "-").replace(",", "")
    return float(found.removesuffix(" %")) / (100 if found.endswith(" %") else 1)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("missing", [None, math.nan])
def test_what_is_missing_is_a_dash(write, missing):
    assert write(missing) == MISSING


@EXAMPLES
@given(fractions)
def test_a_lift_has_its_sign_unless_it_is_nought(fraction):
    text = numbers.lift(fraction)
    if re.search("[1-9]", text):
        assert text.startswith("+" if fraction > 0 else MINUS)
    else:
        assert not text.startswith(("+", MINUS))


@EXAMPLES
@given(fractions, st.floats(1e-6, 2))
def test_an_interval_that_leaves_out_nought_is_seen_to(low, width):
    high = low + width
    if low > 1e-8 or high < -1e-8:
        ends = [read(end) for end in numbers.interval(low, high).split(" to ")]
        assert (min(ends) > 0) == (low > 0)
        assert (max(ends) < 0) == (high < 0)


@EXAMPLES
@given(fractions, st.floats(1e-6, 2))
def test_an_interval_is_written_to_a_twentieth_of_its_width(low, width):
    ends = [read(end) for end in numbers.interval(low, low + width).split(" to ")]
    assert abs(ends[0] - low) <= max(width / 20, 0.0005) + 1e-9


@EXAMPLES
@given(st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.1]))
def test_a_p_value_is_written_on_its_side_of_alpha(p, alpha):
    text = numbers.p_value(p, alpha)
    if not text.startswith("<") and abs(p - alpha) > 1e-7:
        assert (float(text) < alpha) == (p < alpha)


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.00099, "< 0.001"), (0.001, "0.0010"), (0.0099, "0.0099"), (0.01, "0.010"), (0.27, "0.270")],
)
def test_p_values_are_rounded_as_the_project_rounds_them(p, text):
    assert numbers.p_value(p) == text


@pytest.mark.parametrize(
    ("chance", "text"),
    [(1.0, "> 99.9 %"), (0.9994, "> 99.9 %"), (0.5, "50.0 %"), (0.009, "0.90 %"), (0, "< 0.1 %")],
)
def test_a_chance_is_never_certain(chance, text):
    assert numbers.chance(chance) == text


@EXAMPLES
@given(finite, st.integers(2, 6))
def test_a_number_keeps_its_significant_digits(value, digits):
    text = numbers.number(value, digits)
    if abs(value) >= 1e-8:
        shown = read(text) if "e" not in text else float(text.replace(MINUS, "-"))
        assert abs(shown - value) <= abs(value) * 10 ** (1 - digits) + 0.5 * (abs(value) >= 1e3)


@EXAMPLES
@given(st.integers(0, 10**12))
def test_counts_read_back_exactly(count):
    assert int(numbers.count(count).replace(",", "")) == count


def test_money_is_only_written_when_the_currency_is_told():
    assert numbers.amount(4.82) == "4.82"
    assert numbers.money(4.82, "USD") == "$4.82"


def test_a_day_has_its_year_where_years_may_differ():
    assert numbers.day("2026-03-12") == "12 Mar"
    assert numbers.day("2026-03-12", year=True) == "12 Mar 2026"
