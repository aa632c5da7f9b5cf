"""The picture of a daily series: its words stay clear of its lines."""

from __future__ import annotations

import re
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exp_jupyter.display.charts.series import Line, Point, SeriesChart

START = date(2026, 3, 2)


def chart(low: float, high: float) -> SeriesChart:
    days = [START + timedelta(days=i) for i in range(9)]
    points = tuple(Point(day, (low + high) / 2, low, high) for day in days)
    exposed = tuple((day, 100) for day in days)
    return SeriesChart((Line("test", points),), (days[0], days[-1]), exposed, days_left=5)


@given(st.floats(-5.0, 5.0), st.floats(0.001, 20.0))
def test_the_words_about_the_days_to_come_are_crossed_by_no_line(low, width):
    drawn = chart(low, low + width).svg().source
    (words,) = re.findall(r'y="([\d.]+)"[^>]*>5 days to planned size<', drawn)
    lines = re.findall(r'<line x1="[\d.]+" y1="([\d.]+)" x2="[\d.]+" y2="\1"', drawn)
    assert lines
    assert not [y for y in map(float, lines) if float(words) - 10 < y < float(words) + 2]
