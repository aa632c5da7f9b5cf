"""The table of the daily series' benchmark: ratios, goals, and which of them are missed."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One ratio and its goal.

    Parameters
    ----------
    name
        What is divided by what.
    ratio
        Takes what was measured and ``wall`` or ``cpu``.
    goal
        What it should be: a bound, with the sizes it is for.
    least
        Whether the goal is a lower bound.
    percent
        Whether it is shown in percent.
    """

    name: str
    ratio: Callable[[dict[str, dict[str, Any]], str], float]
    goal: float | None = None
    sizes: tuple[str, ...] = ("1M", "10M", "100M")
    least: bool = False
    percent: bool = False

    def shown(self, value: float) -> str:
        return f"{100 * value:.1f} %" if self.percent else f"{value:.1f}"

    def cell(self, size: str, found: dict[str, dict[str, Any]]) -> str:
        wall, cpu = (self.ratio(found, kind) for kind in ("wall", "cpu"))
        text = f"{self.shown(wall)} ({self.shown(cpu)})"
        if self.goal is None or size not in self.sizes:
            return text
        missed = wall < self.goal if self.least else wall > self.goal
        return f"{text}, missed" if missed else text

    @property
    def aim(self) -> str:
        if self.goal is None:
            return ""
        text = f"{'≥' if self.least else '≤'} {self.shown(self.goal).replace('.0', '')}"
        return text if len(self.sizes) == 3 else f"{text} at {' and '.join(self.sizes)}"


def _over(above: str, below: str) -> Callable[[dict[str, dict[str, Any]], str], float]:
    return lambda found, kind: float(found[above][kind] / found[below][kind])


def _of_full(way: str) -> Callable[[dict[str, dict[str, Any]], str], float]:
    full = {"wall": "full", "cpu": "full_cpu"}
    return lambda found, kind: float(found[way][kind] / found[way][full[kind]])


_BIG = ("10M", "100M")
TABLE = (
    Row("series ÷ one scan, join and group-by", _over("five", "scan"), 3),
    Row("one query per day and metric ÷ series", _over("naive", "five"), 15, _BIG, least=True),
    Row("tea-tasting ÷ series", _over("tasting", "five"), 10, least=True),
    Row("25 metrics ÷ 5 metrics", _over("twenty_five", "five")),
    Row("one more day ÷ series", _of_full("day"), 0.05, percent=True),
    Row("… without a second look at the last days", _of_full("day_alone"), 0.05, percent=True),
    Row("… with covariates", _of_full("day_cuped"), 0.05, percent=True),
)

NOTES = """\
Each cell: wall time, and in brackets processor time. The series is thirty days of five metrics (a
sum and a count with covariates from fourteen days, a funnel, a ratio, a retention) for three
variants, as `benchmarks/series.py` says; the events are those of `benchmarks/events.py`, forty-five
daily Parquet files. The fastest of three runs stands for the series, the scan and the day.

- *One query per day and metric* and *tea-tasting* were run for the days {days} of thirty and
  counted up. The first has no covariates, in its favour; its sums equal the series' to 1e-9. The
  second has its table of units drawn from the events by one statement a day, and no retention.
- *One more day* starts from the state of twenty-nine days and includes the last four closed days'
  digests, which say whether late events have come; its sums equal a whole pass over all days.
  It is over its goal: the last day has the most exposed units, so it alone costs more than one part
  in thirty; the digests read four more days; and below 10M what is done once per call weighs most.
  With covariates the fourteen days before are read again for the units that are new on that day.
  Its ratio is to a series of the same kind: without covariates but in the last line.
"""


def table(found: dict[str, dict[str, dict[str, Any]]], days: list[int]) -> str:
    """Return the table of all sizes in Markdown; ``days`` are those the slow ways were run for."""
    import duckdb

    sizes = list(found)
    lines = [f"| | goal | {' | '.join(sizes)} |", f"|---|---|{'---|' * len(sizes)}"]
    lines += [
        f"| {row.name} | {row.aim} | "
        + " | ".join(row.cell(size, found[size]) for size in sizes)
        + " |"
        for row in TABLE
    ]
    peaks = [found[size]["five"]["peak"] for size in sizes]
    lines.append(
        "| peak memory of the series | < 2,000 MB | "
        + " | ".join(f"{peak:,.0f} MB{', missed' if peak > 2000 else ''}" for peak in peaks)
        + " |"
    )
    for name, way in (("the series itself", "five"), ("one more day itself", "day")):
        times = " | ".join(f"{found[size][way]['wall']:.2f} s" for size in sizes)
        lines.append(f"| {name}, for orientation | | {times} |")
    notes = NOTES.format(days=f"{', '.join(map(str, days[:-1]))} and {days[-1]}")
    return (
        "# The daily series, measured\n\n"
        "Written by `python -m benchmarks.series FOLDER 1M 10M 100M`, all in one run on "
        f"{os.cpu_count()} cores with Python {platform.python_version()}, NumPy "
        f"{np.__version__} and DuckDB {duckdb.__version__}.\n\n" + "\n".join(lines) + "\n\n" + notes
    )
