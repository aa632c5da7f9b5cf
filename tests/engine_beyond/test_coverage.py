"""A small seeded part of benchmarks/coverage.py: the bands must hold at every commit."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "coverage.py"
    spec = importlib.util.spec_from_file_location("coverage_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name while they are made.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_intervals_cover_the_truth(benchmark: ModuleType) -> None:
    rows = benchmark.coverages(sizes=(500,), replications=600)
    assert len(rows) == len(benchmark.KINDS) * len(benchmark.METHODS)
    for row in rows:
        # 600 experiments: three standard errors are 2.7 points.
        assert 0.923 <= row.coverage <= 0.977, row
        assert 0.923 <= row.coverage_under_lift <= 0.977, row


def test_cuped_errs_as_often_as_it_says_and_compat_does_not(benchmark: ModuleType) -> None:
    for row in benchmark.cupeds(replications=600, n=500):
        assert 0.025 <= row.recommended <= 0.08, row
        assert row.compat > row.recommended, row
    assert max(row.compat for row in benchmark.cupeds(replications=200, n=500)) > 0.1


def test_a_sequence_may_be_watched(benchmark: ModuleType) -> None:
    for row in benchmark.crossings(replications=200, block=40):
        assert max(row.recommended, row.compat, row.one_sided) <= 0.06, row
        assert row.five_looks < 0.1, row
        assert row.peeking > 0.15, row


def test_planned_power_is_the_power_one_gets(benchmark: ModuleType) -> None:
    for plan in benchmark.PLANS:
        row = benchmark.simulated_power(plan, replications=8000)
        assert abs(row.simulated - row.planned) <= 0.02, row


def test_the_committed_table_is_inside_its_bands() -> None:
    page = (Path(__file__).parents[2] / "benchmarks" / "coverage.md").read_text(encoding="utf-8")
    cuped = [
        line.split("|") for line in page.splitlines() if line.startswith(("| normal,", "| sp"))
    ]
    assert len(cuped) == 4
    assert all(4 <= float(cells[4]) <= 6 for cells in cuped)
