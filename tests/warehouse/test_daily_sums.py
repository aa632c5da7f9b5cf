"""Every day of every metric kind equals the naive analysis of that day."""

from __future__ import annotations

import math
from dataclasses import replace

import oracle
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from worlds import (
    funnels,
    means,
    ratios,
    request_of,
    retentions,
    source_of,
    worlds,
)

from exp_jupyter.warehouse import daily_exposures, daily_sums
from exp_jupyter.warehouse.daily import unit_exposures
from exp_jupyter.warehouse.stream.one_pass import Stream

small = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # the worlds are too dense to shrink
    suppress_health_check=list(HealthCheck),
)


def check(world, metrics, *, typed=False):
    for one_pass in (True, False):
        request = request_of(world, metrics)
        agree(world, metrics, daily_sums(source_of(world, typed=typed), request, one_pass=one_pass))


def agree(world, metrics, found):
    kept = [v for v in world.variants if v not in world.excluded]
    for metric, sums in zip(metrics, found, strict=True):
        for i, (day, stop) in enumerate(oracle.points(world)):
            expected = oracle.result(world, metric, stop)
            for g, values in enumerate(sums.breakdowns):
                for j, variant in enumerate(kept):
                    row = expected.get((values, variant), {})
                    for name, value in sums.of(g, j, i).items():
                        want = row.get(name, 0.0)
                        assert math.isclose(value, want, rel_tol=1e-9, abs_tol=1e-9 * scale(row)), (
                            f"{metric['metric_type']} {day} {values} {variant} {name}: "
                            f"{value} instead of {want}"
                        )
            missing = {key for key, row in expected.items() if row["n"]} - {
                (values, variant) for values in sums.breakdowns for variant in kept
            }
            assert not missing


def scale(row):
    # Differences cancel to about the size of the squares they are taken from.
    return max(1.0, *(abs(v) for v in row.values())) if row else 1e12


@small
@given(worlds(), means())
def test_means(world, metric):
    check(world, [metric])


@small
@given(worlds(), ratios())
def test_ratios(world, metric):
    check(world, [metric])


@small
@given(worlds(), funnels())
def test_funnels(world, metric):
    check(world, [metric])


@small
@given(worlds(), retentions())
def test_retentions(world, metric):
    check(world, [metric])


@settings(small, max_examples=60)
@given(worlds(), st.one_of(funnels(), retentions()).filter(oracle.window_us))
def test_one_window_for_every_metric(world, metric):
    check(replace(world, one_window=True), [metric])


@small
@given(worlds(), st.lists(st.one_of(means(), ratios(), funnels(), retentions()), max_size=5))
def test_metrics_that_share_a_scan(world, metrics):
    check(world, metrics)


@settings(small, max_examples=15)
@given(worlds(), st.one_of(means(), funnels()))
def test_typed_columns_say_the_same_as_json(world, metric):
    check(world, [metric], typed=True)


@settings(small, max_examples=30)
@given(worlds())
def test_exposures(world):
    source, request = source_of(world), request_of(world, [])
    counts, multiple = daily_exposures(source, request)
    kept = [v for v in world.variants if v not in world.excluded]
    expected, several = oracle.exposures(world, kept)
    assert counts.tolist() == expected
    assert multiple.tolist() == several
    stream = Stream(source, request)
    stream.expose(request.days.start_us)
    passed = unit_exposures(stream.units, request)
    assert [of.tolist() for of in passed] == [expected, several]
