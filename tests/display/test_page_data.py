"""The page as data for a front end: it says what the HTML says, and sorts without reading words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from exp_jupyter.display import page
from exp_jupyter.display.charts.series import Line, Point, SeriesChart
from exp_jupyter.display.content import blocks
from exp_jupyter.display.render import data, html


def cells(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (dict, list)):
            yield from cells(item)


class Words(HTMLParser):
    """The words of a page, a run of text each."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, text: str) -> None:
        if text.strip():
            self.found.append(text.strip())


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def even(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" ·")


def test_every_word_of_the_html_is_in_the_data(sample):
    reader = Words()
    reader.feed(sample.to_html())
    found = page(sample).to_data()["page"]
    said = even(" ".join(texts(found)))
    marked = {f"{cell['mark']} {cell['text']}" for cell in cells(found) if "mark" in cell}
    ours = {"Next:", "→", "(unchanged)", "nothing", ""}  # a front end has these words itself
    for run in reader.found:
        for words in map(even, run.split(" · ")):
            assert words in ours or words in said or words in map(even, marked), words


def description(*parts: blocks.Block) -> blocks.Description:
    return blocks.Description("note", "Note", parts)


def table(*cells: blocks.Cell) -> dict[str, Any]:
    columns = tuple(blocks.Column(f"c{place}") for place, _ in enumerate(cells))
    shown = blocks.Table("Cells", columns, (blocks.Row(cells),))
    (found,) = data.render(description(shown))["blocks"]
    return found


def test_a_cell_keeps_its_number_beside_its_words():
    (row,) = table(blocks.Figure(0.101, "+10.1 %", note="of 50"), blocks.Figure(0, "0"))["rows"]
    assert row == [
        {"text": "+10.1\xa0%", "note": "of 50", "value": 0.101},
        {"text": "0", "value": 0},
    ]


def test_an_open_interval_is_json_all_the_same():
    bar = blocks.Bar(0.1, -math.inf, 0.2, "below +20 %")
    (row,) = table(blocks.Text("a"), bar)["rows"]
    assert row[1]["bar"] == [0.1, "-inf", 0.2]
    json.dumps(row, allow_nan=False)


def test_markup_and_marks_that_reorder_stay_words():
    (found,) = data.render(description(blocks.Sentence("<b>\u202eevil</b>\x1b[2K")))["blocks"]
    (words,) = found["words"]
    assert "<b>" in words
    assert "\u202e" not in words
    assert "\x1b" not in words


@pytest.mark.parametrize("days", [1, 30, 400])
def test_a_chart_says_each_point_and_stays_small(days):
    start = date(2026, 1, 1)
    points = tuple(Point(start + timedelta(n), 0.1, 0.05, 0.15) for n in range(days))
    chart = SeriesChart(
        (Line("test", points),),
        (start, points[-1].day),
        tuple((point.day, 100) for point in points),
        alt="the series",
    )
    (found,) = data.render(description(blocks.Picture(chart)))["blocks"]
    (line,) = found["plot"]["lines"]
    assert line["points"][-1][:2] == [days - 1, 0.1]
    assert line["points"][-1][-1].endswith(": +10.0\xa0% (+5.0\xa0% to +15.0\xa0%)")
    assert len(json.dumps(found)) <= 30_000


def test_a_drawing_without_values_comes_as_its_picture():
    class Drawing:
        alt = "a drawing"

        def svg(self) -> blocks.Svg:
            return blocks.Svg("<svg/>", 10, 20)

    (found,) = data.render(description(blocks.Picture(Drawing())))["blocks"]
    assert found["svg"] == "<svg/>"
    assert (found["width"], found["height"]) == (10, 20)


def test_the_html_does_not_depend_on_the_data(sample):
    shown = page(sample)
    before = html.render(shown.description)
    shown.to_data()
    assert html.render(shown.description) == before
